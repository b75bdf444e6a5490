/* The queue from Orthanc's threads to the Python workers, and the control channel beside it.

   No thread of Orthanc runs Python: its HTTP threads have stacks of 100 KiB (see docs/adr/0001). A request lives on the
   stack of the thread that made it; that thread sleeps until a worker completes it. */

#define _GNU_SOURCE
#include <pthread.h>
#include <time.h>

#include "shim.h"

#define METRICS_TIMEOUT_MS 1000

typedef struct pending
{
  storage_request request; /* first: a storage_request* from Python is a pending* here */
  storage_whole *whole;
  OrthancPluginErrorCode code;
  int completed;
  unsigned life;
  pthread_cond_t finished;
  struct pending *next;
} pending;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static pthread_cond_t not_empty = PTHREAD_COND_INITIALIZER;
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

static void complete_locked(pending *item, int32_t code)
{
  item->code = to_orthanc(code);
  item->completed = 1;
  pthread_cond_signal(&item->finished);
}

OrthancPluginErrorCode storage_submit(storage_request request, storage_whole *whole)
{
  pending item = {
    .request = request,
    .whole = whole,
    .code = OrthancPluginErrorCode_StorageAreaPlugin,
    .finished = PTHREAD_COND_INITIALIZER
  };

  pthread_mutex_lock(&mutex);
  if (closed || !storage_interpreter_alive())
  {
    pthread_mutex_unlock(&mutex);
    storage_logf(STORAGE_LOG_ERROR, "The storage area is stopped: attachment %s was not served", request.uuid);
    return OrthancPluginErrorCode_StorageAreaPlugin;
  }
  item.life = life;
  if (last == NULL)
  {
    first = &item;
  }
  else
  {
    last->next = &item;
  }
  last = &item;
  pthread_cond_signal(&not_empty);
  while (!item.completed)
  {
    pthread_cond_wait(&item.finished, &mutex);
  }
  pthread_mutex_unlock(&mutex);
  pthread_cond_destroy(&item.finished);
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
  pending *item = NULL;
  unsigned mine;

  pthread_mutex_lock(&mutex);
  mine = life;
  if (done != NULL)
  {
    mine = ((pending *) done)->life;
    complete_locked((pending *) done, code);
  }
  /* A worker that was late in an earlier life serves a store that is closed: it must end. */
  while (mine == life && (item = take_locked()) == NULL && !closed)
  {
    pthread_cond_wait(&not_empty, &mutex);
  }
  pthread_mutex_unlock(&mutex);
  return item == NULL ? NULL : &item->request;
}

void storage_complete(storage_request *done, int32_t code)
{
  pthread_mutex_lock(&mutex);
  complete_locked((pending *) done, code);
  pthread_mutex_unlock(&mutex);
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
  pthread_cond_broadcast(&not_empty);
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
    complete_locked(item, OrthancPluginErrorCode_StorageAreaPlugin);
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
