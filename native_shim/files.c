/* Attachments that are files of this machine: Orthanc's own threads write and read them (files_read.c), with no worker and
   no Python between.

   Only what goes well is done here. Whatever does not -- no such file, a range past its end, a size that is not the one
   that was stored, a full disk, a filesystem that lacks something -- is left to the store, which meets it again and says
   what is wrong. What a file is, and when it is durable, is the same on both ways: see adapters/local.py. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "shim.h"

#define UUID_LENGTH 36
static storage_place place;

static atomic_int readable = 0;
static atomic_int writable = 0;

/* Folders whose entries are known to be on the disk, up to the root: "ab/cd", and "ab". Layout flat has only number 0. */
static atomic_bool durable[256 * 256];
static atomic_bool durable_parent[256];

static int copy(char *target, size_t room, const char *text)
{
  size_t length = strlen(text);

  if (length >= room)
  {
    return 0;
  }
  memcpy(target, text, length + 1);
  return 1;
}

static int set_place(const char *root, const char *prefix, int folders, const char *const *suffixes)
{
  int length = snprintf(place.before, sizeof(place.before), "%s/%s", root, prefix);

  if (length < 0 || (size_t) length >= sizeof(place.before) || !copy(place.root, sizeof(place.root), root))
  {
    return 0;
  }
  for (int i = 0; i < STORAGE_CONTENT_TYPES; i++)
  {
    if (!copy(place.suffixes[i], sizeof(place.suffixes[i]), suffixes[i]))
    {
      return 0;
    }
  }
  place.root_length = strlen(root);
  place.folders = folders;
  return 1;
}

int32_t storage_offer_files(const char *root, const char *prefix, int32_t folders, const char *const *suffixes,
                            const char *size_attribute, int32_t sync)
{
  if (!set_place(root, prefix, folders, suffixes) ||
      !copy(place.size_attribute, sizeof(place.size_attribute), size_attribute))
  {
    return 0;
  }
  place.sync = sync;
  place.sealed = 0;
  atomic_store(&readable, 1);
  atomic_store(&writable, access("/proc/self/fd", X_OK) == 0);
  return 1;
}

int32_t storage_offer_sealed_files(const char *root, const char *prefix, int32_t folders, const char *const *suffixes)
{
  if (!storage_sealed_possible() || !set_place(root, prefix, folders, suffixes))
  {
    return 0;
  }
  place.sealed = 1;
  atomic_store(&readable, 1);
  return 1;
}

void storage_files_close(void)
{
  atomic_store(&readable, 0);
  atomic_store(&writable, 0);
  for (size_t i = 0; i < sizeof(durable) / sizeof(*durable); i++)
  {
    atomic_store_explicit(&durable[i], 0, memory_order_relaxed);
  }
  for (size_t i = 0; i < sizeof(durable_parent) / sizeof(*durable_parent); i++)
  {
    atomic_store_explicit(&durable_parent[i], 0, memory_order_relaxed);
  }
}

const storage_place *storage_files_readable(void)
{
  return atomic_load(&readable) ? &place : NULL;
}

static int digit(char character)
{
  return character >= '0' && character <= '9' ? character - '0'
         : character >= 'a' && character <= 'f' ? character - 'a' + 10
                                                : -1;
}

static int is_uuid(const char *text)
{
  for (int i = 0; i < UUID_LENGTH; i++)
  {
    if (i == 8 || i == 13 || i == 18 || i == 23 ? text[i] != '-' : digit(text[i]) < 0)
    {
      return 0;
    }
  }
  return text[UUID_LENGTH] == 0;
}

size_t storage_files_path(char path[PATH_MAX], const char *uuid, OrthancPluginContentType type)
{
  const char *suffix;

  if ((unsigned) type >= STORAGE_CONTENT_TYPES || !is_uuid(uuid))
  {
    return 0;
  }
  suffix = place.suffixes[type];
  if (place.folders)
  {
    snprintf(path, PATH_MAX, "%s%.2s/%.2s/%s%s", place.before, uuid, uuid + 2, uuid, suffix);
  }
  else
  {
    snprintf(path, PATH_MAX, "%s%s%s", place.before, uuid, suffix);
  }
  return (size_t) (strrchr(path, '/') - path);
}

