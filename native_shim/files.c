/* Attachments that are files of this machine: Orthanc's own threads read them, with no worker and no Python between.

   Only what goes well is done here. Whatever does not -- no such file, a range past its end, a size that is not the one
   that was stored, no memory -- is left to the store, which meets it again and says what is wrong. */

#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "shim.h"

#define CONTENT_TYPES 4 /* OrthancPluginContentType; attachments of users come as 0 */
#define UUID_LENGTH 36

static struct
{
  char before[PATH_MAX - 64]; /* a whole path fits into PATH_MAX */
  char after[16];
  int folders;
} places[CONTENT_TYPES];
static char size_attribute[64];
static atomic_int open_for_reads = 0;

static struct
{
  _Atomic uint64_t calls, bytes, nanoseconds;
} counts[STORAGE_REMOVE + 1];

int32_t storage_offer_files(int32_t content_type, const char *before, int32_t folders, const char *after,
                            const char *attribute)
{
  if (content_type < 0 || content_type >= CONTENT_TYPES || strlen(before) >= sizeof(places->before) ||
      strlen(after) >= sizeof(places->after) || strlen(attribute) >= sizeof(size_attribute))
  {
    return 0;
  }
  strcpy(places[content_type].before, before);
  strcpy(places[content_type].after, after);
  places[content_type].folders = folders;
  strcpy(size_attribute, attribute);
  atomic_store(&open_for_reads, 1);
  return 1;
}

void storage_files_close(void)
{
  atomic_store(&open_for_reads, 0);
}

storage_counts storage_take_counts(int32_t operation)
{
  return (storage_counts) {atomic_exchange(&counts[operation].calls, 0), atomic_exchange(&counts[operation].bytes, 0),
                           atomic_exchange(&counts[operation].nanoseconds, 0)};
}

static int is_uuid(const char *text)
{
  for (int i = 0; i < UUID_LENGTH; i++)
  {
    int dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !((text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f')))
    {
      return 0;
    }
  }
  return text[UUID_LENGTH] == 0;
}

static int open_file(const char *uuid, OrthancPluginContentType type)
{
  char path[PATH_MAX];

  if (!atomic_load(&open_for_reads) || (unsigned) type >= CONTENT_TYPES || !is_uuid(uuid))
  {
    return -1;
  }
  if (places[type].folders)
  {
    snprintf(path, sizeof(path), "%s%.2s/%.2s/%s%s", places[type].before, uuid, uuid + 2, uuid, places[type].after);
  }
  else
  {
    snprintf(path, sizeof(path), "%s%s%s", places[type].before, uuid, places[type].after);
  }
  return open(path, O_RDONLY | O_CLOEXEC);
}

/* Whether the size is the one that was stored. A file without the attribute was written by somebody else. */
static int is_whole(int file, uint64_t size)
{
  char stored[24];
  ssize_t length = fgetxattr(file, size_attribute, stored, sizeof(stored) - 1);

  if (length < 0)
  {
    return 1;
  }
  stored[length] = 0;
  return strtoull(stored, NULL, 10) == size;
}

static int fill(int file, char *target, uint64_t size, uint64_t start)
{
  while (size != 0)
  {
    ssize_t count = pread(file, target, size, (off_t) start);
    if (count <= 0)
    {
      return 0;
    }
    target += count;
    start += (uint64_t) count;
    size -= (uint64_t) count;
  }
  return 1;
}

static uint64_t now(void)
{
  struct timespec time;

  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t) time.tv_sec * 1000000000U + (uint64_t) time.tv_nsec;
}

static void count(int operation, uint64_t bytes, uint64_t started)
{
  atomic_fetch_add(&counts[operation].calls, 1);
  atomic_fetch_add(&counts[operation].bytes, bytes);
  atomic_fetch_add(&counts[operation].nanoseconds, now() - started);
}

int storage_files_read(OrthancPluginMemoryBuffer64 *buffer, const char *uuid, OrthancPluginContentType type)
{
  uint64_t started = now();
  int file = open_file(uuid, type);
  struct stat status;
  int done = 0;

  if (file < 0)
  {
    return 0;
  }
  if (fstat(file, &status) == 0 && S_ISREG(status.st_mode) && is_whole(file, (uint64_t) status.st_size) &&
      storage_host_allocate(buffer, (uint64_t) status.st_size))
  {
    done = fill(file, buffer->data, buffer->size, 0);
    if (done)
    {
      count(STORAGE_READ_WHOLE, buffer->size, started);
    }
    else
    {
      storage_host_free(buffer);
    }
  }
  close(file);
  return done;
}

int storage_files_read_range(OrthancPluginMemoryBuffer64 *target, const char *uuid, OrthancPluginContentType type,
                             uint64_t start)
{
  uint64_t started = now();
  int file = open_file(uuid, type);
  struct stat status;
  int done = 0;

  if (file < 0)
  {
    return 0;
  }
  if (fstat(file, &status) == 0 && S_ISREG(status.st_mode) && start <= (uint64_t) status.st_size &&
      target->size <= (uint64_t) status.st_size - start)
  {
    done = fill(file, target->data, target->size, start);
    if (done)
    {
      count(STORAGE_READ_RANGE, target->size, started);
    }
  }
  close(file);
  return done;
}
