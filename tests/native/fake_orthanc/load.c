/* Many calls at once, and what they cost. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"

#define DICOM 1
#define MAXIMUM_UUID 40
#define MAXIMUM_THREADS 1024

typedef struct
{
  unsigned number; /* of the thread */
  unsigned calls;
  uint64_t size;
  unsigned failures;
  int32_t failure; /* code of the last one */
  double *seconds; /* bench: one per call */
  int range; /* bench: reads, otherwise creates */
} task;

static void name(char *uuid, unsigned thread, unsigned number)
{
  snprintf(uuid, MAXIMUM_UUID, "%08x-0000-4000-8000-%012x", thread, number);
}

static void fill(uint8_t *data, uint64_t size, unsigned thread, unsigned number)
{
  for (uint64_t i = 0; i < size; i++)
  {
    data[i] = (uint8_t) (thread * 31 + number * 17 + i * 7 + (i >> 8));
  }
}

static void note(task *self, int32_t code, int32_t expected, int same)
{
  if (code != expected || !same)
  {
    self->failures++;
    self->failure = code;
  }
}

static void check_whole(task *self, const char *uuid, const uint8_t *data)
{
  host_whole whole = {NULL, 0};
  int32_t code = host_read(&whole, uuid, DICOM);

  note(self, code, 0,
       code != 0 || (whole.size == self->size && (whole.size == 0 || memcmp(whole.data, data, whole.size) == 0)));
  if (code == 0)
  {
    host_free_whole(&whole);
  }
}

static void check_range(task *self, const char *uuid, const uint8_t *data, uint8_t *target, unsigned number)
{
  uint64_t start = self->size == 0 ? 0 : (number * 2654435761u) % self->size;
  uint64_t size = self->size - start;
  int32_t code;

  memset(target, HOST_UNTOUCHED, size);
  code = host_range(target, size, uuid, DICOM, start);
  note(self, code, 0, memcmp(target, data + start, size) == 0);
}

static void *mixed(void *argument)
{
  task *self = argument;
  uint8_t *data = malloc(self->size + 1);
  uint8_t *target = malloc(self->size + 1);
  host_whole none = {NULL, 0};
  char uuid[MAXIMUM_UUID];

  for (unsigned i = 0; i < self->calls; i++)
  {
    unsigned number = i / 5;
    name(uuid, self->number, number);
    switch (i % 5)
    {
      case 0:
        fill(data, self->size, self->number, number);
        note(self, host_create(uuid, data, (int64_t) self->size, DICOM), 0, 1);
        break;
      case 1:
        check_whole(self, uuid, data);
        break;
      case 2:
        check_range(self, uuid, data, target, number);
        break;
      case 3:
        note(self, host_remove(uuid, DICOM), 0, 1);
        break;
      default:
        note(self, host_read(&none, uuid, DICOM), OrthancPluginErrorCode_InexistentFile, 1);
    }
  }
  free(data);
  free(target);
  return NULL;
}

/* Runs one task per thread and returns the seconds that it took. */
static double run_all(void *(*body)(void *), task *tasks, unsigned threads)
{
  pthread_t ids[MAXIMUM_THREADS];
  double started = host_now();

  for (unsigned i = 0; i < threads; i++)
  {
    ids[i] = host_thread(body, &tasks[i]);
  }
  for (unsigned i = 0; i < threads; i++)
  {
    pthread_join(ids[i], NULL);
  }
  return host_now() - started;
}

static task *make_tasks(unsigned threads, unsigned calls, uint64_t size)
{
  task *tasks = calloc(threads, sizeof(task));

  if (threads == 0 || threads > MAXIMUM_THREADS || calls == 0)
  {
    host_fatal("from 1 to %d threads and at least 1 call, please", MAXIMUM_THREADS);
  }
  for (unsigned i = 0; i < threads; i++)
  {
    tasks[i] = (task) {.number = i, .calls = calls, .size = size};
  }
  return tasks;
}

static unsigned count_failures(const task *tasks, unsigned threads, int32_t *code)
{
  unsigned failures = 0;

  for (unsigned i = 0; i < threads; i++)
  {
    failures += tasks[i].failures;
    *code = tasks[i].failures != 0 ? tasks[i].failure : *code;
  }
  return failures;
}

void host_threads(unsigned threads, unsigned calls, uint64_t size)
{
  task *tasks = make_tasks(threads, calls, size);
  double seconds = run_all(mixed, tasks, threads);
  int32_t code = 0;
  unsigned failures = count_failures(tasks, threads, &code);

  host_answer("{\"verb\": \"threads\", \"calls\": %u, \"seconds\": %.3f, \"failures\": %u, \"last_failure\": %d}",
              threads * calls, seconds, failures, (int) code);
  free(tasks);
}

/* --- bench --- */

static void *timed(void *argument)
{
  task *self = argument;
  uint8_t *data = malloc(self->size + 1);
  char uuid[MAXIMUM_UUID];

  fill(data, self->size, self->number, 0);
  for (unsigned i = 0; i < self->calls; i++)
  {
    double started = host_now();
    name(uuid, self->number, i);
    note(self, self->range ? host_range(data, self->size, uuid, DICOM, 0)
                           : host_create(uuid, data, (int64_t) self->size, DICOM), 0, 1);
    self->seconds[i] = host_now() - started;
  }
  free(data);
  return NULL;
}

static void *clean(void *argument)
{
  task *self = argument;
  char uuid[MAXIMUM_UUID];

  for (unsigned i = 0; i < self->calls; i++)
  {
    name(uuid, self->number, i);
    note(self, host_remove(uuid, DICOM), 0, 1);
  }
  return NULL;
}

static int compare(const void *a, const void *b)
{
  double difference = *(const double *) a - *(const double *) b;
  return (difference > 0) - (difference < 0);
}

static void measure(char *text, size_t length, task *tasks, unsigned threads, double *seconds)
{
  size_t count = (size_t) threads * tasks[0].calls;
  double elapsed = run_all(timed, tasks, threads);

  qsort(seconds, count, sizeof(double), compare);
  snprintf(text, length, "{\"calls_per_second\": %.1f, \"median_us\": %.2f, \"p95_us\": %.2f}",
           (double) count / elapsed, 1e6 * seconds[count / 2], 1e6 * seconds[count * 95 / 100]);
}

void host_bench(unsigned threads, unsigned calls, uint64_t size)
{
  task *tasks = make_tasks(threads, calls, size);
  double *seconds = calloc((size_t) threads * calls, sizeof(double));
  char create[160], range[160];
  int32_t code = 0;

  for (unsigned i = 0; i < threads; i++)
  {
    tasks[i].seconds = seconds + (size_t) i * calls;
  }
  measure(create, sizeof(create), tasks, threads, seconds);
  for (unsigned i = 0; i < threads; i++)
  {
    tasks[i].range = 1;
  }
  measure(range, sizeof(range), tasks, threads, seconds);
  run_all(clean, tasks, threads);
  host_answer("{\"verb\": \"bench\", \"threads\": %u, \"calls\": %u, \"size\": %llu, \"create\": %s, \"range\": %s, "
              "\"failures\": %u}", threads, calls, (unsigned long long) size, create, range,
              count_failures(tasks, threads, &code));
  free(seconds);
  free(tasks);
}
