/* A host that loads the plugin and follows a script from standard input, see script.c.

   The exit status is 0 whatever the plugin answered, as long as nothing crashed; 2 for a fault of the script or of this
   host. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "host.h"

static host_options options = {.version = "1.10.1"};
static const char *plugin_path = NULL;
static void *plugin = NULL;
static int initialized = 0;
static void *python = NULL; /* that of another plugin */
static void *python_thread = NULL;

void host_fatal(const char *format, ...)
{
  va_list arguments;

  va_start(arguments, format);
  fprintf(stderr, "fake Orthanc: ");
  vfprintf(stderr, format, arguments);
  fprintf(stderr, "\n");
  va_end(arguments);
  _Exit(2);
}

void host_answer(const char *format, ...)
{
  va_list arguments;

  va_start(arguments, format);
  vprintf(format, arguments);
  va_end(arguments);
  printf("\n");
  fflush(stdout); /* what was answered before a crash must be seen */
}

double host_now(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double) now.tv_sec + (double) now.tv_nsec * 1e-9;
}

pthread_t host_thread(void *(*body)(void *), void *argument)
{
  pthread_attr_t attributes;
  pthread_t thread;

  pthread_attr_init(&attributes);
  if (pthread_attr_setstacksize(&attributes, HOST_STACK_SIZE) != 0 ||
      pthread_create(&thread, &attributes, body, argument) != 0)
  {
    host_fatal("cannot start a thread");
  }
  pthread_attr_destroy(&attributes);
  return thread;
}

static char *read_file(const char *path)
{
  FILE *file = fopen(path, "rb");
  char *text;
  long size;

  if (file == NULL || fseek(file, 0, SEEK_END) != 0 || (size = ftell(file)) < 0)
  {
    host_fatal("cannot read %s", path);
  }
  rewind(file);
  text = calloc(1, (size_t) size + 1);
  if (fread(text, 1, (size_t) size, file) != (size_t) size)
  {
    host_fatal("cannot read %s", path);
  }
  fclose(file);
  return text;
}

/* --- the life of the plugin --- */

static void *symbol(const char *name)
{
  void *found = dlsym(plugin, name);
  if (found == NULL)
  {
    host_fatal("%s", dlerror());
  }
  return found;
}

/* As PluginsManager of Orthanc: a plugin that fails to initialise is closed without being finalised. */
void host_load(void)
{
  double started = host_now();
  int32_t code;

  host_forget_area();
  plugin = dlopen(plugin_path, RTLD_NOW | RTLD_LOCAL);
  if (plugin == NULL)
  {
    host_fatal("%s", dlerror());
  }
  code = ((int32_t (*)(OrthancPluginContext *)) symbol("OrthancPluginInitialize"))(host_context(&options));
  host_answer("{\"verb\": \"initialize\", \"code\": %d, \"area\": \"%s\", \"name\": \"%s\", \"version\": \"%s\", "
              "\"seconds\": %.3f}", (int) code, host_area_name(),
              ((const char *(*) (void)) symbol("OrthancPluginGetName"))(),
              ((const char *(*) (void)) symbol("OrthancPluginGetVersion"))(), host_now() - started);
  initialized = code == 0;
  if (!initialized)
  {
    host_context_end();
    dlclose(plugin);
    plugin = NULL;
  }
}

void host_finalize(void)
{
  double started = host_now();

  if (initialized)
  {
    ((void (*)(void)) symbol("OrthancPluginFinalize"))();
    host_answer("{\"verb\": \"finalize\", \"seconds\": %.3f}", host_now() - started);
    host_background_after_stop();
    initialized = 0;
  }
}

void host_unload(void)
{
  host_finalize();
  if (plugin != NULL)
  {
    host_context_end();
    dlclose(plugin);
    plugin = NULL;
  }
}

static void *python_symbol(const char *name)
{
  void *found = dlsym(python, name);
  if (found == NULL)
  {
    host_fatal("%s", dlerror());
  }
  return found;
}

/* As the orthanc-python plugin does when it is loaded before ours. */
static void initialize_python(const char *library)
{
  python = dlopen(library, RTLD_NOW | RTLD_GLOBAL);
  if (python == NULL)
  {
    host_fatal("%s", dlerror());
  }
  ((void (*)(void)) python_symbol("Py_Initialize"))();
  python_thread = ((void *(*) (void)) python_symbol("PyEval_SaveThread"))();
}

/* As the same plugin does when Orthanc stops. */
void host_finalize_python(void)
{
  if (python == NULL)
  {
    host_fatal("there is no Python but that of the plugin");
  }
  ((void (*)(void *)) python_symbol("PyEval_RestoreThread"))(python_thread);
  host_answer("{\"verb\": \"finalize-python\", \"code\": %d}", ((int (*)(void)) python_symbol("Py_FinalizeEx"))());
}

int main(int count, char **arguments)
{
  static const struct option known[] = {{"version", required_argument, NULL, 'v'},
                                        {"configuration", required_argument, NULL, 'c'},
                                        {"configuration-path", required_argument, NULL, 'p'},
                                        {"without-configuration", no_argument, NULL, 'n'},
                                        {"refuse", required_argument, NULL, 'r'},
                                        {"python", required_argument, NULL, 'y'},
                                        {"preload", required_argument, NULL, 'l'},
                                        {NULL, 0, NULL, 0}};
  int option;

  while ((option = getopt_long(count, arguments, "", known, NULL)) != -1)
  {
    switch (option)
    {
      case 'v':
        options.version = optarg;
        break;
      case 'c':
        options.configuration = read_file(optarg);
        options.configuration_path = options.configuration_path == NULL ? optarg : options.configuration_path;
        break;
      case 'p':
        options.configuration_path = optarg;
        break;
      case 'n':
        options.configuration = NULL;
        break;
      case 'r':
        options.refusal = atoi(optarg);
        break;
      case 'y':
        initialize_python(optarg);
        break;
      case 'l':
        if (dlopen(optarg, RTLD_NOW | RTLD_LOCAL) == NULL)
        {
          host_fatal("%s", dlerror());
        }
        break;
      default:
        return 2;
    }
  }
  if (optind != count - 1)
  {
    host_fatal("one plugin, please");
  }
  plugin_path = arguments[optind];
  host_load();
  host_follow_script(stdin);
  host_unload();
  host_count_leaks();
  free((void *) options.configuration);
  return 0;
}
