/* The storage area that the plugin has registered, whichever generation of the interface it chose. */

#include "host.h"

static int generation = 0; /* 0: none was registered */
static _OrthancPluginRegisterStorageArea first;
static _OrthancPluginRegisterStorageArea2 second;

OrthancPluginErrorCode host_register_first(const _OrthancPluginRegisterStorageArea *area)
{
  first = *area;
  generation = 1;
  return OrthancPluginErrorCode_Success;
}

OrthancPluginErrorCode host_register_second(const _OrthancPluginRegisterStorageArea2 *area)
{
  second = *area;
  generation = 2;
  return OrthancPluginErrorCode_Success;
}

void host_forget_area(void)
{
  generation = 0;
}

const char *host_area_name(void)
{
  static const char *const names[] = {"none", "v1", "v2"};
  return names[generation];
}

int32_t host_create(const char *uuid, const void *data, int64_t size, int32_t type)
{
  switch (generation)
  {
    case 1:
      return first.create(uuid, data, size, (OrthancPluginContentType) type);
    case 2:
      return second.create(uuid, data, size, (OrthancPluginContentType) type);
    default:
      return HOST_UNAVAILABLE;
  }
}

int32_t host_read(host_whole *target, const char *uuid, int32_t type)
{
  OrthancPluginMemoryBuffer64 buffer = {target->data, target->size};
  int32_t code = HOST_UNAVAILABLE;
  int64_t size = (int64_t) target->size;

  if (generation == 1)
  {
    code = first.read(&target->data, &size, uuid, (OrthancPluginContentType) type);
    target->size = (uint64_t) size;
  }
  else if (generation == 2)
  {
    code = second.readWhole(&buffer, uuid, (OrthancPluginContentType) type);
    target->data = buffer.data;
    target->size = buffer.size;
  }
  return code;
}

int32_t host_range(void *target, uint64_t size, const char *uuid, int32_t type, uint64_t start)
{
  OrthancPluginMemoryBuffer64 buffer = {target, size};

  return generation == 2 ? second.readRange(&buffer, uuid, (OrthancPluginContentType) type, start) : HOST_UNAVAILABLE;
}

int32_t host_remove(const char *uuid, int32_t type)
{
  switch (generation)
  {
    case 1:
      return first.remove(uuid, (OrthancPluginContentType) type);
    case 2:
      return second.remove(uuid, (OrthancPluginContentType) type);
    default:
      return HOST_UNAVAILABLE;
  }
}

void host_free_whole(host_whole *whole)
{
  if (generation == 1)
  {
    first.free(whole->data);
  }
  else
  {
    host_free(whole->data);
  }
}
