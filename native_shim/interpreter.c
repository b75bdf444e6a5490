/* Starts Python on a thread of its own, and stops it.

   That thread runs storage_python_main() from the start of the plugin to its end: it opens the store, starts the
   workers, answers the control channel and closes the store. Python is never finalised from here: threads of the
   workers' libraries may still be inside it. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <ctype.h>
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shim.h"

/* Set by build_shim.py. */
#ifndef STORAGE_PYTHON_EXECUTABLE
#  error "STORAGE_PYTHON_EXECUTABLE: path of the interpreter of the environment that holds storage_plugins"
#endif
#ifndef STORAGE_IMPORTABLE
#  error "STORAGE_IMPORTABLE: Python code that makes that environment importable"
#endif
#ifndef STORAGE_LIBPYTHON
#  error "STORAGE_LIBPYTHON: soname of libpython"
#endif

#define MAIN_STACK_SIZE (8 * 1024 * 1024)

#define NUMBER_AS_TEXT(x) #x
#define AS_TEXT(x) NUMBER_AS_TEXT(x)
#define PYTHON_VERSION AS_TEXT(PY_MAJOR_VERSION) "." AS_TEXT(PY_MINOR_VERSION)

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_cond_t changed; /* on the monotonic clock */
static pthread_t main_thread;
static int running = 0; /* the main thread waits to be joined */
static int has_outcome = 0; /* storage_started() was called, or the main thread ended */
static int outcome = STORAGE_START_FAILED;
static int ended = 1; /* the main thread has left Python for good */
static uint32_t stop_timeout_ms = 0;

int storage_interpreter_alive(void)
{
  return Py_IsInitialized();
}

void storage_started(int32_t result, uint32_t stop_timeout)
{
  pthread_mutex_lock(&mutex);
  outcome = result;
  has_outcome = 1;
  stop_timeout_ms = stop_timeout;
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&mutex);
}

static int find_other_python(struct dl_phdr_info *info, size_t size, void *found)
{
  const char *name = strrchr(info->dlpi_name, '/');

  (void) size;
  name = name == NULL ? info->dlpi_name : name + 1;
  /* libpython3.so without a minor number is the stable interface's forwarder, not an interpreter. */
  if (strncmp(name, "libpython3.", 11) == 0 && isdigit((unsigned char) name[11]) &&
      strncmp(name, "libpython" PYTHON_VERSION ".", 9 + sizeof(PYTHON_VERSION)) != 0)
  {
    *(const char **) found = info->dlpi_name;
    return 1;
  }
  return 0;
}

/* Checks what would crash later, while it can still be said in a sentence. */
static int check_environment(void)
{
  const char *other = NULL;

  dl_iterate_phdr(find_other_python, &other);
  if (other != NULL)
  {
    storage_logf(STORAGE_LOG_ERROR,
                 "Another plugin uses %s, but this plugin was built for Python %s: two Pythons cannot share a process. "
                 "Build this plugin again with that Python (orthanc-storage build), or remove the other plugin",
                 other, PYTHON_VERSION);
    return 0;
  }
  if (access(STORAGE_PYTHON_EXECUTABLE, X_OK) != 0)
  {
    storage_logf(STORAGE_LOG_ERROR,
                 "Cannot use the Python environment that this plugin was built in (%s: %s). Give Orthanc's user access "
                 "to it, or run 'orthanc-storage build' in the environment to use",
                 STORAGE_PYTHON_EXECUTABLE, strerror(errno));
    return 0;
  }
  /* Orthanc opens plugins with local scope, but compiled Python modules look for libpython's symbols globally. */
  if (dlopen(STORAGE_LIBPYTHON, RTLD_NOW | RTLD_GLOBAL) == NULL)
  {
    storage_logf(STORAGE_LOG_ERROR, "Cannot open %s: %s", STORAGE_LIBPYTHON, dlerror());
    return 0;
  }
  return 1;
}

/* Initialises Python as `STORAGE_PYTHON_EXECUTABLE -I` would, whatever PATH and PYTHON* say, so that the environment
   the plugin was built in is the one that runs. Does nothing when another plugin has already initialised Python. */
static int initialize(void)
{
  PyPreConfig preconfig;
  PyConfig config;
  PyStatus status;

  if (Py_IsInitialized())
  {
    return 1;
  }
  PyPreConfig_InitIsolatedConfig(&preconfig);
  preconfig.utf8_mode = 1;
  status = Py_PreInitialize(&preconfig);
  if (!PyStatus_Exception(status))
  {
    PyConfig_InitIsolatedConfig(&config);
    status = PyConfig_SetBytesString(&config, &config.executable, STORAGE_PYTHON_EXECUTABLE);
    if (!PyStatus_Exception(status))
    {
      status = Py_InitializeFromConfig(&config);
    }
    PyConfig_Clear(&config);
  }
  if (PyStatus_Exception(status))
  {
    storage_logf(STORAGE_LOG_ERROR, "Cannot initialise Python: %s",
                 status.err_msg == NULL ? "unknown error" : status.err_msg);
    return 0;
  }
  PyEval_SaveThread();
  return 1;
}

