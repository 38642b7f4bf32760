/*
 * LD_PRELOAD hooks: the calls with which SQLite and Node reach a file. Each one asks the table what is to become of it.
 *
 * SQLite's unix VFS calls the *64 names, libuv the same; the plain names are hooked for whoever was built otherwise.
 */
#define _GNU_SOURCE
#include <stddef.h>

#include "control.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PATH_BYTES = 4096 }; /* PATH_MAX */

/* The next definition of the function after this library, looked up once. */
#define REAL(name)                       \
  static __typeof__(name) *real;         \
  if (real == NULL) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

struct verdict {
  enum action action;
  int error;
};

static const struct verdict untouched = {ACTION_COUNT, 0};

static void die(void) {
  syscall(SYS_kill, getpid(), SIGKILL);
  for (;;) pause(); /* another thread may get the processor between the signal and its delivery */
}

/* The caller reads errno of the call that was held. */
static void hold(void) {
  int result_errno = errno;
  control_hold();
  errno = result_errno;
}

/* The path an open descriptor was reached by, without the mark of a deleted file; false for sockets and pipes. */
static int path_of(int fd, char *path) {
  static const char deleted[] = " (deleted)";
  char link[32];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  long bytes = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_BYTES - 1);
  if (bytes <= 0 || path[0] != '/') return 0;
  path[bytes] = '\0';
  size_t tail = sizeof deleted - 1;
  if ((size_t)bytes > tail && strcmp(path + bytes - tail, deleted) == 0) path[(size_t)bytes - tail] = '\0';
  return 1;
}

/* Joins a relative name to the folder it starts from. */
static int path_at(int folder, const char *name, char *path) {
  char start[PATH_BYTES];
  int fd;
  int rest = 0;
  /* A name by the descriptor of its folder: the rules know the path of the folder. */
  if (sscanf(name, "/proc/self/fd/%d/%n", &fd, &rest) == 1 && rest > 0 && path_of(fd, start))
    return snprintf(path, PATH_BYTES, "%s/%s", start, name + rest) < PATH_BYTES;
  if (name[0] == '/') return snprintf(path, PATH_BYTES, "%s", name) < PATH_BYTES;
  if (folder == AT_FDCWD ? syscall(SYS_getcwd, start, (size_t)PATH_BYTES) < 0 : !path_of(folder, start)) return 0;
  return snprintf(path, PATH_BYTES, "%s/%s", start, name) < PATH_BYTES;
}

/* Settles the actions that end the process, so that each hook has only those left that concern its own result. */
static struct verdict decide(enum call call, const char *path, int64_t offset, int64_t length) {
  struct verdict verdict = untouched;
  if (control_is_own(path)) return verdict;
  int entry_errno = errno; /* a call that is let through must not show that it was watched */
  verdict.action = control_decide(call, path, offset, length, &verdict.error);
  if (verdict.action == ACTION_KILL) die();
  errno = entry_errno;
  return verdict;
}

static struct verdict decide_fd(enum call call, int fd, int64_t offset, int64_t length) {
  char path[PATH_BYTES];
  if (!control_armed() || !path_of(fd, path)) return untouched;
  return decide(call, path, offset, length);
}

static struct verdict decide_name(enum call call, int folder, const char *name) {
  char path[PATH_BYTES];
  if (!control_armed() || name == NULL || !path_at(folder, name, path)) return untouched;
  return decide(call, path, -1, -1);
}

/* Runs `expression` unless the verdict is against it; `lie` is what a lying device answers. */
#define CARRY_OUT(type, decision, expression, failed, lie) \
  do {                                                     \
    struct verdict decided = (decision);                   \
    if (decided.action == ACTION_FAIL) {                   \
      errno = decided.error;                               \
      return failed;                                       \
    }                                                      \
    if (decided.action == ACTION_LIE) return lie;          \
    type result = (expression);                            \
    if (decided.action == ACTION_KILL_AFTER) die();        \
    if (decided.action == ACTION_HOLD_AFTER) hold();       \
    return result;                                         \
  } while (0)

