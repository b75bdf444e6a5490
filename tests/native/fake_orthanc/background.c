/* Calls that go on while the plugin stops, and after it. */

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "host.h"

#define DICOM 1
#define MAXIMUM_UUID 40
#define AFTER_STOP_MS 100

typedef struct
{
  unsigned number;
  unsigned long calls;
  unsigned long refused; /* with the code of a storage area that has stopped */
  unsigned long unexpected;
} loop;

static loop *loops = NULL;
static pthread_t *loop_threads = NULL;
static unsigned loops_count = 0;
static atomic_int stopped; /* the plugin says that it has stopped: nothing may succeed from now on */
static atomic_int quit;

static void *repeat(void *argument)
{
  loop *self = argument;
  uint8_t data[64] = {0};
  char uuid[MAXIMUM_UUID];

  snprintf(uuid, sizeof(uuid), "%08x-0000-4000-8000-bac000000000", self->number);
  while (!atomic_load(&quit))
  {
    int after = atomic_load(&stopped);
    int32_t code = self->calls % 2 == 0 ? host_create(uuid, data, sizeof(data), DICOM) : host_remove(uuid, DICOM);
    self->calls++;
    self->refused += code == OrthancPluginErrorCode_StorageAreaPlugin;
    if (code != 0)
    {
      nanosleep(&(struct timespec) {0, 1000000}, NULL); /* each refusal is a line in the log */
    }
    self->unexpected += code != OrthancPluginErrorCode_StorageAreaPlugin && (after || code != 0);
  }
  return NULL;
}

void host_background(unsigned threads)
{
  if (loops != NULL)
  {
    host_fatal("the background is already busy");
  }
  loops = calloc(threads, sizeof(loop));
  loop_threads = calloc(threads, sizeof(pthread_t));
  loops_count = threads;
  atomic_store(&stopped, 0);
  atomic_store(&quit, 0);
  for (unsigned i = 0; i < threads; i++)
  {
    loops[i].number = i;
    loop_threads[i] = host_thread(repeat, &loops[i]);
  }
}

/* After the plugin has stopped: calls go on for a while, then are told. */
void host_background_after_stop(void)
{
  struct timespec pause = {0, AFTER_STOP_MS * 1000000L};
  loop sum = {0};

  if (loops == NULL)
  {
    return;
  }
  atomic_store(&stopped, 1);
  nanosleep(&pause, NULL);
  atomic_store(&quit, 1);
  for (unsigned i = 0; i < loops_count; i++)
  {
    pthread_join(loop_threads[i], NULL);
    sum.calls += loops[i].calls;
    sum.refused += loops[i].refused;
    sum.unexpected += loops[i].unexpected;
  }
  host_answer("{\"verb\": \"background\", \"calls\": %lu, \"refused\": %lu, \"unexpected\": %lu}", sum.calls,
              sum.refused, sum.unexpected);
  free(loops);
  free(loop_threads);
  loops = NULL;
}
