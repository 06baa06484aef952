/* Holds an io_uring, which CRIU cannot carry: preflight has to see it. */
#include "serve.h"
#include <linux/io_uring.h>
#include <sys/syscall.h>

static void tick(void) {}

static void answer(FILE *to) { fprintf(to, "ok"); }

int main(void) {
  struct io_uring_params params = {0};
  if (syscall(SYS_io_uring_setup, 8, &params) < 0) die("io_uring_setup");
  serve(answer, tick);
}
