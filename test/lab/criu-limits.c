/*
 * Lets CRIU read the limits of another user's process on a machine whose root has no CAP_SYS_RESOURCE.
 *
 * prlimit(2) refuses that without the capability, and CRIU asks in no other way, so it could dump nothing but root's
 * processes there; /proc/PID/limits says the same to everybody. Loaded into CRIU alone, and where nothing is missing
 * it changes nothing: the kernel is asked first.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>

static const char *const names[RLIM_NLIMITS] = {
    [RLIMIT_CPU] = "Max cpu time",           [RLIMIT_FSIZE] = "Max file size",
    [RLIMIT_DATA] = "Max data size",         [RLIMIT_STACK] = "Max stack size",
    [RLIMIT_CORE] = "Max core file size",    [RLIMIT_RSS] = "Max resident set",
    [RLIMIT_NPROC] = "Max processes",        [RLIMIT_NOFILE] = "Max open files",
    [RLIMIT_MEMLOCK] = "Max locked memory",  [RLIMIT_AS] = "Max address space",
    [RLIMIT_LOCKS] = "Max file locks",       [RLIMIT_SIGPENDING] = "Max pending signals",
    [RLIMIT_MSGQUEUE] = "Max msgqueue size", [RLIMIT_NICE] = "Max nice priority",
    [RLIMIT_RTPRIO] = "Max realtime priority", [RLIMIT_RTTIME] = "Max realtime timeout",
};

static rlim_t value(const char *text) {
  return strcmp(text, "unlimited") == 0 ? RLIM_INFINITY : strtoull(text, NULL, 10);
}

static int read_limit(long pid, long which, struct rlimit *to) {
  char path[32], line[256], soft[32], hard[32];
  int found = 0;
  snprintf(path, sizeof path, "/proc/%ld/limits", pid);
  FILE *limits = fopen(path, "r");
  if (!limits) return 0;
  size_t length = strlen(names[which]);
  while (!found && fgets(line, sizeof line, limits)) {
    if (strncmp(line, names[which], length) != 0 || line[length] != ' ') continue;
    found = sscanf(line + length, "%31s %31s", soft, hard) == 2;
  }
  fclose(limits);
  if (found) *to = (struct rlimit){value(soft), value(hard)};
  return found;
}

long syscall(long number, long a, long b, long c, long d, long e, long f) {
  static long (*kernel)(long, ...);
  if (!kernel) kernel = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
  long answer = kernel(number, a, b, c, d, e, f);
  if (number != SYS_prlimit64 || answer == 0 || errno != EPERM || c != 0 || d == 0) return answer;
  if (b < 0 || b >= RLIM_NLIMITS || !read_limit(a, b, (struct rlimit *)d)) errno = EPERM;
  else return 0;
  return -1;
}
