/*
 * System V shared memory for a program whose processes are all forked from the one that made it: as memory they share
 * by being forked. PostgreSQL makes a page of it, by which a second server would notice the first, and cannot do
 * without; Podferry refuses pods that have any.
 */
#include <errno.h>
#include <sys/mman.h>
#include <sys/shm.h>

static struct { void *at; size_t size; int attached; } made[8];
static int count;

int shmget(key_t key, size_t size, int flags) {
  (void)key;
  if (!(flags & IPC_CREAT)) return errno = ENOENT, -1;
  if (count == 8) return errno = ENOSPC, -1;
  void *at = mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) return -1;
  made[count].at = at;
  made[count].size = size;
  return count++;
}

void *shmat(int id, const void *at, int flags) {
  (void)at, (void)flags;
  if (id < 0 || id >= count || !made[id].at) return errno = EINVAL, (void *)-1;
  made[id].attached = 1;
  return made[id].at;
}

/* The memory stays: a process that has left it may still be the father of others. */
int shmdt(const void *at) {
  for (int id = 0; id < count; id++)
    if (made[id].at == at && made[id].attached) return made[id].attached = 0;
  return errno = EINVAL, -1;
}

int shmctl(int id, int command, struct shmid_ds *what) {
  if (id < 0 || id >= count || !made[id].at) return errno = EINVAL, -1;
  if (command == IPC_STAT) *what = (struct shmid_ds){.shm_segsz = made[id].size, .shm_nattch = made[id].attached};
  return 0;
}
