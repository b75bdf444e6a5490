/* A minimal host for the plugin, for tests: what its C files share.

   It loads the plugin as Orthanc does and calls it from threads like Orthanc's. Every answer is one line of JSON on
   stdout, the log of the plugin is on stderr. script.c lists the commands. */

#ifndef FAKE_ORTHANC_HOST_H
#define FAKE_ORTHANC_HOST_H

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>

#include <orthanc/OrthancCPlugin.h>

/* What Orthanc's web server gives its threads. The plugin must not need more. */
#define HOST_STACK_SIZE 102400

/* What memory holds before the plugin is asked to fill it. */
#define HOST_UNTOUCHED 0xee

/* Not a code of Orthanc: the registered area cannot do this. */
#define HOST_UNAVAILABLE (-1)

/* services.c: what the plugin may ask of Orthanc */
typedef struct
{
  const char *version;
  const char *configuration; /* NULL: Orthanc does not give it */
  const char *configuration_path;
  int refusal; /* answer to the registration of a storage area */
} host_options;

OrthancPluginContext *host_context(const host_options *options);
void host_context_end(void);
void host_free(void *memory);
void host_fail_allocations(int fail);
void host_refresh_metrics(void);
void host_count_leaks(void);

/* area.c */
OrthancPluginErrorCode host_register_first(const _OrthancPluginRegisterStorageArea *area);
OrthancPluginErrorCode host_register_second(const _OrthancPluginRegisterStorageArea2 *area);
void host_forget_area(void);
const char *host_area_name(void);

typedef struct
{
  void *data;
  uint64_t size;
} host_whole;

int32_t host_create(const char *uuid, const void *data, int64_t size, int32_t type);
int32_t host_read(host_whole *target, const char *uuid, int32_t type);
int32_t host_range(void *target, uint64_t size, const char *uuid, int32_t type, uint64_t start);
int32_t host_remove(const char *uuid, int32_t type);
void host_free_whole(host_whole *whole);

/* calls.c: single calls of a script */
int host_call_start(char **words, int count);
void host_call_wait(int64_t milliseconds);

/* load.c: many calls at once */
void host_threads(unsigned threads, unsigned calls, uint64_t size);
void host_bench(unsigned threads, unsigned calls, uint64_t size);

/* background.c */
void host_background(unsigned threads);
void host_background_after_stop(void);

/* script.c */
void host_follow_script(FILE *file);

/* main.c */
void host_load(void);
void host_finalize(void);
void host_unload(void);
void host_finalize_python(void);
void host_answer(const char *format, ...) __attribute__((format(printf, 1, 2)));
void host_fatal(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
double host_now(void);
pthread_t host_thread(void *(*body)(void *), void *argument);

#endif
