/* Answers each datagram on port 8080 with its content and how many there have been. */
#include "serve.h"

int main(void) {
  char line[128];
  unsigned long count = 0;
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_in from = {.sin_family = AF_INET, .sin_port = htons(8080)};
  socklen_t length = sizeof from;
  if (fd < 0 || bind(fd, (struct sockaddr *)&from, sizeof from) < 0) die("bind to port 8080");
  for (;;) {
    ssize_t got = recvfrom(fd, line, 64, 0, (struct sockaddr *)&from, &length);
    if (got < 0) die("recvfrom");
    got += sprintf(line + got, " %lu\n", ++count);
    sendto(fd, line, (size_t)got, 0, (struct sockaddr *)&from, length);
  }
}
