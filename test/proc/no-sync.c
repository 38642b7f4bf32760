// A preloaded library without a telling name that takes the sync of regular files away, and of nothing else.
#include <errno.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int drop(int fd, long call) {
  struct stat facts;
  if (fstat(fd, &facts) != 0) return -1;
  return S_ISREG(facts.st_mode) ? 0 : (int)syscall(call, fd);
}

int fsync(int fd) { return drop(fd, SYS_fsync); }

int fdatasync(int fd) { return drop(fd, SYS_fdatasync); }
