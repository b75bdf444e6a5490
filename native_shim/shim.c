/* The plugin as Orthanc sees it: entry points, and the callbacks of the storage area. */

#include <malloc.h>
#include <stdlib.h>

#include "shim.h"

#ifndef STORAGE_VERSION
#  error "STORAGE_VERSION: version of the Python package"
#endif

/* --- callbacks, on Orthanc's threads: no Python, little stack --- */

static OrthancPluginErrorCode create(const char *uuid, const void *content, int64_t size, OrthancPluginContentType type)
{
  if (size < 0 || (content == NULL && size != 0))
  {
    return OrthancPluginErrorCode_ParameterOutOfRange;
  }
  if (storage_files_create(uuid, type, content, (uint64_t) size))
  {
    return OrthancPluginErrorCode_Success;
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
  OrthancPluginErrorCode code;

  if (storage_files_read(&whole->buffer, uuid, type))
  {
    return OrthancPluginErrorCode_Success;
  }
  code =
    storage_submit((storage_request) {.operation = STORAGE_READ_WHOLE, .content_type = type, .uuid = uuid}, whole);
  if (code == OrthancPluginErrorCode_Success && !whole->allocated)
  {
    code = OrthancPluginErrorCode_StorageAreaPlugin;
  }
  if (code != OrthancPluginErrorCode_Success && whole->allocated)
  {
    storage_host_free(&whole->buffer);
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
  if (storage_files_read_range(target, uuid, type, start))
  {
    return OrthancPluginErrorCode_Success;
  }
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

/* GET /storage-plugins/status */
static OrthancPluginErrorCode status(OrthancPluginRestOutput *output, const char *url,
                                     const OrthancPluginHttpRequest *request)
{
  storage_whole whole = {0};
  OrthancPluginErrorCode code;

  (void) url;
  if (request->method != OrthancPluginHttpMethod_Get)
  {
    _OrthancPluginOutputPlusArgument refusal = {output, "GET"};
    return storage_host_ask(_OrthancPluginService_SendMethodNotAllowed, &refusal);
  }
  code = storage_submit((storage_request) {.operation = STORAGE_STATUS, .uuid = ""}, &whole);
  if (code == OrthancPluginErrorCode_Success)
  {
    _OrthancPluginAnswerBuffer answer = {output, whole.buffer.data, (uint32_t) whole.buffer.size, "application/json"};
    code = storage_host_ask(_OrthancPluginService_AnswerBuffer, &answer);
  }
  if (whole.allocated)
  {
    storage_host_free(&whole.buffer);
  }
  return code;
}

/* --- entry points --- */

/* For people and their monitors; Orthanc works without. */
static void register_status(void)
{
  _OrthancPluginRestCallback callback = {"/storage-plugins/status", status};

  if (storage_host_ask(_OrthancPluginService_RegisterRestCallback, &callback) != OrthancPluginErrorCode_Success)
  {
    storage_log(STORAGE_LOG_WARNING, "Orthanc does not let us answer /storage-plugins/status");
  }
}

/* The SDK's own inline functions ignore the answer of the host, so the services are called directly: a registration
   that was refused must not pass for one that worked. */
static int register_storage_area(void)
{
  OrthancPluginErrorCode code;

  if (storage_host_has_storage_area_2())
  {
    _OrthancPluginRegisterStorageArea2 area = {create, read_whole, read_range, remove_};
    code = storage_host_ask(_OrthancPluginService_RegisterStorageArea2, &area);
  }
  else
  {
    _OrthancPluginRegisterStorageArea area = {create, read_v1, remove_, free};
    storage_log(STORAGE_LOG_WARNING, "This Orthanc predates 1.9.0: it cannot read ranges, so that tags cost a whole file");
    code = storage_host_ask(_OrthancPluginService_RegisterStorageArea, &area);
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

/* Orthanc allocates the bytes of each file and frees them. By default malloc gives such a block back to the kernel each
   time, and the next one costs a page fault for every 4 KiB: a tenth of a read, measured. Up to 8 MiB for each thread's
   arena stay in the process instead. Who has set glibc's own variables knows better. */
static void keep_freed_memory(void)
{
  if (getenv("MALLOC_TRIM_THRESHOLD_") == NULL && getenv("MALLOC_MMAP_THRESHOLD_") == NULL &&
      getenv("GLIBC_TUNABLES") == NULL)
  {
    mallopt(M_MMAP_THRESHOLD, 4 * 1024 * 1024);
    mallopt(M_TRIM_THRESHOLD, 8 * 1024 * 1024);
  }
}

static int start(OrthancPluginContext *context)
{
  if (!storage_host_open(context))
  {
    return 0;
  }
  switch (storage_interpreter_start())
  {
    case STORAGE_START_READY:
      if (!register_storage_area())
      {
        return 0;
      }
      if (OrthancPluginCheckVersionAdvanced(context, 1, 5, 4))
      {
        OrthancPluginRegisterRefreshMetricsCallback(context, storage_metrics_refresh);
      }
      register_status();
      keep_freed_memory();
      return 1;
    case STORAGE_START_DISABLED:
      return 1;
    default:
      return 0;
  }
}

ORTHANC_PLUGINS_API void OrthancPluginFinalize(void)
{
  storage_interpreter_stop();
  storage_host_close();
}

ORTHANC_PLUGINS_API int32_t OrthancPluginInitialize(OrthancPluginContext *context)
{
  if (start(context))
  {
    return 0;
  }
  /* Orthanc does not finalise a plugin that failed to initialise. Anything but an error here would let Orthanc write to
     its own disk without a word. */
  OrthancPluginFinalize();
  return -1;
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
