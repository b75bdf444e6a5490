/* Sealed files: an object and a seal behind it, with a checksum for each block. What they are: storage_plugins/disk/sealed.py.

   Only files that are whole and undamaged are read here; whatever else there is, is left to the store. */

#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "shim.h"

#define BLOCK 65536
#define TAIL 4096 /* of a file, read at once; holds the seal of an object of up to 50 MiB */
#define FOOTER 24
#define LANES 3 /* checksums at the same time */

#if defined(__x86_64__)
#  include <nmmintrin.h>
#  define WITH_CRC __attribute__((target("sse4.2")))
#  define CRC_64(crc, value) _mm_crc32_u64(crc, value)
#  define CRC_8(crc, value) _mm_crc32_u8((uint32_t) (crc), value)
static int has_crc(void)
{
  return __builtin_cpu_supports("sse4.2");
}
#elif defined(__aarch64__)
#  include <arm_acle.h>
#  include <sys/auxv.h>
#  define WITH_CRC __attribute__((target("+crc")))
#  define CRC_64(crc, value) __crc32cd((uint32_t) (crc), value)
#  define CRC_8(crc, value) __crc32cb((uint32_t) (crc), value)
static int has_crc(void)
{
  return (getauxval(AT_HWCAP) & (1 << 7)) != 0; /* HWCAP_CRC32 */
}
#else
#  define WITH_CRC
#  define CRC_64(crc, value) ((void) (value), (crc))
#  define CRC_8(crc, value) ((void) (value), (crc))
static int has_crc(void)
{
  return 0;
}
#endif

int storage_sealed_possible(void)
{
  return has_crc();
}

static uint64_t word(const unsigned char *data)
{
  uint64_t value;

  memcpy(&value, data, sizeof(value));
  return value;
}

WITH_CRC static uint32_t crc32c(const unsigned char *data, size_t size)
{
  uint64_t crc = 0xffffffff;

  for (; size >= 8; size -= 8, data += 8)
  {
    crc = CRC_64(crc, word(data));
  }
  for (; size != 0; size--, data++)
  {
    crc = CRC_8(crc, *data);
  }
  return (uint32_t) ~crc;
}

/* Whether up to LANES whole blocks, one behind the other, have these checksums. The processor computes them at the same
   time, because each step of one waits for the step before: fewer of them take as long as all. */
WITH_CRC static int have_sums(const unsigned char *data, uint64_t blocks, const uint32_t *sums)
{
  const unsigned char *second = data + (blocks > 1 ? BLOCK : 0), *third = data + (blocks > 2 ? 2 * BLOCK : 0);
  uint64_t crcs[LANES] = {0xffffffff, 0xffffffff, 0xffffffff};
  int same = 1;

  for (size_t at = 0; at < BLOCK; at += 8)
  {
    crcs[0] = CRC_64(crcs[0], word(data + at));
    crcs[1] = CRC_64(crcs[1], word(second + at));
    crcs[2] = CRC_64(crcs[2], word(third + at));
  }
  for (uint64_t i = 0; i < blocks; i++)
  {
    same &= (uint32_t) ~crcs[i] == sums[i];
  }
  return same;
}

static uint32_t number(const unsigned char *data)
{
  return (uint32_t) data[0] | (uint32_t) data[1] << 8 | (uint32_t) data[2] << 16 | (uint32_t) data[3] << 24;
}

int storage_sealed_open(storage_sealed *sealed, int file, uint64_t length, const char *key)
{
  unsigned char tail[TAIL];
  uint64_t have = length < TAIL ? length : TAIL, blocks, front;
  const unsigned char *footer = tail + have - FOOTER, *start;

  if (have < FOOTER || !storage_read_at(file, tail, have, length - have) || memcmp(footer, "OSPSEAL1", 8) != 0)
  {
    return 0;
  }
  sealed->file = file;
  sealed->size = (uint64_t) number(footer + 8) | (uint64_t) number(footer + 12) << 32;
  blocks = sealed->size / BLOCK + (sealed->size % BLOCK != 0);
  front = 4 * blocks + number(footer + 16) + FOOTER;
  if (blocks > STORAGE_SEALED_BLOCKS || front > have || length - front != sealed->size)
  {
    return 0;
  }
  start = tail + have - front;
  if (crc32c(start, front - 4) != number(footer + 20) || strlen(key) != number(footer + 16) ||
      memcmp(start + 4 * blocks, key, strlen(key)) != 0)
  {
    return 0;
  }
  for (uint64_t i = 0; i < blocks; i++)
  {
    sealed->sums[i] = number(start + 4 * i);
  }
  return 1;
}

/* Reads whole blocks; `size` may end with the last one of the object, which is shorter. */
static int read_blocks(const storage_sealed *sealed, unsigned char *target, uint64_t size, uint64_t start)
{
  const uint32_t *sums = sealed->sums + start / BLOCK;

  while (size != 0)
  {
    /* A few at a time: what was read is still in the processor's cache when it is summed up. */
    uint64_t step = size < LANES * BLOCK ? size : LANES * BLOCK;
    uint64_t blocks = step / BLOCK, rest = step % BLOCK;

    if (!storage_read_at(sealed->file, target, step, start) || (blocks != 0 && !have_sums(target, blocks, sums)) ||
        (rest != 0 && crc32c(target + step - rest, rest) != sums[blocks]))
    {
      return 0;
    }
    sums += blocks;
    target += step;
    start += step;
    size -= step;
  }
  return 1;
}

/* Reads a part of one block, which has to be read whole for that. */
static int read_part(const storage_sealed *sealed, unsigned char *target, uint64_t size, uint64_t start)
{
  uint64_t first = start / BLOCK * BLOCK;
  uint64_t length = sealed->size - first < BLOCK ? sealed->size - first : BLOCK;
  unsigned char *memory = malloc(length); /* Orthanc's threads have small stacks */
  int done = memory != NULL && read_blocks(sealed, memory, length, first);

  if (done)
  {
    memcpy(target, memory + (start - first), size);
  }
  free(memory);
  return done;
}

int storage_sealed_read(const storage_sealed *sealed, void *target, uint64_t size, uint64_t start)
{
  unsigned char *to = target;

  while (size != 0)
  {
    uint64_t whole = start + size == sealed->size ? size : size / BLOCK * BLOCK;
    uint64_t step = start % BLOCK == 0 && whole != 0 ? whole : BLOCK - start % BLOCK;

    step = step < size ? step : size;
    if (start % BLOCK == 0 && whole != 0 ? !read_blocks(sealed, to, step, start) : !read_part(sealed, to, step, start))
    {
      return 0;
    }
    to += step;
    start += step;
    size -= step;
  }
  return 1;
}
