// A preloaded library that has an fsync of its own and passes it on, as tracers and fault shims do.
#include <sys/syscall.h>
#include <unistd.h>

int fsync(int fd) { return (int)syscall(SYS_fsync, fd); }

int fdatasync(int fd) { return (int)syscall(SYS_fdatasync, fd); }
