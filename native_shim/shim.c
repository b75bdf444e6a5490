/* The plugin as Orthanc sees it: entry points, and the callbacks of the storage area. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shim.h"

#ifndef STORAGE_VERSION
#  error "STORAGE_VERSION: version of the Python package"
#endif

OrthancPluginContext *storage_host = NULL;

static char *configuration = NULL;
static char *configuration_path = NULL;
static int has_storage_area_2 = 0;

/* --- the host, for Python --- */

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

int storage_host_has_storage_area_2(void)
{
  return has_storage_area_2;
}

void storage_log(int32_t level, const char *message)
{
  switch (level)
  {
    case STORAGE_LOG_INFO:
      OrthancPluginLogInfo(storage_host, message);
      break;
    case STORAGE_LOG_WARNING:
      OrthancPluginLogWarning(storage_host, message);
      break;
    default:
      OrthancPluginLogError(storage_host, message);
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
  OrthancPluginSetMetricsValue(storage_host, name, value, OrthancPluginMetricsType_Default);
}

/* --- callbacks, on Orthanc's threads: no Python, little stack --- */

static OrthancPluginErrorCode create(const char *uuid, const void *content, int64_t size, OrthancPluginContentType type)
{
  if (size < 0 || (content == NULL && size != 0))
  {
    return OrthancPluginErrorCode_ParameterOutOfRange;
  }
  return storage_submit((storage_request) {.operation = STORAGE_CREATE,
                                           .content_type = type,
                                           .uuid = uuid,
                                           .data = (void *) content,
                                           .size = (uint64_t) size},
                        NULL);
}

/* On success whole->buffer is the host's to free; otherwise nothing is left allocated. */
static OrthancPluginErrorCode read_into(storage_whole *whole, const char *uuid, OrthancPluginContentType type)
{
  OrthancPluginErrorCode code = storage_submit(
    (storage_request) {.operation = STORAGE_READ_WHOLE, .content_type = type, .uuid = uuid}, whole);

  if (code == OrthancPluginErrorCode_Success && !whole->allocated)
  {
    code = OrthancPluginErrorCode_StorageAreaPlugin;
  }
  if (code != OrthancPluginErrorCode_Success && whole->allocated)
  {
    if (has_storage_area_2)
    {
      OrthancPluginFreeMemoryBuffer64(storage_host, &whole->buffer);
    }
    else
    {
      free(whole->buffer.data);
    }
  }
  return code;
}

static OrthancPluginErrorCode read_whole(OrthancPluginMemoryBuffer64 *target, const char *uuid,
                                         OrthancPluginContentType type)
{
  storage_whole whole = {0};
  OrthancPluginErrorCode code = read_into(&whole, uuid, type);

  if (code == OrthancPluginErrorCode_Success)
  {
    *target = whole.buffer;
  }
  return code;
}

static OrthancPluginErrorCode read_range(OrthancPluginMemoryBuffer64 *target, const char *uuid,
                                         OrthancPluginContentType type, uint64_t start)
{
  return storage_submit((storage_request) {.operation = STORAGE_READ_RANGE,
                                           .content_type = type,
                                           .uuid = uuid,
                                           .data = target->data,
                                           .size = target->size,
                                           .start = start},
                        NULL);
}

/* First generation of the API, for hosts before 1.9.0. */
static OrthancPluginErrorCode read_v1(void **content, int64_t *size, const char *uuid, OrthancPluginContentType type)
{
  storage_whole whole = {0};
  OrthancPluginErrorCode code = read_into(&whole, uuid, type);

  if (code == OrthancPluginErrorCode_Success)
  {
    *content = whole.buffer.data;
    *size = (int64_t) whole.buffer.size;
  }
  return code;
}

static OrthancPluginErrorCode remove_(const char *uuid, OrthancPluginContentType type)
{
  return storage_submit((storage_request) {.operation = STORAGE_REMOVE, .content_type = type, .uuid = uuid}, NULL);
}

/* --- entry points --- */

/* The SDK's own inline functions ignore the answer of the host, so the services are called directly: a registration
   that was refused must not pass for one that worked. */
static int register_storage_area(void)
{
  OrthancPluginErrorCode code;

  if (has_storage_area_2)
  {
    _OrthancPluginRegisterStorageArea2 area = {create, read_whole, read_range, remove_};
    code = storage_host->InvokeService(storage_host, _OrthancPluginService_RegisterStorageArea2, &area);
  }
  else
  {
    _OrthancPluginRegisterStorageArea area = {create, read_v1, remove_, free};
    storage_log(STORAGE_LOG_WARNING, "This Orthanc predates 1.9.0: it cannot read ranges, so that tags cost a whole file");
    code = storage_host->InvokeService(storage_host, _OrthancPluginService_RegisterStorageArea, &area);
  }
  if (code != OrthancPluginErrorCode_Success)
  {
    storage_logf(STORAGE_LOG_ERROR,
                 "Orthanc refused to register the storage area (error %d): is another storage plugin loaded? "
                 "Keep only one of them in \"Plugins\"",
                 (int) code);
    return 0;
  }
  return 1;
}

ORTHANC_PLUGINS_API int32_t OrthancPluginInitialize(OrthancPluginContext *context)
{
  storage_host = context;
  if (!OrthancPluginCheckVersionAdvanced(context, 1, 0, 0))
  {
    storage_logf(STORAGE_LOG_ERROR, "This plugin needs Orthanc 1.0.0 or newer, this is Orthanc %s",
                 context->orthancVersion);
    return -1;
  }
  has_storage_area_2 = OrthancPluginCheckVersionAdvanced(context, 1, 9, 0);
  configuration = OrthancPluginGetConfiguration(context);
  if (configuration == NULL)
  {
    storage_log(STORAGE_LOG_ERROR, "Orthanc did not give its configuration to the plugin");
    return -1;
  }
  configuration_path = OrthancPluginGetConfigurationPath(context);

  switch (storage_interpreter_start())
  {
    case STORAGE_START_READY:
      if (!register_storage_area())
      {
        storage_interpreter_stop();
        return -1;
      }
      if (OrthancPluginCheckVersionAdvanced(context, 1, 5, 4))
      {
        OrthancPluginRegisterRefreshMetricsCallback(context, storage_metrics_refresh);
      }
      return 0;
    case STORAGE_START_DISABLED:
      return 0;
    default:
      /* Anything but an error here would let Orthanc write to its own disk without a word. */
      return -1;
  }
}

ORTHANC_PLUGINS_API void OrthancPluginFinalize(void)
{
  storage_interpreter_stop();
  OrthancPluginFreeString(storage_host, configuration);
  OrthancPluginFreeString(storage_host, configuration_path);
  configuration = NULL;
  configuration_path = NULL;
}

/* Orthanc ends its plugins in the order of these names. This one must come before "python", the orthanc-python plugin,
   which finalises the interpreter that we share with it. */
ORTHANC_PLUGINS_API const char *OrthancPluginGetName(void)
{
  return "orthanc-storage-plugins";
}

ORTHANC_PLUGINS_API const char *OrthancPluginGetVersion(void)
{
  return STORAGE_VERSION;
}
