/*
 * Holds MB megabytes (300) of generated content, which it can check word by word.
 * DIRTY_MB_PER_S (0): keeps rewriting that much in a second, each page under a new generation.
 */
#include "serve.h"
#include <sys/mman.h>

enum { words = 4096 / 8 };
static uint64_t *pages;
static uint32_t *generation;
static size_t count, next_dirty, dirty_per_tick;
static uint64_t rewritten;

static uint64_t word(size_t page, size_t at) {
  return mix(((uint64_t)generation[page] << 40) ^ (page * words + at));
}

static void fill(size_t page) {
  for (size_t at = 0; at < words; at++) pages[page * words + at] = word(page, at);
}

static void tick(void) {
  for (size_t i = 0; i < dirty_per_tick; i++) {
    generation[next_dirty]++;
    fill(next_dirty);
    next_dirty = (next_dirty + 1) % count;
    rewritten++;
  }
}

static void answer(FILE *to) {
  uint64_t sum = 0;
  for (size_t page = 0; page < count; page++) {
    for (size_t at = 0; at < words; at++) {
      uint64_t found = pages[page * words + at];
      if (found != word(page, at)) {
        fprintf(to, "wrong: page %zu of %zu, word %zu", page, count, at);
        return;
      }
      sum = mix(sum ^ found);
    }
  }
  fprintf(to, "ok %zu pages, %llu rewritten, checksum %016llx", count, (unsigned long long)rewritten,
          (unsigned long long)sum);
}

static size_t number(const char *name, size_t otherwise) {
  const char *text = getenv(name);
  return text ? strtoul(text, NULL, 10) : otherwise;
}

int main(void) {
  count = number("MB", 300) * 256;
  dirty_per_tick = number("DIRTY_MB_PER_S", 0) * 256 / 10;
  pages = mmap(NULL, count * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  generation = calloc(count, sizeof *generation);
  if (pages == MAP_FAILED || !generation) die("no memory");
  for (size_t page = 0; page < count; page++) fill(page);
  serve(answer, dirty_per_tick ? tick : NULL);
}
