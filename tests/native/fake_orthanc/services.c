/* Orthanc's side of the plugin interface. */

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"

#define MAXIMUM_BUFFERS 4096
#define MAXIMUM_METRICS 256
#define MAXIMUM_NAME 96

static host_options options;
static OrthancPluginContext context;
static int major, minor;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static void *buffers[MAXIMUM_BUFFERS]; /* given to the plugin and neither returned nor freed */
static int strings = 0;
static atomic_int fail_allocations;

static OrthancPluginRefreshMetricsCallback refresh_metrics = NULL;

static struct
{
  char name[MAXIMUM_NAME];
  float value;
} metrics[MAXIMUM_METRICS];
static int metrics_count = 0;

/* --- memory --- */

static void replace_buffer(const void *old, void *new)
{
  pthread_mutex_lock(&mutex);
  for (int i = 0; i < MAXIMUM_BUFFERS; i++)
  {
    if (buffers[i] == old)
    {
      buffers[i] = new;
      pthread_mutex_unlock(&mutex);
      return;
    }
  }
  if (old == NULL)
  {
    host_fatal("more than %d buffers at once", MAXIMUM_BUFFERS);
  }
  strings--; /* Free() also takes the strings that the plugin was given */
  pthread_mutex_unlock(&mutex);
}

void host_free(void *memory)
{
  if (memory != NULL)
  {
    replace_buffer(memory, NULL);
    free(memory);
  }
}

static OrthancPluginErrorCode create_buffer(const _OrthancPluginCreateMemoryBuffer64 *wanted)
{
  if (atomic_load(&fail_allocations))
  {
    return OrthancPluginErrorCode_NotEnoughMemory;
  }
  wanted->target->size = wanted->size;
  wanted->target->data = NULL;
  if (wanted->size != 0)
  {
    wanted->target->data = malloc(wanted->size);
    if (wanted->target->data == NULL)
    {
      return OrthancPluginErrorCode_NotEnoughMemory;
    }
#ifndef HOST_PLAIN_MEMORY /* Orthanc leaves the memory as it is; a benchmark wants the same */
    memset(wanted->target->data, HOST_UNTOUCHED, wanted->size);
#endif
    replace_buffer(NULL, wanted->target->data);
  }
  return OrthancPluginErrorCode_Success;
}

static OrthancPluginErrorCode give_string(const _OrthancPluginRetrieveDynamicString *wanted, const char *text)
{
  if (text == NULL)
  {
    return OrthancPluginErrorCode_InternalError;
  }
  *wanted->result = strdup(text);
  pthread_mutex_lock(&mutex);
  strings++;
  pthread_mutex_unlock(&mutex);
  return OrthancPluginErrorCode_Success;
}

void host_fail_allocations(int fail)
{
  atomic_store(&fail_allocations, fail);
}

void host_count_leaks(void)
{
  int count = 0;

  for (int i = 0; i < MAXIMUM_BUFFERS; i++)
  {
    count += buffers[i] != NULL;
  }
  host_answer("{\"verb\": \"end\", \"leaked_buffers\": %d, \"leaked_strings\": %d}", count, strings);
}

/* --- log and metrics --- */

/* "E: first line", "E| further line", so that a reader can tell them from what others write to stderr. */
static void log_(char level, const char *message)
{
  char mark = ':';

  pthread_mutex_lock(&mutex);
  do
  {
    size_t length = strcspn(message, "\n");
    fprintf(stderr, "%c%c %.*s\n", level, mark, (int) length, message);
    message += length;
    mark = '|';
  } while (*message++ == '\n');
  pthread_mutex_unlock(&mutex);
}

