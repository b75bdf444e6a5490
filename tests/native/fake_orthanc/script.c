/* The script, one command a line. Further words of a line are its arguments:

     create UUID TYPE HEX SIZE       HEX repeated to SIZE bytes; "null": no bytes whatever SIZE says
     read UUID TYPE
     range UUID TYPE START SIZE
     remove UUID TYPE
     start CALL...                   one of the above, without waiting for its end
     wait MS                         for all that were started
     threads N CALLS SIZE            N threads with CALLS mixed calls each, all bytes verified
     bench N CALLS SIZE
     background N                    N threads that call until `finalize` and a little longer
     fail-allocations on|off
     metrics
     sleep MS
     descriptors                     how many are open in this process
     finalize-python                 what the orthanc-python plugin does when Orthanc stops
     finalize                        OrthancPluginFinalize
     unload                          the same, and dlclose
     load                            again, as after POST /tools/reset

   At the end of the script the plugin is unloaded. */

#define _GNU_SOURCE
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "host.h"

#define MAXIMUM_WORDS 8
#define HOUR_MS 3600000

static unsigned number(const char *word)
{
  char *end;
  unsigned long value = strtoul(word, &end, 10);

  if (*end != '\0')
  {
    host_fatal("'%s' is no number", word);
  }
  return (unsigned) value;
}

static int count_words(char **words)
{
  int count = 0;

  while (words[count] != NULL)
  {
    count++;
  }
  return count;
}

static void start(char **words)
{
  if (!host_call_start(words + 1, count_words(words + 1)))
  {
    host_fatal("there is no such call to start");
  }
}

static void wait_(char **words)
{
  host_call_wait(number(words[1]));
}

static void threads(char **words)
{
  host_threads(number(words[1]), number(words[2]), number(words[3]));
}

static void bench(char **words)
{
  host_bench(number(words[1]), number(words[2]), number(words[3]));
}

static void background(char **words)
{
  host_background(number(words[1]));
}

static void fail_allocations(char **words)
{
  host_fail_allocations(strcmp(words[1], "on") == 0);
}

static void sleep_(char **words)
{
  unsigned ms = number(words[1]);

  nanosleep(&(struct timespec) {ms / 1000, (long) (ms % 1000) * 1000000}, NULL);
}

static void descriptors(void)
{
  DIR *folder = opendir("/proc/self/fd");
  unsigned count = 0;

  while (folder != NULL && readdir(folder) != NULL)
  {
    count++;
  }
  closedir(folder);
  host_answer("{\"verb\": \"descriptors\", \"count\": %u}", count);
}

static const struct
{
  const char *verb;
  int words;                /* of the line; 0: at least two */
  void (*run)(char **);     /* or, when there are no arguments, */
  void (*run_plain)(void);
} commands[] = {{"start", 0, start, NULL},
                {"wait", 2, wait_, NULL},
                {"threads", 4, threads, NULL},
                {"bench", 4, bench, NULL},
                {"background", 2, background, NULL},
                {"fail-allocations", 2, fail_allocations, NULL},
                {"sleep", 2, sleep_, NULL},
                {"descriptors", 1, NULL, descriptors},
                {"metrics", 1, NULL, host_refresh_metrics},
                {"finalize-python", 1, NULL, host_finalize_python},
                {"finalize", 1, NULL, host_finalize},
                {"unload", 1, NULL, host_unload},
                {"load", 1, NULL, host_load}};

static void follow(char **words, int count)
{
  if (host_call_start(words, count))
  {
    host_call_wait(HOUR_MS);
    return;
  }
  for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
  {
    int fits = commands[i].words == 0 ? count > 1 : count == commands[i].words;
    if (fits && strcmp(commands[i].verb, words[0]) == 0)
    {
      if (commands[i].run != NULL)
      {
        commands[i].run(words);
      }
      else
      {
        commands[i].run_plain();
      }
      return;
    }
  }
  host_fatal("there is no command '%s' with %d words", words[0], count);
}

void host_follow_script(FILE *file)
{
  char *line = NULL;
  size_t capacity = 0;

  while (getline(&line, &capacity, file) >= 0)
  {
    char *words[MAXIMUM_WORDS + 1] = {NULL};
    char *rest = line;
    int count = 0;
    while (count < MAXIMUM_WORDS && (words[count] = strtok_r(rest, " \n", &rest)) != NULL)
    {
      count++;
    }
    if (count != 0)
    {
      follow(words, count);
    }
  }
  free(line);
}
