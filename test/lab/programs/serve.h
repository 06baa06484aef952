/* What the test programs share: one line of answer to each TCP connection on port 8080, one connection at a time. */
#ifndef SERVE_H
#define SERVE_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static void die(const char *what) {
  perror(what);
  exit(1);
}

static uint64_t now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static int listen_8080(void) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(8080)};
  if (fd < 0) die("socket");
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind(fd, (struct sockaddr *)&at, sizeof at) < 0) die("bind to port 8080");
  if (listen(fd, 128) < 0) die("listen");
  return fd;
}

/* Answers connections, and calls tick (which may be NULL) every 100 ms, for ever. */
static void serve(void (*answer)(FILE *to), void (*tick)(void)) {
  int listening = listen_8080();
  uint64_t next = now_ms() + 100;
  signal(SIGPIPE, SIG_IGN);
  for (;;) {
    struct pollfd p = {.fd = listening, .events = POLLIN};
    int64_t left = (int64_t)(next - now_ms());
    /* A clock that jumped (another machine's, after a move) must neither stop nor flood the ticks. */
    if (left > 100) left = 0;
    int ready = poll(&p, 1, tick ? (left > 0 ? (int)left : 0) : -1);
    if (ready > 0) {
      int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
      FILE *to = fd < 0 ? NULL : fdopen(fd, "w");
      if (to) {
        answer(to);
        fputc('\n', to);
        fclose(to);
      }
    } else if (ready == 0 && tick) {
      tick();
      next = now_ms() + 100;
    }
  }
}

/* The first thing found wrong; later ones are mostly its consequences. */
static char wrong[512];

static void expect(int right, const char *format, ...) {
  if (right || wrong[0]) return;
  va_list list;
  va_start(list, format);
  vsnprintf(wrong, sizeof wrong, format, list);
  va_end(list);
}

static uint64_t mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

#endif