/* In a namespace of its own: __main__ may be another plugin's. */
static int make_importable(void)
{
  PyGILState_STATE state = PyGILState_Ensure();
  PyObject *names = PyDict_New();
  PyObject *done = names == NULL ? NULL : PyRun_String(STORAGE_IMPORTABLE, Py_file_input, names, names);
  int succeeded = done != NULL;

  if (!succeeded)
  {
    PyErr_Print();
    storage_log(STORAGE_LOG_ERROR, "The environment of the plugin could not be made importable");
  }
  Py_XDECREF(done);
  Py_XDECREF(names);
  PyGILState_Release(state);
  return succeeded;
}

static void *run(void *unused)
{
  (void) unused;
  if (initialize() && make_importable())
  {
    if (storage_cffi_start() == 0)
    {
      storage_python_main();
    }
    else
    {
      storage_logf(STORAGE_LOG_ERROR, "The Python part of the plugin could not be loaded from the environment of %s",
                   STORAGE_PYTHON_EXECUTABLE);
    }
  }
  pthread_mutex_lock(&mutex);
  has_outcome = 1; /* without storage_started() the outcome still is "failed" */
  ended = 1;
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&mutex);
  return NULL;
}

static void initialize_condition(void)
{
  pthread_condattr_t monotonic;

  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_cond_init(&changed, &monotonic);
  pthread_condattr_destroy(&monotonic);
}

/* Orthanc can unload and load its plugins in the same process (POST /tools/reset). The library and Python stay. */
static int begin(void)
{
  int stopped;

  pthread_once(&once, initialize_condition);
  pthread_mutex_lock(&mutex);
  stopped = ended;
  if (stopped)
  {
    ended = 0;
    has_outcome = 0;
    outcome = STORAGE_START_FAILED;
    storage_queue_open();
  }
  pthread_mutex_unlock(&mutex);
  if (!stopped)
  {
    storage_logf(STORAGE_LOG_ERROR,
                 "The storage area has not stopped since Orthanc was reset: end the process and start it again");
  }
  return stopped;
}

static int start_thread(void)
{
  pthread_attr_t attributes;
  int error;

  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, MAIN_STACK_SIZE);
  error = pthread_create(&main_thread, &attributes, run, NULL);
  pthread_attr_destroy(&attributes);
  if (error != 0)
  {
    ended = 1;
    storage_logf(STORAGE_LOG_ERROR, "Cannot start the thread for Python: %s", strerror(error));
    return 0;
  }
  return 1;
}

/* Returns a STORAGE_START_* outcome, once it is known. */
int storage_interpreter_start(void)
{
  int result;

  if (!check_environment() || !begin() || !start_thread())
  {
    return STORAGE_START_FAILED;
  }
  pthread_mutex_lock(&mutex);
  while (!has_outcome)
  {
    pthread_cond_wait(&changed, &mutex);
  }
  result = outcome;
  pthread_mutex_unlock(&mutex);
  running = result == STORAGE_START_READY;
  if (!running)
  {
    pthread_join(main_thread, NULL);
  }
  return result;
}

/* Lets running requests finish and the store close, but never longer than the bound: Orthanc is ending, and a worker
   that hangs in the network must not keep it. What still runs then stays in memory (the plugin is linked nodelete). */
void storage_interpreter_stop(void)
{
  struct timespec deadline;
  unsigned refused;
  int stopped;

  if (!running)
  {
    return;
  }
  running = 0;
  storage_files_close();
  if (!storage_interpreter_alive())
  {
    /* The orthanc-python plugin has finalised Python. The workers sleep in storage_next(): waking them would send them
       into an interpreter that is gone. Leave them there until the process ends. */
    storage_logf(STORAGE_LOG_WARNING, "Another plugin has finalised Python before the storage area was stopped");
    return;
  }
  storage_queue_close();

  clock_gettime(CLOCK_MONOTONIC, &deadline);
  deadline.tv_sec += stop_timeout_ms / 1000;
  deadline.tv_nsec += (long) (stop_timeout_ms % 1000) * 1000000L;
  if (deadline.tv_nsec >= 1000000000L)
  {
    deadline.tv_sec++;
    deadline.tv_nsec -= 1000000000L;
  }
  pthread_mutex_lock(&mutex);
  while (!ended && pthread_cond_timedwait(&changed, &mutex, &deadline) == 0)
  {
  }
  stopped = ended;
  pthread_mutex_unlock(&mutex);

  if (stopped)
  {
    pthread_join(main_thread, NULL);
  }
  else
  {
    pthread_detach(main_thread);
  }
  /* Also when it has stopped: it leaves workers behind that did not end in time, and nobody serves what waits. */
  refused = storage_queue_fail_waiting();
  if (!stopped || refused != 0)
  {
    storage_logf(STORAGE_LOG_WARNING, "The storage area did not stop within %u ms: %u waiting requests were refused",
                 (unsigned) stop_timeout_ms, refused);
  }
}
