/* How Orthanc's own threads read attachments that are files of this machine, see files.c. */

#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "shim.h"

#define TOUCH_AFTER 60 /* seconds: see storage_plugins/disk/cache.py */

/* An attachment that was found. */
typedef struct
{
  const storage_place *place;
  int file;
  uint64_t size;
  time_t changed;
  storage_sealed sealed;
} found;

/* Whether the size is the one that was stored. A file without the attribute was written by somebody else. */
static int has_stored_size(const found *it)
{
  char stored[24];
  ssize_t length = fgetxattr(it->file, it->place->size_attribute, stored, sizeof(stored) - 1);

  if (length < 0)
  {
    return 1;
  }
  stored[length] = 0;
  return strtoull(stored, NULL, 10) == it->size;
}

/* Opens the file of an attachment. 0: there is none, or it is not what it should be. */
static int open_file(found *it, const char *uuid, OrthancPluginContentType type)
{
  char path[PATH_MAX];
  struct stat status;

  it->place = storage_files_readable();
  if (it->place == NULL || storage_files_path(path, uuid, type) == 0)
  {
    return 0;
  }
  it->file = open(path, O_RDONLY | O_CLOEXEC);
  if (it->file < 0)
  {
    return 0;
  }
  if (fstat(it->file, &status) == 0 && S_ISREG(status.st_mode))
  {
    it->changed = status.st_mtime;
    it->size = (uint64_t) status.st_size;
    if (!it->place->sealed)
    {
      return 1;
    }
    if (storage_sealed_open(&it->sealed, it->file, it->size, path + it->place->root_length + 1))
    {
      it->size = it->sealed.size;
      return 1;
    }
  }
  close(it->file);
  return 0;
}

int storage_read_at(int file, void *target, uint64_t size, uint64_t start)
{
  char *to = target;

  while (size != 0)
  {
    ssize_t count = pread(file, to, size, (off_t) start);
    if (count <= 0)
    {
      return 0;
    }
    to += count;
    start += (uint64_t) count;
    size -= (uint64_t) count;
  }
  return 1;
}

static int fill(const found *it, char *target, uint64_t size, uint64_t start)
{
  return it->place->sealed ? storage_sealed_read(&it->sealed, target, size, start)
                           : storage_read_at(it->file, target, size, start);
}

/* Closes the file. What was used last goes last from a cache. */
static void close_file(const found *it)
{
  if (it->place->sealed && time(NULL) - it->changed > TOUCH_AFTER)
  {
    (void) !futimens(it->file, NULL);
  }
  close(it->file);
}

int storage_files_read(OrthancPluginMemoryBuffer64 *buffer, const char *uuid, OrthancPluginContentType type)
{
  uint64_t started = storage_clock();
  found it;
  int done = 0;

  if (!open_file(&it, uuid, type))
  {
    return 0;
  }
  if ((it.place->sealed || has_stored_size(&it)) && storage_host_allocate(buffer, it.size))
  {
    done = fill(&it, buffer->data, it.size, 0);
    if (done)
    {
      storage_count(STORAGE_READ_WHOLE, it.size, started);
    }
    else
    {
      storage_host_free(buffer);
    }
  }
  close_file(&it);
  return done;
}

int storage_files_read_range(OrthancPluginMemoryBuffer64 *target, const char *uuid, OrthancPluginContentType type,
                             uint64_t start)
{
  uint64_t started = storage_clock();
  found it;
  int done;

  if (!open_file(&it, uuid, type))
  {
    return 0;
  }
  done = start <= it.size && target->size <= it.size - start && fill(&it, target->data, target->size, start);
  if (done)
  {
    storage_count(STORAGE_READ_RANGE, target->size, started);
  }
  close_file(&it);
  return done;
}
