/* Counts, ten times a second: a line on stdout each time, the current value to whoever asks. */
#include "serve.h"

static unsigned long count;

static void tick(void) {
  printf("%lu\n", ++count);
  fflush(stdout);
}

static void answer(FILE *to) { fprintf(to, "%lu", count); }

int main(void) { serve(answer, tick); }
