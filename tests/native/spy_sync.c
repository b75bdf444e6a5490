/* Preloaded into the host: writes down what is forced to the disk and what gets a name, in order. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void write_down(const char *what, const char *path)
{
  FILE *log = fopen(getenv("SPY_SYNC"), "a");

  fprintf(log, "%s %s\n", what, path);
  fclose(log);
}

int fsync(int file)
{
  int (*real)(int) = (int (*)(int)) dlsym(RTLD_NEXT, "fsync");
  char name[64], path[4096];
  ssize_t length;

  snprintf(name, sizeof(name), "/proc/self/fd/%d", file);
  length = readlink(name, path, sizeof(path) - 1);
  path[length < 0 ? 0 : length] = 0;
  write_down("sync", strstr(path, "(deleted)") == NULL ? path : "nameless");
  return real(file);
}

int linkat(int from_folder, const char *from, int to_folder, const char *to, int flags)
{
  int (*real)(int, const char *, int, const char *, int) =
    (int (*)(int, const char *, int, const char *, int)) dlsym(RTLD_NEXT, "linkat");

  write_down("link", to);
  return real(from_folder, from, to_folder, to, flags);
}
