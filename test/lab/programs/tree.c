/*
 * A process tree with one of everything that has to survive a move, and that can tell whether it did:
 *
 *   main ─┬─ threads that hand a token round under a mutex and a condition variable
 *         ├─ echo:   answers through a pair of pipes
 *         ├─ other:  another user, group, session, directory, umask and limit, with a child of its own
 *         └─ zombie: has ended and is not reaped
 *
 * and with content that nobody has read yet in a pipe, in a stream and a datagram socket pair, in an eventfd and in
 * pending signals; a sealed memfd; memory shared with the children; a timerfd in an epoll set and a POSIX timer that
 * go on.
 */
#include "serve.h"
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>

enum { threads = 3 };

/* Seen by all processes of the tree; each writes its own part. */
static volatile struct {
  unsigned long token, posix_timer, other, grandchild;
  char other_wrong[256];
} *shared;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turned = PTHREAD_COND_INITIALIZER;
static pid_t main_pid, echo_pid, other_pid, zombie_pid;
static int to_echo[2], from_echo[2], unread[2], stream[2], datagrams[2], event, signals, timer, set, memfd;
static unsigned long timerfd_ticks, echoed;

static const struct timespec tenth = {.tv_nsec = 100000000};

static void *hand_on(void *argument) {
  unsigned long mine = (unsigned long)argument;
  for (;;) {
    pthread_mutex_lock(&mutex);
    while (shared->token % threads != mine) pthread_cond_wait(&turned, &mutex);
    shared->token++;
    pthread_cond_broadcast(&turned);
    pthread_mutex_unlock(&mutex);
    nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
  }
  return NULL;
}

static pid_t start(void (*what)(void)) {
  pid_t pid = fork();
  if (pid < 0) die("fork");
  if (pid == 0) {
    what();
    _exit(0);
  }
  return pid;
}

static void echo(void) {
  uint64_t word;
  while (read(to_echo[0], &word, sizeof word) == sizeof word) {
    word = mix(word);
    if (write(from_echo[1], &word, sizeof word) != sizeof word) break;
  }
}

static void grandchild(void) {
  for (;;) {
    shared->grandchild++;
    nanosleep(&tenth, NULL);
  }
}

static void check_other(pid_t child, pid_t parent) {
  char directory[64] = "", mask_now;
  struct rlimit limit;
  mode_t mask = umask(0);
  umask(mask);
  mask_now = mask == 027;
  gid_t groups[4];
  expect(getuid() == 1234 && geteuid() == 1234 && getgid() == 4321, "other: user %u, group %u", getuid(), getgid());
  expect(getgroups(4, groups) == 1 && groups[0] == 77, "other: supplementary groups");
  expect(getsid(0) == getpid() && getpgid(child) == getpid(), "other: session or process group");
  expect(getppid() == parent, "other: parent %d", getppid());
  expect(getcwd(directory, sizeof directory) && strcmp(directory, "/data/other") == 0, "other: in %s", directory);
  expect(mask_now, "other: umask %o", mask);
  expect(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == 123 && limit.rlim_max == 456, "other: limit %lu",
         (unsigned long)limit.rlim_cur);
  expect(kill(child, 0) == 0, "other: no child %d", child);
}

static void other(void) {
  pid_t parent = getppid();
  gid_t group = 77;
  if (mkdir("/data/other", 0755) < 0 || chdir("/data/other") < 0) die("/data/other");
  umask(027);
  setrlimit(RLIMIT_NOFILE, &(struct rlimit){123, 456});
  if (setsid() < 0 || setgroups(1, &group) < 0 || setgid(4321) < 0 || setuid(1234) < 0) die("other's identity");
  pid_t child = start(grandchild);
  for (;;) {
    check_other(child, parent);
    memcpy((char *)shared->other_wrong, wrong, sizeof shared->other_wrong - 1);
    shared->other++;
    nanosleep(&tenth, NULL);
  }
}

static void end(void) {}

static void on_posix_timer(int signal) {
  (void)signal;
  shared->posix_timer++;
}

static void make_timers(void) {
  timer_t posix;
  struct sigevent to = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
  struct itimerspec every = {tenth, tenth};
  struct sigaction act = {.sa_handler = on_posix_timer, .sa_flags = SA_RESTART};
  sigaction(SIGRTMIN, &act, NULL);
  if (timer_create(CLOCK_MONOTONIC, &to, &posix) < 0 || timer_settime(posix, 0, &every, NULL) < 0) die("timer_create");
  timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  if (timer < 0 || timerfd_settime(timer, 0, &every, NULL) < 0) die("timerfd");
  set = epoll_create1(0);
  if (epoll_ctl(set, EPOLL_CTL_ADD, timer, &(struct epoll_event){EPOLLIN, {.u64 = 0x7469636b}}) < 0) die("epoll");
}

