/*
 * Keeps writing to files that are hard to move, and checks on request that every record is where it belongs:
 * deleted but open, renamed while open, opened by a hard link that is gone since, O_APPEND, mapped. It has also deleted a
 * file and replaced a directory that came with the image: what was there must not come back.
 */
#include "serve.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum { pages = 4, page = 4096 };
static volatile unsigned char *mapping;
static int deleted, renamed, linked, appended;
static unsigned records;

static int make(const char *path, int flags) {
  int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | flags, 0640);
  if (fd < 0) die(path);
  return fd;
}

static void record(int fd) {
  char line[16];
  int length = snprintf(line, sizeof line, "%08u\n", records);
  if (write(fd, line, (size_t)length) != length) die("write");
}

static void tick(void) {
  record(deleted);
  record(renamed);
  record(linked);
  record(appended);
  records++;
  /* A mapped page that is dirty already takes more without a trace in the file's timestamps. */
  *(volatile unsigned *)(mapping + records % pages * page) = records;
}

static void check_mapped(void) {
  int fd = open("mapped", O_RDONLY);
  if (fd < 0) return expect(0, "mapped: %s", strerror(errno));
  for (unsigned i = 0; i < pages; i++) {
    unsigned found = 0, before = (records - i) % pages, wanted = before > records ? 0 : records - before;
    expect(pread(fd, &found, sizeof found, i * page) == sizeof found && found == wanted, "mapped: %u in page %u, not %u",
           found, i, wanted);
    expect(*(volatile unsigned *)(mapping + i * page) == wanted, "mapped: page %u is not what the process has", i);
  }
  close(fd);
}

static void check_content(const char *name, int fd) {
  struct stat s;
  char line[16] = {0}, wanted[16];
  if (fstat(fd, &s) < 0) return expect(0, "%s: %s", name, strerror(errno));
  expect(s.st_size == records * 9L, "%s: %ld bytes, not %ld", name, (long)s.st_size, records * 9L);
  expect(lseek(fd, 0, SEEK_CUR) == records * 9L, "%s: offset moved", name);
  for (unsigned i = 0; i < records; i++) {
    snprintf(wanted, sizeof wanted, "%08u\n", i);
    if (pread(fd, line, 9, i * 9L) != 9 || memcmp(line, wanted, 9) != 0) {
      return expect(0, "%s: record %u is damaged", name, i);
    }
  }
}

static void check_links(const char *name, int fd, const char *path, nlink_t links) {
  struct stat open_file, named;
  fstat(fd, &open_file);
  expect(open_file.st_nlink == links, "%s: %lu links, not %lu", name, (unsigned long)open_file.st_nlink,
         (unsigned long)links);
  if (!path) return;
  if (stat(path, &named) < 0) return expect(0, "%s: no %s", name, path);
  expect(named.st_ino == open_file.st_ino, "%s: %s is another file now", name, path);
}

static void check_absent(const char *path) { expect(access(path, F_OK) < 0, "%s is back", path); }

static void answer(FILE *to) {
  wrong[0] = 0;
  check_content("deleted", deleted);
  check_links("deleted", deleted, NULL, 0);
  check_content("renamed", renamed);
  check_links("renamed", renamed, "new-name", 1);
  check_content("linked", linked);
  check_links("linked", linked, "kept-link", 1);
  check_content("appended", appended);
  check_links("appended", appended, "log", 1);
  expect((fcntl(appended, F_GETFL) & O_APPEND) != 0, "appended: no longer O_APPEND");
  check_mapped();
  check_absent("deleted");
  check_absent("old-name");
  check_absent("removed-link");
  check_absent("from-image");
  check_absent("directory-from-image/old");
  expect(access("directory-from-image/new", F_OK) == 0, "directory-from-image/new is gone");
  if (wrong[0]) fprintf(to, "wrong: %s", wrong);
  else fprintf(to, "ok %u records", records);
}

int main(void) {
  deleted = make("deleted", 0);
  unlink("deleted");
  renamed = make("old-name", 0);
  if (rename("old-name", "new-name") < 0) die("rename");
  linked = make("removed-link", 0);
  if (link("removed-link", "kept-link") < 0) die("link");
  unlink("removed-link");
  appended = make("log", O_APPEND);
  int fd = make("mapped", 0);
  if (ftruncate(fd, pages * page) < 0) die("mapped");
  mapping = mmap(NULL, pages * page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (mapping == MAP_FAILED) die("mmap");
  close(fd);
  if (unlink("from-image") < 0) die("from-image");
  if (unlink("directory-from-image/old") < 0) die("directory-from-image/old");
  rmdir("directory-from-image");
  if (mkdir("directory-from-image", 0750) < 0) die("directory-from-image");
  close(make("directory-from-image/new", 0));
  serve(answer, tick);
}
