/* The host, for the rest of the shim and for Python. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "shim.h"

/* Orthanc's context is gone after OrthancPluginFinalize(), but a worker that was late may still want to log. */
static pthread_rwlock_t lock = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;
static OrthancPluginContext *host = NULL;

static char *configuration = NULL;
static char *configuration_path = NULL;
static int has_storage_area_2 = 0;

const char *storage_configuration(void)
{
  return configuration;
}

const char *storage_configuration_path(void)
{
  return configuration_path == NULL ? "" : configuration_path;
}

const char *storage_plugin_path(void)
{
  Dl_info info;

  return dladdr((void *) storage_plugin_path, &info) == 0 ? "" : info.dli_fname;
}

static void set(OrthancPluginContext *context)
{
  pthread_rwlock_wrlock(&lock);
  host = context;
  pthread_rwlock_unlock(&lock);
}

/* Returns 0, and says why, when this host will not do. */
int storage_host_open(OrthancPluginContext *context)
{
  set(context);
  if (!OrthancPluginCheckVersionAdvanced(context, 1, 0, 0))
  {
    storage_logf(STORAGE_LOG_ERROR, "This plugin needs Orthanc 1.0.0 or newer, this is Orthanc %s",
                 context->orthancVersion);
    return 0;
  }
  has_storage_area_2 = OrthancPluginCheckVersionAdvanced(context, 1, 9, 0);
  configuration = OrthancPluginGetConfiguration(context);
  if (configuration == NULL)
  {
    storage_log(STORAGE_LOG_ERROR, "Orthanc did not give its configuration to the plugin");
    return 0;
  }
  configuration_path = OrthancPluginGetConfigurationPath(context);
  return 1;
}

void storage_host_close(void)
{
  OrthancPluginFreeString(host, configuration);
  OrthancPluginFreeString(host, configuration_path);
  configuration = NULL;
  configuration_path = NULL;
  set(NULL);
}

int storage_host_has_storage_area_2(void)
{
  return has_storage_area_2;
}

OrthancPluginErrorCode storage_host_ask(_OrthancPluginService service, const void *parameters)
{
  OrthancPluginErrorCode code = OrthancPluginErrorCode_Plugin;

  pthread_rwlock_rdlock(&lock);
  if (host != NULL)
  {
    code = host->InvokeService(host, service, parameters);
  }
  pthread_rwlock_unlock(&lock);
  return code;
}

void storage_log(int32_t level, const char *message)
{
  switch (level)
  {
    case STORAGE_LOG_INFO:
      storage_host_ask(_OrthancPluginService_LogInfo, message);
      break;
    case STORAGE_LOG_WARNING:
      storage_host_ask(_OrthancPluginService_LogWarning, message);
      break;
    default:
      storage_host_ask(_OrthancPluginService_LogError, message);
  }
}

void storage_logf(int32_t level, const char *format, ...)
{
  char message[1024];
  va_list arguments;

  va_start(arguments, format);
  vsnprintf(message, sizeof(message), format, arguments);
  va_end(arguments);
  storage_log(level, message);
}

void storage_set_metric(const char *name, float value)
{
  storage_host_ask(_OrthancPluginService_SetMetricsValue,
                   &(_OrthancPluginSetMetricsValue) {name, value, OrthancPluginMetricsType_Default});
}

int storage_host_allocate(OrthancPluginMemoryBuffer64 *buffer, uint64_t size)
{
  if (has_storage_area_2)
  {
    _OrthancPluginCreateMemoryBuffer64 wanted = {buffer, size};
    return storage_host_ask(_OrthancPluginService_CreateMemoryBuffer64, &wanted) == OrthancPluginErrorCode_Success;
  }
  /* The first generation of the API: the core frees with free(). */
  buffer->data = size == 0 ? NULL : malloc(size);
  buffer->size = size;
  return size == 0 || buffer->data != NULL;
}

void storage_host_free(OrthancPluginMemoryBuffer64 *buffer)
{
  if (!has_storage_area_2)
  {
    free(buffer->data);
    return;
  }
  pthread_rwlock_rdlock(&lock);
  if (host != NULL)
  {
    OrthancPluginFreeMemoryBuffer64(host, buffer);
  }
  pthread_rwlock_unlock(&lock);
}
