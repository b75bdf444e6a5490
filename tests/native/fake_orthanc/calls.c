/* Single calls of a script, each on a thread like those of Orthanc. */

#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "host.h"

#define MAXIMUM_WORDS 6
#define MAXIMUM_CALLS 1024
#define MAXIMUM_HEX 64 /* bytes that an answer tells in full */

typedef struct
{
  char *words[MAXIMUM_WORDS];
  int32_t type;
  void *data;
  uint64_t size;
  int touched; /* read: what a failed call must leave alone */
  int32_t code;
  double seconds;
  pthread_t thread;
} call;

static call *calls[MAXIMUM_CALLS]; /* started and not yet waited for */
static int calls_count = 0;

/* "''" is the empty text, "\xNN" a byte that a script cannot hold. */
static char *unescape(const char *word)
{
  char *text = calloc(1, strlen(word) + 1);
  char *end = text;

  if (strcmp(word, "''") == 0)
  {
    return text;
  }
  while (*word != '\0')
  {
    unsigned byte;
    if (sscanf(word, "\\x%2x", &byte) == 1)
    {
      *end++ = (char) byte;
      word += 4;
    }
    else
    {
      *end++ = *word++;
    }
  }
  return text;
}

static void *repeat(const char *hexadecimal, uint64_t size)
{
  size_t length = strlen(hexadecimal) / 2;
  uint8_t *data = malloc(size == 0 ? 1 : size);

  for (uint64_t i = 0; i < size; i++)
  {
    unsigned byte = 0;
    if (i < length)
    {
      sscanf(hexadecimal + 2 * i, "%2x", &byte);
    }
    data[i] = i < length ? (uint8_t) byte : data[i - length];
  }
  return data;
}

static void run_create(call *self)
{
  int64_t size = strtoll(self->words[4], NULL, 10);
  int null = size == 0 || strcmp(self->words[3], "null") == 0; /* Orthanc gives NULL when there are no bytes */
  void *data = null ? NULL : repeat(self->words[3], (uint64_t) llabs(size));

  self->code = host_create(self->words[1], data, size, self->type);
  free(data);
}

static void run_read(call *self)
{
  void *const nowhere = &self->touched;
  host_whole whole = {nowhere, HOST_UNTOUCHED};

  self->code = host_read(&whole, self->words[1], self->type);
  self->touched = whole.data != nowhere || whole.size != HOST_UNTOUCHED;
  if (self->code == 0)
  {
    self->size = whole.size;
    self->data = malloc(whole.size == 0 ? 1 : whole.size);
    if (whole.size != 0)
    {
      memcpy(self->data, whole.data, whole.size);
    }
    host_free_whole(&whole);
  }
}

static void run_range(call *self)
{
  self->size = strtoull(self->words[4], NULL, 10);
  self->data = malloc(self->size == 0 ? 1 : self->size);
  memset(self->data, HOST_UNTOUCHED, self->size);
  self->code = host_range(self->size == 0 ? NULL : self->data, self->size, self->words[1], self->type,
                          strtoull(self->words[3], NULL, 10));
}

static void run_remove(call *self)
{
  self->code = host_remove(self->words[1], self->type);
}

static const struct
{
  const char *verb;
  int words;
  void (*run)(call *self);
} verbs[] = {{"create", 5, run_create}, {"read", 3, run_read}, {"range", 5, run_range}, {"remove", 3, run_remove}};

static void (*find(const char *verb, int words))(call *)
{
  for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
  {
    if (strcmp(verbs[i].verb, verb) == 0 && verbs[i].words == words)
    {
      return verbs[i].run;
    }
  }
  return NULL;
}

static void *run(void *argument)
{
  call *self = argument;
  int words = 0;
  double started = host_now();

  while (words < MAXIMUM_WORDS && self->words[words] != NULL)
  {
    words++;
  }
  find(self->words[0], words)(self);
  self->seconds = host_now() - started;
  return NULL;
}

/* Returns 0 when these words are no call. */
int host_call_start(char **words, int count)
{
  call *self;

  if (count > MAXIMUM_WORDS || find(words[0], count) == NULL)
  {
    return 0;
  }
  if (calls_count == MAXIMUM_CALLS)
  {
    host_fatal("more than %d calls at once", MAXIMUM_CALLS);
  }
  self = calloc(1, sizeof(call));
  for (int i = 0; i < count; i++)
  {
    self->words[i] = unescape(words[i]);
  }
  self->type = atoi(words[2]);
  calls[calls_count++] = self;
  self->thread = host_thread(run, self);
  return 1;
}

static void print_bytes(char *text, size_t length, const call *self)
{
  const uint8_t *data = self->data;
  uint64_t digest = 0xcbf29ce484222325;

  for (uint64_t i = 0; i < self->size; i++)
  {
    if (self->size <= MAXIMUM_HEX)
    {
      snprintf(text + 2 * i, length - 2 * i, "%02x", data[i]);
    }
    digest = (digest ^ data[i]) * 0x100000001b3;
  }
  if (self->size > MAXIMUM_HEX)
  {
    snprintf(text, length, "fnv1a:%016lx", (unsigned long) digest);
  }
}

static void finish(call *self)
{
  char bytes[2 * MAXIMUM_HEX + 1] = "";

  print_bytes(bytes, sizeof(bytes), self);
  host_answer("{\"verb\": \"%s\", \"code\": %d, \"seconds\": %.3f, \"size\": %llu, \"bytes\": \"%s\", \"touched\": %s}",
              self->words[0], (int) self->code, self->seconds, (unsigned long long) self->size, bytes,
              self->touched ? "true" : "false");
  for (int i = 0; i < MAXIMUM_WORDS; i++)
  {
    free(self->words[i]);
  }
  free(self->data);
  free(self);
}

/* Answers all started calls in the order of their start. What is not over by then is told with code null and left. */
void host_call_wait(int64_t milliseconds)
{
  struct timespec deadline;

  clock_gettime(CLOCK_REALTIME, &deadline);
  deadline.tv_sec += milliseconds / 1000;
  deadline.tv_nsec += (milliseconds % 1000) * 1000000;
  if (deadline.tv_nsec >= 1000000000)
  {
    deadline.tv_sec++;
    deadline.tv_nsec -= 1000000000;
  }
  for (int i = 0; i < calls_count; i++)
  {
    if (pthread_timedjoin_np(calls[i]->thread, NULL, &deadline) == ETIMEDOUT)
    {
      host_answer("{\"verb\": \"%s\", \"code\": null}", calls[i]->words[0]);
    }
    else
    {
      finish(calls[i]);
    }
  }
  calls_count = 0;
}
