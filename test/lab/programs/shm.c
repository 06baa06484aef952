/*
 * Keeps content in memory file systems: /dev/shm (written and mapped), /tmp, and in /dev itself, where a runtime puts
 * a tmpfs with device nodes and an application may put files, directories, links and FIFOs of its own.
 */
#include "serve.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum { length = 1 << 20 };

static const struct place {
  const char *path;
  mode_t mode;
  uid_t uid;
  gid_t gid;
} places[] = {
    {"/dev/shm/written", 0600, 0, 0},
    {"/dev/shm/foreign", 0664, 1234, 4321},
    {"/tmp/written", 0640, 0, 0},
    {"/dev/written", 0604, 1234, 0},
    {"/dev/directory/written", 0400, 0, 4321},
};
enum { count = sizeof places / sizeof *places };
static volatile uint64_t *mapped;
static uint64_t ticks;

static uint64_t word(size_t place, size_t at) { return mix(place << 32 | at); }

static void make(size_t i) {
  const struct place *p = &places[i];
  int fd = open(p->path, O_WRONLY | O_CREAT | O_EXCL, 0600);
  FILE *to = fd < 0 ? NULL : fdopen(fd, "w");
  if (!to) die(p->path);
  for (size_t at = 0; at < length / 8; at++) {
    uint64_t w = word(i, at);
    if (fwrite(&w, 8, 1, to) != 1) die(p->path);
  }
  if (fchown(fd, p->uid, p->gid) < 0 || fchmod(fd, p->mode) < 0 || fclose(to) != 0) die(p->path);
}

static void check(size_t i) {
  const struct place *p = &places[i];
  struct stat s;
  FILE *from = fopen(p->path, "r");
  if (!from) return expect(0, "%s: %s", p->path, strerror(errno));
  fstat(fileno(from), &s);
  expect(s.st_size == length, "%s: %ld bytes", p->path, (long)s.st_size);
  expect((s.st_mode & 07777) == p->mode, "%s: mode %o", p->path, s.st_mode & 07777);
  expect(s.st_uid == p->uid && s.st_gid == p->gid, "%s: owner %u:%u", p->path, s.st_uid, s.st_gid);
  for (size_t at = 0; at < length / 8; at++) {
    uint64_t w = 0;
    if (fread(&w, 8, 1, from) != 1 || w != word(i, at)) {
      expect(0, "%s: word %zu is damaged", p->path, at);
      break;
    }
  }
  fclose(from);
}

static void check_kind(const char *path, mode_t kind, mode_t mode) {
  struct stat s;
  if (lstat(path, &s) < 0) return expect(0, "%s: %s", path, strerror(errno));
  expect((s.st_mode & S_IFMT) == kind, "%s is of another kind", path);
  expect(kind == S_IFLNK || (s.st_mode & 07777) == mode, "%s: mode %o", path, s.st_mode & 07777);
}

static void tick(void) { mapped[0] = ++ticks; }

static void answer(FILE *to) {
  uint64_t stored = 0;
  int fd = open("/dev/shm/mapped", O_RDONLY);
  wrong[0] = 0;
  for (size_t i = 0; i < count; i++) check(i);
  check_kind("/dev/directory", S_IFDIR, 0751);
  check_kind("/dev/link", S_IFLNK, 0);
  check_kind("/dev/fifo", S_IFIFO, 0620);
  check_kind("/dev/null", S_IFCHR, 0666);
  /* The mapping and the file must still be one memory. */
  expect(fd >= 0 && read(fd, &stored, 8) == 8 && stored == ticks, "/dev/shm/mapped and its mapping differ");
  if (fd >= 0) close(fd);
  if (wrong[0]) fprintf(to, "wrong: %s", wrong);
  else fprintf(to, "ok %llu ticks", (unsigned long long)ticks);
}

int main(void) {
  int fd = open("/dev/shm/mapped", O_RDWR | O_CREAT | O_EXCL, 0600);
  umask(0);
  if (mkdir("/dev/directory", 0751) < 0 || symlink("written", "/dev/link") < 0 || mkfifo("/dev/fifo", 0620) < 0) {
    die("/dev");
  }
  for (size_t i = 0; i < count; i++) make(i);
  if (fd < 0 || ftruncate(fd, 4096) < 0) die("/dev/shm/mapped");
  mapped = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (mapped == MAP_FAILED) die("mmap");
  close(fd);
  serve(answer, tick);
}
