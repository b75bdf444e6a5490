/* Instead of load.c of the host in tests/native: each of Orthanc's four callbacks by itself, timed. `callbacks.py`
   builds and drives it. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "host.h"

#define DICOM 1
#define HEADER 8192 /* bytes: what Orthanc reads of an instance for its tags, roughly */
#define MAXIMUM_THREADS 256
#define MAXIMUM_UUID 40

typedef struct task
{
  unsigned number; /* of the thread */
  unsigned calls;
  uint64_t size;
  const uint8_t *data; /* the same for all */
  int32_t (*call)(struct task *self, const char *uuid);
  double *seconds; /* one per call */
  unsigned failures;
} task;

static int32_t create(task *self, const char *uuid)
{
  return host_create(uuid, self->data, (int64_t) self->size, DICOM);
}

static int32_t read_whole(task *self, const char *uuid)
{
  host_whole whole = {NULL, 0};
  int32_t code = host_read(&whole, uuid, DICOM);

  if (code == 0)
  {
    code = whole.size == self->size ? 0 : HOST_UNAVAILABLE;
    host_free_whole(&whole);
  }
  return code;
}

static int32_t read_range(task *self, const char *uuid)
{
  uint8_t header[HEADER];

  return host_range(header, self->size < HEADER ? self->size : HEADER, uuid, DICOM, 0);
}

static int32_t remove_(task *self, const char *uuid)
{
  (void) self;
  return host_remove(uuid, DICOM);
}

static void *work(void *argument)
{
  task *self = argument;
  char uuid[MAXIMUM_UUID];

  for (unsigned i = 0; i < self->calls; i++)
  {
    double started = host_now();
    snprintf(uuid, sizeof(uuid), "%08x-0000-4000-8000-%012x", self->number, i);
    self->failures += self->call(self, uuid) != 0;
    self->seconds[i] = host_now() - started;
  }
  return NULL;
}

static int compare(const void *a, const void *b)
{
  double difference = *(const double *) a - *(const double *) b;
  return (difference > 0) - (difference < 0);
}

/* Seconds of CPU time of this process. */
static double processor(void)
{
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return (double) now.tv_sec + (double) now.tv_nsec * 1e-9;
}

static void measure(char *text, size_t length, task *tasks, unsigned threads, int32_t (*call)(task *, const char *))
{
  pthread_t ids[MAXIMUM_THREADS];
  size_t count = (size_t) threads * tasks[0].calls;
  double started = host_now(), cpu = processor(), elapsed;

  for (unsigned i = 0; i < threads; i++)
  {
    tasks[i].call = call;
    ids[i] = host_thread(work, &tasks[i]);
  }
  for (unsigned i = 0; i < threads; i++)
  {
    pthread_join(ids[i], NULL);
  }
  elapsed = host_now() - started;
  cpu = processor() - cpu;
  qsort(tasks[0].seconds, count, sizeof(double), compare);
  snprintf(text, length, "{\"calls_per_second\": %.1f, \"median_ms\": %.3f, \"cpu_ms\": %.4f}",
           (double) count / elapsed, 1e3 * tasks[0].seconds[count / 2], 1e3 * cpu / (double) count);
}

void host_bench(unsigned threads, unsigned calls, uint64_t size)
{
  task tasks[MAXIMUM_THREADS];
  double *seconds = calloc((size_t) threads * calls, sizeof(double));
  char create_[128], read[128], range[128], removed[128];
  unsigned failures = 0;
  uint8_t *data = malloc(size + 1);

  for (uint64_t i = 0; i < size; i++)
  {
    data[i] = (uint8_t) rand(); /* nothing that a server could compress */
  }
  if (threads == 0 || threads > MAXIMUM_THREADS || calls == 0)
  {
    host_fatal("from 1 to %d threads and at least 1 call, please", MAXIMUM_THREADS);
  }
  for (unsigned i = 0; i < threads; i++)
  {
    tasks[i] = (task) {.number = i, .calls = calls, .size = size, .data = data};
    tasks[i].seconds = seconds + (size_t) i * calls;
  }
  measure(create_, sizeof(create_), tasks, threads, create);
  measure(read, sizeof(read), tasks, threads, read_whole);
  measure(range, sizeof(range), tasks, threads, read_range);
  measure(removed, sizeof(removed), tasks, threads, remove_);
  for (unsigned i = 0; i < threads; i++)
  {
    failures += tasks[i].failures;
  }
  host_answer("{\"create\": %s, \"read\": %s, \"range\": %s, \"remove\": %s, \"failures\": %u}", create_, read, range,
              removed, failures);
  free(seconds);
  free(data);
}

void host_threads(unsigned threads, unsigned calls, uint64_t size)
{
  host_fatal("threads %u %u %llu: not in this host", threads, calls, (unsigned long long) size);
}