/* --- create --- */

static int write_all(int file, const char *data, uint64_t size)
{
  while (size != 0)
  {
    ssize_t count = write(file, data, size);
    if (count <= 0)
    {
      return 0;
    }
    data += count;
    size -= (uint64_t) count;
  }
  return 1;
}

static int write_file(int file, const char *data, uint64_t size)
{
  char digits[24];
  int length = snprintf(digits, sizeof(digits), "%llu", (unsigned long long) size);

  if (!write_all(file, data, size))
  {
    return 0;
  }
  (void) !fsetxattr(file, place.size_attribute, digits, (size_t) length, 0); /* not every filesystem has attributes */
  return !place.sync || fsync(file) == 0;
}

/* Makes a folder below the root, and the ones above it. */
static int make_folder(char *path, size_t length)
{
  char *slash;
  int done;

  if (mkdir(path, 0777) == 0 || errno == EEXIST)
  {
    return 1;
  }
  slash = strrchr(path, '/');
  if (errno != ENOENT || length <= place.root_length)
  {
    return 0;
  }
  *slash = 0;
  done = make_folder(path, (size_t) (slash - path));
  *slash = '/';
  return done && (mkdir(path, 0777) == 0 || errno == EEXIST);
}

static int sync_folder(const char *path)
{
  int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int done = folder >= 0 && fsync(folder) == 0;

  if (folder >= 0)
  {
    close(folder);
  }
  return done;
}

/* Forces the entry of a new file to the disk, and once in the life of this process those of the folders above it.
   Shortens the path of its folder. */
static int sync_folders(char *path, unsigned number)
{
  int known = durable[number];

  if (!sync_folder(path))
  {
    return 0;
  }
  while (!known && strlen(path) > place.root_length)
  {
    *strrchr(path, '/') = 0;
    if (!sync_folder(path))
    {
      return 0;
    }
    known = durable_parent[number >> 8];
  }
  durable[number] = 1;
  durable_parent[number >> 8] = 1;
  return 1;
}

/* A file without a name, in the folder where it is to get one, so that the filesystem puts them together. It vanishes
   with this process. -1: the store has to do it. */
static int open_nameless(char *folder, size_t length)
{
  int file = open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);

  if (file < 0 && errno == ENOENT && make_folder(folder, length))
  {
    file = open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
  }
  if (file < 0 && (errno == EOPNOTSUPP || errno == EISDIR))
  {
    atomic_store(&writable, 0); /* not on this filesystem */
  }
  return file;
}

/* Fails when the file exists: to replace one is left to the store. */
static int give_name(int file, const char *path)
{
  char nameless[32];

  snprintf(nameless, sizeof(nameless), "/proc/self/fd/%d", file);
  return linkat(AT_FDCWD, nameless, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0;
}

int storage_files_create(const char *uuid, OrthancPluginContentType type, const void *data, uint64_t size)
{
  char path[PATH_MAX];
  uint64_t started = storage_clock();
  size_t length = atomic_load(&writable) ? storage_files_path(path, uuid, type) : 0;
  unsigned number = 0;
  int file, done;

  if (length == 0)
  {
    return 0;
  }
  for (int i = 0; place.folders && i < 4; i++)
  {
    number = number * 16 + (unsigned) digit(uuid[i]);
  }
  path[length] = 0;
  file = open_nameless(path, length);
  if (file < 0)
  {
    return 0;
  }
  path[length] = '/';
  done = write_file(file, data, size) && give_name(file, path);
  close(file);
  path[length] = 0;
  done = done && (!place.sync || sync_folders(path, number));
  if (done)
  {
    storage_count(STORAGE_CREATE, size, started);
  }
  return done;
}
