/* What was done without a worker, until the metrics take it over. */

#define _GNU_SOURCE
#include <stdatomic.h>
#include <time.h>

#include "shim.h"

static struct
{
  _Atomic uint64_t calls, bytes, nanoseconds;
} counts[STORAGE_STATUS];

uint64_t storage_clock(void)
{
  struct timespec time;

  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t) time.tv_sec * 1000000000U + (uint64_t) time.tv_nsec;
}

void storage_count(int operation, uint64_t bytes, uint64_t started)
{
  atomic_fetch_add(&counts[operation].calls, 1);
  atomic_fetch_add(&counts[operation].bytes, bytes);
  atomic_fetch_add(&counts[operation].nanoseconds, storage_clock() - started);
}

storage_counts storage_take_counts(int32_t operation)
{
  return (storage_counts) {atomic_exchange(&counts[operation].calls, 0), atomic_exchange(&counts[operation].bytes, 0),
                           atomic_exchange(&counts[operation].nanoseconds, 0)};
}