static struct verdict decide_sync(enum call call, int fd) {
  struct stat status;
  if (!control_armed()) return untouched;
  int is_folder = fstat(fd, &status) == 0 && S_ISDIR(status.st_mode);
  return decide_fd(is_folder ? CALL_DIRSYNC : call, fd, -1, -1);
}

int fsync(int fd) {
  REAL(fsync);
  CARRY_OUT(int, decide_sync(CALL_FSYNC, fd), real(fd), -1, 0);
}

int fdatasync(int fd) {
  REAL(fdatasync);
  CARRY_OUT(int, decide_sync(CALL_FDATASYNC, fd), real(fd), -1, 0);
}

/* The bodies of the calls that move bytes: half of them for a short or torn one. */
#define TRANSFER(call, fd, offset, bytes, expression)                                       \
  do {                                                                                      \
    size_t length = (bytes);                                                                \
    struct verdict verdict = decide_fd(call, fd, offset, (int64_t)length);                  \
    int halved = verdict.action == ACTION_SHORT || verdict.action == ACTION_TEAR;           \
    if (halved && length > 1) length /= 2;                                                  \
    if (verdict.action == ACTION_TEAR) verdict.action = ACTION_KILL_AFTER;                  \
    CARRY_OUT(ssize_t, verdict, expression, -1, (ssize_t)length);                           \
  } while (0)

ssize_t write(int fd, const void *data, size_t bytes) {
  REAL(write);
  TRANSFER(CALL_WRITE, fd, -1, bytes, real(fd, data, length));
}

ssize_t pwrite(int fd, const void *data, size_t bytes, off_t offset) {
  REAL(pwrite);
  TRANSFER(CALL_WRITE, fd, offset, bytes, real(fd, data, length, offset));
}

ssize_t pwrite64(int fd, const void *data, size_t bytes, off64_t offset) {
  REAL(pwrite64);
  TRANSFER(CALL_WRITE, fd, offset, bytes, real(fd, data, length, offset));
}

/* libuv copies files with it. */
ssize_t sendfile64(int to, int from, off64_t *offset, size_t bytes) {
  REAL(sendfile64);
  TRANSFER(CALL_WRITE, to, -1, bytes, real(to, from, offset, length));
}

ssize_t read(int fd, void *data, size_t bytes) {
  REAL(read);
  TRANSFER(CALL_READ, fd, -1, bytes, real(fd, data, length));
}

ssize_t pread(int fd, void *data, size_t bytes, off_t offset) {
  REAL(pread);
  TRANSFER(CALL_READ, fd, offset, bytes, real(fd, data, length, offset));
}

ssize_t pread64(int fd, void *data, size_t bytes, off64_t offset) {
  REAL(pread64);
  TRANSFER(CALL_READ, fd, offset, bytes, real(fd, data, length, offset));
}

int ftruncate(int fd, off_t length) {
  REAL(ftruncate);
  CARRY_OUT(int, decide_fd(CALL_TRUNCATE, fd, -1, length), real(fd, length), -1, 0);
}

int ftruncate64(int fd, off64_t length) {
  REAL(ftruncate64);
  CARRY_OUT(int, decide_fd(CALL_TRUNCATE, fd, -1, length), real(fd, length), -1, 0);
}

void *mmap(void *address, size_t bytes, int protection, int flags, int fd, off_t offset) {
  REAL(mmap);
  CARRY_OUT(void *, fd < 0 ? untouched : decide_fd(CALL_MMAP, fd, offset, (int64_t)bytes),
            real(address, bytes, protection, flags, fd, offset), MAP_FAILED, MAP_FAILED);
}

void *mmap64(void *address, size_t bytes, int protection, int flags, int fd, off64_t offset) {
  REAL(mmap64);
  CARRY_OUT(void *, fd < 0 ? untouched : decide_fd(CALL_MMAP, fd, offset, (int64_t)bytes),
            real(address, bytes, protection, flags, fd, offset), MAP_FAILED, MAP_FAILED);
}