static void make_unread(void) {
  sigset_t blocked;
  if (pipe(unread) < 0 || write(unread[1], "in a pipe", 9) != 9) die("pipe");
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, stream) < 0 || write(stream[0], "in a stream", 11) != 11) die("stream");
  if (socketpair(AF_UNIX, SOCK_DGRAM, 0, datagrams) < 0 || write(datagrams[0], "one", 3) != 3 ||
      write(datagrams[0], "second", 6) != 6) {
    die("datagrams");
  }
  event = eventfd(7, EFD_NONBLOCK);
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);
  sigaddset(&blocked, SIGUSR2);
  sigprocmask(SIG_BLOCK, &blocked, NULL);
  signals = signalfd(-1, &blocked, SFD_NONBLOCK);
  kill(getpid(), SIGUSR1);
  memfd = memfd_create("podferry", MFD_ALLOW_SEALING);
  if (write(memfd, "in memory", 9) != 9) die("memfd");
  fcntl(memfd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_WRITE);
}

/* Reads what is waiting, compares it, and puts the same there again for the next time. */
static void check_unread(void) {
  char got[32] = "";
  uint64_t seven = 0;
  struct signalfd_siginfo info = {0};
  expect(read(unread[0], got, sizeof got) == 9 && memcmp(got, "in a pipe", 9) == 0, "pipe: %.9s", got);
  expect(write(unread[1], "in a pipe", 9) == 9, "pipe: cannot be written");
  expect(read(stream[1], got, sizeof got) == 11 && memcmp(got, "in a stream", 11) == 0, "stream: %.11s", got);
  expect(write(stream[0], "in a stream", 11) == 11, "stream: cannot be written");
  expect(read(datagrams[1], got, sizeof got) == 3 && memcmp(got, "one", 3) == 0, "first datagram");
  expect(read(datagrams[1], got, sizeof got) == 6 && memcmp(got, "second", 6) == 0, "second datagram");
  expect(write(datagrams[0], "one", 3) == 3 && write(datagrams[0], "second", 6) == 6, "datagrams: cannot be written");
  expect(read(event, &seven, 8) == 8 && seven == 7, "eventfd: %llu", (unsigned long long)seven);
  expect(write(event, &seven, 8) == 8, "eventfd: cannot be written");
  expect(read(signals, &info, sizeof info) == sizeof info && info.ssi_signo == SIGUSR1, "pending signal is lost");
  kill(getpid(), SIGUSR1);
  expect(pread(memfd, got, sizeof got, 0) == 9 && memcmp(got, "in memory", 9) == 0, "memfd: %.9s", got);
  expect(fcntl(memfd, F_GET_SEALS) == (F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_WRITE), "memfd: seals");
}

static void check_processes(void) {
  char state = '?', path[32];
  uint64_t asked = ++echoed, told = 0;
  expect(getpid() == main_pid, "main: pid %d", getpid());
  expect(write(to_echo[1], &asked, 8) == 8 && read(from_echo[0], &told, 8) == 8 && told == mix(asked), "echo: wrong");
  expect(waitpid(echo_pid, NULL, WNOHANG) == 0 && waitpid(other_pid, NULL, WNOHANG) == 0, "a child has ended");
  snprintf(path, sizeof path, "/proc/%d/stat", zombie_pid);
  FILE *stat = fopen(path, "r");
  expect(stat && fscanf(stat, "%*d %*s %c", &state) == 1 && state == 'Z', "zombie: state %c", state);
  if (stat) fclose(stat);
  expect(shared->other_wrong[0] == 0, "%s", (const char *)shared->other_wrong);
}

static void check_progress(void) {
  unsigned long token = shared->token, posix = shared->posix_timer, ticks = timerfd_ticks;
  unsigned long others = shared->other, grandchildren = shared->grandchild;
  struct epoll_event ready;
  uint64_t count;
  for (int i = 0; i < 5; i++) {
    int n = epoll_wait(set, &ready, 1, 100);
    if (n == 1 && ready.data.u64 == 0x7469636b && read(timer, &count, 8) == 8) timerfd_ticks += count;
    /* The POSIX timer's signal may end the waits early. */
    nanosleep(&tenth, NULL);
  }
  expect(shared->token > token + threads, "threads stand still");
  expect(shared->posix_timer > posix, "POSIX timer stands still");
  expect(timerfd_ticks > ticks, "timerfd stands still");
  expect(shared->other > others && shared->grandchild > grandchildren, "children stand still");
}

static void answer(FILE *to) {
  wrong[0] = 0;
  check_processes();
  check_unread();
  check_progress();
  if (wrong[0]) fprintf(to, "wrong: %s", wrong);
  else fprintf(to, "ok token %lu, %lu timer ticks, echoed %lu", shared->token, shared->posix_timer, echoed);
}

int main(void) {
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED || pipe(to_echo) < 0 || pipe(from_echo) < 0) die("shared memory and pipes");
  main_pid = getpid();
  echo_pid = start(echo);
  other_pid = start(other);
  zombie_pid = start(end);
  make_unread();
  make_timers();
  for (unsigned long i = 0; i < threads; i++) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, hand_on, (void *)i) != 0) die("pthread_create");
  }
  serve(answer, NULL);
}
