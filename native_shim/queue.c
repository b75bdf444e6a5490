/* The queue from Orthanc's threads to the Python workers, and the control channel beside it.

   No thread of Orthanc runs Python: its HTTP threads have stacks of 100 KiB (see docs/adr/0001). A request lives on the
   stack of the thread that made it; that thread sleeps until a worker completes it. */

#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>
#include <time.h>

#include "shim.h"

#define METRICS_TIMEOUT_MS 1000

typedef struct pending
{
  storage_request request; /* first: a storage_request* from Python is a pending* here */
  storage_whole *whole;
  OrthancPluginErrorCode code;
  unsigned life;
  sem_t finished;
  struct pending *next;
} pending;

/* A worker that waits for a request. It lives on the worker's stack. */
typedef struct idle
{
  pending *item; /* what it was woken for, NULL: to end */
  sem_t wake;
  struct idle *below;
} idle;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

/* Either requests wait or workers do. The worker that came last is woken first: its stack and its memory are still in the
   caches, and a light load keeps few workers busy that must share the interpreter lock. */
static idle *top = NULL;
static pending *first = NULL;
static pending *last = NULL;
static int closed = 1;
static unsigned life = 0; /* Orthanc may load us again in the same process: each time the queue starts a new life */

static pthread_cond_t control_wanted = PTHREAD_COND_INITIALIZER;
static pthread_cond_t metrics_published = PTHREAD_COND_INITIALIZER;
static uint64_t metrics_requested = 0; /* generations: a refresh waits until its own number has been published */
static uint64_t metrics_taken = 0;
static uint64_t metrics_done = 0;

static OrthancPluginErrorCode to_orthanc(int32_t code)
{
  if (code == STORAGE_DONE)
  {
    return OrthancPluginErrorCode_Success;
  }
  /* A 0 does not come from a healthy Python, see border.h. */
  return code == 0 ? OrthancPluginErrorCode_StorageAreaPlugin : (OrthancPluginErrorCode) code;
}

static void complete(pending *item, int32_t code)
{
  item->code = to_orthanc(code);
  sem_post(&item->finished); /* the item is gone from here on */
}

static void wait_for(sem_t *semaphore)
{
  while (sem_wait(semaphore) != 0)
  {
  }
  sem_destroy(semaphore);
}

OrthancPluginErrorCode storage_submit(storage_request request, storage_whole *whole)
{
  pending item = {.request = request, .whole = whole, .code = OrthancPluginErrorCode_StorageAreaPlugin};
  idle *worker;

  pthread_mutex_lock(&mutex);
  if (closed || !storage_interpreter_alive())
  {
    pthread_mutex_unlock(&mutex);
    storage_logf(STORAGE_LOG_ERROR, "The storage area is stopped: attachment %s was not served", request.uuid);
    return OrthancPluginErrorCode_StorageAreaPlugin;
  }
  item.life = life;
  sem_init(&item.finished, 0, 0);
  worker = top;
  if (worker != NULL)
  {
    top = worker->below;
    worker->item = &item;
    sem_post(&worker->wake);
  }
  else
  {
    *(last == NULL ? &first : &last->next) = &item;
    last = &item;
  }
  pthread_mutex_unlock(&mutex);
  wait_for(&item.finished);
  return item.code;
}

static pending *take_locked(void)
{
  pending *item = first;
  if (item != NULL)
  {
    first = item->next;
    if (first == NULL)
    {
      last = NULL;
    }
  }
  return item;
}

storage_request *storage_next(storage_request *done, int32_t code)
{
  idle self = {.item = NULL};
  unsigned mine = done == NULL ? 0 : ((pending *) done)->life;

  if (done != NULL)
  {
    complete((pending *) done, code);
  }
  pthread_mutex_lock(&mutex);
  /* A worker that was late in an earlier life serves a store that is closed: it must end. */
  if (done != NULL && mine != life)
  {
    pthread_mutex_unlock(&mutex);
    return NULL;
  }
  self.item = take_locked();
  if (self.item != NULL || closed)
  {
    pthread_mutex_unlock(&mutex);
  }
  else
  {
    sem_init(&self.wake, 0, 0);
    self.below = top;
    top = &self;
    pthread_mutex_unlock(&mutex);
    wait_for(&self.wake);
  }
  return self.item == NULL ? NULL : &self.item->request;
}

void storage_complete(storage_request *done, int32_t code)
{
  complete((pending *) done, code);
}

int32_t storage_allocate(storage_request *request, uint64_t size)
{
  storage_whole *whole = ((pending *) request)->whole;

  if (whole == NULL || whole->allocated)
  {
    return 0;
  }
  if (!storage_host_allocate(&whole->buffer, size))
  {
    return 0;
  }
  whole->allocated = 1;
  request->data = whole->buffer.data;
  request->size = size;
  return 1;
}

/* What was left from an earlier life does not count any more. */
void storage_queue_open(void)
{
  pthread_mutex_lock(&mutex);
  closed = 0;
  life++;
  metrics_requested = metrics_taken = metrics_done = 0;
  pthread_mutex_unlock(&mutex);
}

/* From now on nothing is accepted; what waits is still served, then the workers are told to end. */
void storage_queue_close(void)
{
  pthread_mutex_lock(&mutex);
  closed = 1;
  while (top != NULL)
  {
    idle *worker = top;
    top = worker->below;
    sem_post(&worker->wake);
  }
  pthread_cond_broadcast(&control_wanted);
  pthread_mutex_unlock(&mutex);
}

/* Fails the requests that no worker has taken. Returns how many there were. */
unsigned storage_queue_fail_waiting(void)
{
  pending *item;
  unsigned count = 0;

  pthread_mutex_lock(&mutex);
  while ((item = take_locked()) != NULL)
  {
    complete(item, OrthancPluginErrorCode_StorageAreaPlugin);
    count++;
  }
  pthread_mutex_unlock(&mutex);
  return count;
}

int32_t storage_control(void)
{
  int32_t event;

  pthread_mutex_lock(&mutex);
  if (metrics_done != metrics_taken)
  {
    metrics_done = metrics_taken;
    pthread_cond_broadcast(&metrics_published);
  }
  while (!closed && metrics_requested == metrics_taken)
  {
    pthread_cond_wait(&control_wanted, &mutex);
  }
  if (closed)
  {
    event = STORAGE_CONTROL_STOP;
  }
  else
  {
    metrics_taken = metrics_requested;
    event = STORAGE_CONTROL_METRICS;
  }
  pthread_mutex_unlock(&mutex);
  return event;
}

/* Orthanc's callback before it shows its metrics. Bounded: a stuck interpreter must not take an HTTP thread with it. */
void storage_metrics_refresh(void)
{
  struct timespec deadline;
  uint64_t wanted;

  clock_gettime(CLOCK_MONOTONIC, &deadline);
  deadline.tv_sec += METRICS_TIMEOUT_MS / 1000;

  pthread_mutex_lock(&mutex);
  wanted = ++metrics_requested;
  pthread_cond_signal(&control_wanted);
  while (!closed && metrics_done < wanted && storage_interpreter_alive())
  {
    if (pthread_cond_clockwait(&metrics_published, &mutex, CLOCK_MONOTONIC, &deadline) != 0)
    {
      break;
    }
  }
  pthread_mutex_unlock(&mutex);
}