static void set_metric(const _OrthancPluginSetMetricsValue *metric)
{
  int i = 0;

  pthread_mutex_lock(&mutex);
  while (i < metrics_count && strcmp(metrics[i].name, metric->name) != 0)
  {
    i++;
  }
  if (i < MAXIMUM_METRICS)
  {
    snprintf(metrics[i].name, MAXIMUM_NAME, "%s", metric->name);
    metrics[i].value = metric->value;
    metrics_count += i == metrics_count;
  }
  pthread_mutex_unlock(&mutex);
}

void host_refresh_metrics(void)
{
  static char text[MAXIMUM_METRICS * (MAXIMUM_NAME + 32)];
  size_t used = 0;
  double started = host_now();
  double seconds;

  metrics_count = 0;
  if (refresh_metrics != NULL)
  {
    refresh_metrics();
  }
  seconds = host_now() - started;
  pthread_mutex_lock(&mutex);
  text[0] = '\0';
  for (int i = 0; i < metrics_count; i++)
  {
    used += (size_t) snprintf(text + used, sizeof(text) - used, "%s\"%s\": %.9g", i == 0 ? "" : ", ", metrics[i].name,
                              (double) metrics[i].value);
  }
  pthread_mutex_unlock(&mutex);
  host_answer("{\"verb\": \"metrics\", \"seconds\": %.3f, \"values\": {%s}}", seconds, text);
}

/* --- the services --- */

static OrthancPluginErrorCode invoke(OrthancPluginContext *unused, _OrthancPluginService service, const void *parameters)
{
  int has_second_generation = major > 1 || (major == 1 && minor >= 9);

  (void) unused;
  switch (service)
  {
    case _OrthancPluginService_LogError:
      log_('E', parameters);
      return OrthancPluginErrorCode_Success;
    case _OrthancPluginService_LogWarning:
      log_('W', parameters);
      return OrthancPluginErrorCode_Success;
    case _OrthancPluginService_LogInfo:
      log_('I', parameters);
      return OrthancPluginErrorCode_Success;
    case _OrthancPluginService_GetConfiguration:
      return give_string(parameters, options.configuration);
    case _OrthancPluginService_GetConfigurationPath:
      return give_string(parameters, options.configuration_path);
    case _OrthancPluginService_SetMetricsValue:
      set_metric(parameters);
      return OrthancPluginErrorCode_Success;
    case _OrthancPluginService_RegisterRefreshMetricsCallback:
      refresh_metrics = ((const _OrthancPluginRegisterRefreshMetricsCallback *) parameters)->callback;
      return OrthancPluginErrorCode_Success;
    case _OrthancPluginService_RegisterStorageArea:
      return options.refusal == 0 ? host_register_first(parameters) : (OrthancPluginErrorCode) options.refusal;
    case _OrthancPluginService_RegisterStorageArea2:
      if (has_second_generation)
      {
        return options.refusal == 0 ? host_register_second(parameters) : (OrthancPluginErrorCode) options.refusal;
      }
      return OrthancPluginErrorCode_UnknownPluginService;
    case _OrthancPluginService_CreateMemoryBuffer64:
      return has_second_generation ? create_buffer(parameters) : OrthancPluginErrorCode_UnknownPluginService;
    default:
      return OrthancPluginErrorCode_UnknownPluginService;
  }
}

OrthancPluginContext *host_context(const host_options *chosen)
{
  options = *chosen;
  if (sscanf(options.version, "%d.%d", &major, &minor) != 2)
  {
    major = 1000; /* "mainline" is newer than all */
  }
  context.orthancVersion = options.version;
  context.Free = host_free;
  context.InvokeService = invoke;
  return &context;
}

static OrthancPluginErrorCode invoke_after_life(OrthancPluginContext *unused, _OrthancPluginService service,
                                                const void *parameters)
{
  (void) unused;
  (void) parameters;
  host_fatal("service %d was asked for after the plugin had been unloaded", (int) service);
}

/* Orthanc's context is gone after the plugins are. */
void host_context_end(void)
{
  context.InvokeService = invoke_after_life;
  refresh_metrics = NULL;
}
