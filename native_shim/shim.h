/* What the C files of the shim share among themselves. */

#ifndef STORAGE_SHIM_H
#define STORAGE_SHIM_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

#include <orthanc/OrthancCPlugin.h>

#include "border.h"

/* host.c: what may be asked of Orthanc. After storage_host_close() everything fails, nothing crashes. */
int storage_host_open(OrthancPluginContext *context);
void storage_host_close(void);
int storage_host_has_storage_area_2(void);
OrthancPluginErrorCode storage_host_ask(_OrthancPluginService service, const void *parameters);
int storage_host_allocate(OrthancPluginMemoryBuffer64 *buffer, uint64_t size); /* memory that the host will free */
void storage_host_free(OrthancPluginMemoryBuffer64 *buffer);
void storage_logf(int32_t level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* queue.c: from the threads of Orthanc to the workers, and the control channel */
typedef struct
{
  int allocated; /* storage_host_allocate() has succeeded: buffer is ours to hand over or to free */
  OrthancPluginMemoryBuffer64 buffer;
} storage_whole;

OrthancPluginErrorCode storage_submit(storage_request request, storage_whole *whole);
void storage_queue_open(void);
void storage_queue_close(void);
unsigned storage_queue_fail_waiting(void);
void storage_metrics_refresh(void);

/* files.c: where attachments are files */
#define STORAGE_ROOM_FOR_NAME 64 /* "ab/cd/", a uuid and a suffix */

typedef struct
{
  char root[PATH_MAX / 2];
  size_t root_length;
  char before[PATH_MAX - STORAGE_ROOM_FOR_NAME]; /* the root and the prefix, with a slash at the end */
  int folders;
  char suffixes[STORAGE_CONTENT_TYPES][16];
  char size_attribute[64];
  int sync;
  int sealed; /* files are read with their seals, see sealed.c, and not written */
} storage_place;

const storage_place *storage_files_readable(void); /* NULL: nowhere */

/* Writes the path of an attachment. Returns the length of its folder, 0 when it is not one of ours. */
size_t storage_files_path(char path[PATH_MAX], const char *uuid, OrthancPluginContentType type);

/* files.c and files_read.c: what needs no worker. 1: done; 0: to be asked of the store */
int storage_files_create(const char *uuid, OrthancPluginContentType type, const void *data, uint64_t size);
int storage_files_read(OrthancPluginMemoryBuffer64 *buffer, const char *uuid, OrthancPluginContentType type);
int storage_files_read_range(OrthancPluginMemoryBuffer64 *target, const char *uuid, OrthancPluginContentType type,
                             uint64_t start);
void storage_files_close(void);

/* files_read.c: fills all of the target. 0: the file fails, or ends too early */
int storage_read_at(int file, void *target, uint64_t size, uint64_t start);

/* sealed.c: files of the cache. Nothing is possible without a processor that computes CRC32C. */
enum
{
  STORAGE_SEALED_BLOCKS = 900
};

typedef struct
{
  int file;
  uint64_t size; /* of the object */
  uint32_t sums[STORAGE_SEALED_BLOCKS];
} storage_sealed;

int storage_sealed_possible(void);
int storage_sealed_open(storage_sealed *sealed, int file, uint64_t length, const char *key);
int storage_sealed_read(const storage_sealed *sealed, void *target, uint64_t size, uint64_t start);

/* counts.c: what was done without a worker */
uint64_t storage_clock(void); /* nanoseconds */
void storage_count(int operation, uint64_t bytes, uint64_t started);

/* interpreter.c: the life of Python */
int storage_interpreter_start(void);
void storage_interpreter_stop(void);
int storage_interpreter_alive(void);

/* The functions below are in the C file that cffi generates. */
int storage_cffi_start(void);
void storage_python_main(void);

#endif