static struct verdict decide_lock(int fd, int command, const void *argument) {
  const struct flock *lock = argument;
  switch (command) {
    case F_GETLK:
    case F_OFD_GETLK:
      return decide_fd(CALL_GETLK, fd, lock->l_start, lock->l_len);
    case F_SETLK:
    case F_SETLKW:
    case F_OFD_SETLK:
    case F_OFD_SETLKW:
      return decide_fd(lock->l_type == F_UNLCK ? CALL_UNLOCK : CALL_LOCK, fd, lock->l_start, lock->l_len);
    default:
      return untouched;
  }
}

/* Every argument of fcntl(2) fits a pointer, so it is passed on as one. */
#define FCNTL(name)                                                                               \
  int name(int fd, int command, ...) {                                                            \
    REAL(name);                                                                                   \
    va_list list;                                                                                 \
    va_start(list, command);                                                                      \
    void *argument = va_arg(list, void *);                                                        \
    va_end(list);                                                                                 \
    CARRY_OUT(int, decide_lock(fd, command, argument), real(fd, command, argument), -1, 0);       \
  }
FCNTL(fcntl)
FCNTL(fcntl64)

/* The mode is there only when a file may be created. */
#define MODE_AFTER(flags, mode)                                 \
  mode_t mode = 0;                                              \
  if ((flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE) { \
    va_list list;                                               \
    va_start(list, flags);                                      \
    mode = va_arg(list, mode_t);                                \
    va_end(list);                                               \
  }

#define OPEN(name)                                                                                         \
  int name(const char *path, int flags, ...) {                                                             \
    REAL(name);                                                                                            \
    MODE_AFTER(flags, mode)                                                                                \
    CARRY_OUT(int, decide_name(CALL_OPEN, AT_FDCWD, path), real(path, flags, mode), -1, -1);               \
  }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                                                       \
  int name(int folder, const char *path, int flags, ...) {                                                 \
    REAL(name);                                                                                            \
    MODE_AFTER(flags, mode)                                                                                \
    CARRY_OUT(int, decide_name(CALL_OPEN, folder, path), real(folder, path, flags, mode), -1, -1);         \
  }
OPENAT(openat)
OPENAT(openat64)

int unlink(const char *path) {
  REAL(unlink);
  CARRY_OUT(int, decide_name(CALL_UNLINK, AT_FDCWD, path), real(path), -1, 0);
}

/* Matched by the new name: that is the one a reader of the folder sees afterwards. */
int rename(const char *from, const char *to) {
  REAL(rename);
  CARRY_OUT(int, decide_name(CALL_RENAME, AT_FDCWD, to), real(from, to), -1, 0);
}

/* Matched by the new name, as rename. */
int link(const char *from, const char *to) {
  REAL(link);
  CARRY_OUT(int, decide_name(CALL_LINK, AT_FDCWD, to), real(from, to), -1, 0);
}

int mkdir(const char *path, mode_t mode) {
  REAL(mkdir);
  CARRY_OUT(int, decide_name(CALL_MKDIR, AT_FDCWD, path), real(path, mode), -1, 0);
}

int rmdir(const char *path) {
  REAL(rmdir);
  CARRY_OUT(int, decide_name(CALL_RMDIR, AT_FDCWD, path), real(path), -1, 0);
}

int chmod(const char *path, mode_t mode) {
  REAL(chmod);
  CARRY_OUT(int, decide_name(CALL_CHMOD, AT_FDCWD, path), real(path, mode), -1, 0);
}

int chown(const char *path, uid_t uid, gid_t gid) {
  REAL(chown);
  CARRY_OUT(int, decide_name(CALL_CHMOD, AT_FDCWD, path), real(path, uid, gid), -1, 0);
}

int lchown(const char *path, uid_t uid, gid_t gid) {
  REAL(lchown);
  CARRY_OUT(int, decide_name(CALL_CHMOD, AT_FDCWD, path), real(path, uid, gid), -1, 0);
}

/* Linux has let the descriptor go even when close(2) fails, so a failing one is closed all the same. */
int close(int fd) {
  REAL(close);
  struct verdict verdict = decide_fd(CALL_CLOSE, fd, -1, -1);
  if (verdict.action == ACTION_LIE) return 0;
  int result = real(fd);
  if (verdict.action == ACTION_KILL_AFTER) die();
  if (verdict.action != ACTION_FAIL) return result;
  errno = verdict.error;
  return -1;
}
