/*
 * LD_PRELOAD recorder: every change that a program makes to files below one folder, with its data, in the order in
 * which the kernel carried it out, over all threads and processes that write to one trace.
 *
 * Each hook makes the call and appends its record under one lock, so no other recorded change can come between the two.
 * A call that the recorder does not know shows itself: the trace played back must give the files that are there.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { PATH_BYTES = 4096, CHUNK_BYTES = 65536 };

/* In the order of `kinds` in trace.mts. */
enum kind { CREATE, WRITE, TRUNCATE, SYNC, SYNC_FOLDER, UNLINK, RENAME, LINK };

/* The layout that trace.mts reads: little-endian, followed by the two paths and the data. */
struct record {
  uint32_t magic;
  uint32_t kind;
  uint64_t inode;
  int64_t offset; /* of a write; the new length for a truncate */
  uint32_t data_bytes;
  uint32_t path_bytes;
  uint32_t second_bytes;
  uint32_t pid;
};
static const uint32_t magic = 0x31435254;

static const char *folder;
static int trace_fd = -1;
static atomic_uint *lock_word;

#define REAL(name)               \
  static __typeof__(name) *real; \
  if (real == NULL) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

__attribute__((constructor)) static void attach(void) {
  const char *trace = getenv("TRACE_FILE");
  folder = getenv("TRACE_FOLDER");
  if (trace == NULL || folder == NULL) return;
  char lock_path[PATH_BYTES];
  snprintf(lock_path, sizeof lock_path, "%s.lock", trace);
  trace_fd = (int)syscall(SYS_openat, AT_FDCWD, trace, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  int fd = (int)syscall(SYS_openat, AT_FDCWD, lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (trace_fd < 0 || fd < 0 || syscall(SYS_ftruncate, fd, 4096L) != 0) _exit(125);
  void *map = (void *)syscall(SYS_mmap, NULL, 4096L, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0L);
  if (map == MAP_FAILED) _exit(125); /* a run without its trace would prove nothing */
  syscall(SYS_close, fd);
  lock_word = map;
}

/* A spinning lock: it is held for one system call, and nobody dies with it in a run that is recorded. */
static void lock(void) {
  unsigned free_word = 0;
  while (!atomic_compare_exchange_weak(lock_word, &free_word, 1)) {
    free_word = 0;
    sched_yield();
  }
}

static void unlock(void) { atomic_store(lock_word, 0); }

static int is_below(const char *path) {
  size_t length = strlen(folder);
  return strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

static int path_of(int fd, char *path) {
  char link[32];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  long bytes = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_BYTES - 1);
  if (bytes <= 0 || path[0] != '/') return 0;
  path[bytes] = '\0';
  return 1;
}

static int path_at(int start, const char *name, char *path) {
  int fd, end = 0;
  /* A name by the descriptor of its folder. */
  if (sscanf(name, "/proc/self/fd/%d/%n", &fd, &end) == 1 && end > 0) {
    char by_fd[PATH_BYTES];
    return path_of(fd, by_fd) && snprintf(path, PATH_BYTES, "%s/%s", by_fd, name + end) < PATH_BYTES;
  }
  if (name[0] == '/') return snprintf(path, PATH_BYTES, "%s", name) < PATH_BYTES;
  char base[PATH_BYTES];
  if (start == AT_FDCWD ? syscall(SYS_getcwd, base, (size_t)PATH_BYTES) < 0 : !path_of(start, base)) return 0;
  return snprintf(path, PATH_BYTES, "%s/%s", base, name) < PATH_BYTES;
}

/* Whether a descriptor is one that is recorded. */
static int watched_fd(int fd) {
  char path[PATH_BYTES];
  int entry_errno = errno;
  int watched = trace_fd >= 0 && fd != trace_fd && path_of(fd, path) && is_below(path);
  errno = entry_errno;
  return watched;
}

/* The absolute name, or NULL for one that is not recorded. */
static const char *watched_name(int start, const char *name, char *path) {
  return trace_fd >= 0 && name != NULL && path_at(start, name, path) && is_below(path) ? path : NULL;
}

static void append(enum kind kind, uint64_t inode, int64_t offset, const char *path, const char *second, const void *data, size_t bytes) {
  struct record record = {magic, kind, inode, offset, (uint32_t)bytes, path == NULL ? 0 : (uint32_t)strlen(path),
                          second == NULL ? 0 : (uint32_t)strlen(second), (uint32_t)getpid()};
  struct iovec parts[4] = {{&record, sizeof record}, {(void *)path, record.path_bytes}, {(void *)second, record.second_bytes}, {(void *)data, bytes}};
  long whole = (long)(sizeof record + record.path_bytes + record.second_bytes + bytes);
  if (syscall(SYS_writev, trace_fd, parts, 4L) != whole) _exit(125);
}

static uint64_t inode_of(int fd) {
  struct stat status;
  return fstat(fd, &status) == 0 ? (uint64_t)status.st_ino : 0;
}

/* Runs the call and appends its record; `errno` is what the call left. */
#define RECORDED(type, watched, call, succeeded, ...) \
  do {                                                \
    if (!(watched)) return (call);                    \
    lock();                                           \
    type result = (call);                             \
    int call_errno = errno;                           \
    if (succeeded) append(__VA_ARGS__);               \
    unlock();                                         \
    errno = call_errno;                               \
    return result;                                    \
  } while (0)

static int is_folder(int fd) {
  struct stat status;
  return fstat(fd, &status) == 0 && S_ISDIR(status.st_mode);
}

#define SYNC_HOOK(name)                                                                                               \
  int name(int fd) {                                                                                                  \
    REAL(name);                                                                                                       \
    char path[PATH_BYTES] = "";                                                                                       \
    int watched = watched_fd(fd);                                                                                     \
    int folder_sync = watched && is_folder(fd) && path_of(fd, path);                                                  \
    RECORDED(int, watched, real(fd), result == 0, folder_sync ? SYNC_FOLDER : SYNC, inode_of(fd), 0, path, NULL, NULL, 0); \
  }
SYNC_HOOK(fsync)
SYNC_HOOK(fdatasync)

/* Where a write without an offset goes. */
static int64_t position_of(int fd) {
  struct stat status;
  int flags = (int)syscall(SYS_fcntl, fd, F_GETFL, 0);
  if ((flags & O_APPEND) != 0) return fstat(fd, &status) == 0 ? (int64_t)status.st_size : 0;
  return (int64_t)syscall(SYS_lseek, fd, 0L, SEEK_CUR);
}

ssize_t write(int fd, const void *data, size_t bytes) {
  REAL(write);
  if (!watched_fd(fd)) return real(fd, data, bytes);
  lock();
  int64_t offset = position_of(fd);
  ssize_t result = real(fd, data, bytes);
  int call_errno = errno;
  if (result > 0) append(WRITE, inode_of(fd), offset, NULL, NULL, data, (size_t)result);
  unlock();
  errno = call_errno;
  return result;
}

ssize_t pwrite(int fd, const void *data, size_t bytes, off_t offset) {
  REAL(pwrite);
  RECORDED(ssize_t, watched_fd(fd), real(fd, data, bytes, offset), result > 0, WRITE, inode_of(fd), offset, NULL, NULL, data, (size_t)result);
}

ssize_t pwrite64(int fd, const void *data, size_t bytes, off64_t offset) {
  REAL(pwrite64);
  RECORDED(ssize_t, watched_fd(fd), real(fd, data, bytes, offset), result > 0, WRITE, inode_of(fd), offset, NULL, NULL, data, (size_t)result);
}

int ftruncate(int fd, off_t length) {
  REAL(ftruncate);
  RECORDED(int, watched_fd(fd), real(fd, length), result == 0, TRUNCATE, inode_of(fd), length, NULL, NULL, NULL, 0);
}

int ftruncate64(int fd, off64_t length) {
  REAL(ftruncate64);
  RECORDED(int, watched_fd(fd), real(fd, length), result == 0, TRUNCATE, inode_of(fd), length, NULL, NULL, NULL, 0);
}

/* An open is a change when it makes the file, or empties it. */
static int record_open(int start, const char *name, int flags, int fd_or_error, int existed) {
  char path[PATH_BYTES];
  if (fd_or_error < 0 || watched_name(start, name, path) == NULL) return fd_or_error;
  if (!existed) append(CREATE, inode_of(fd_or_error), 0, path, NULL, NULL, 0);
  else if ((flags & O_TRUNC) != 0) append(TRUNCATE, inode_of(fd_or_error), 0, NULL, NULL, NULL, 0);
  return fd_or_error;
}

static int changes_files(int start, const char *name, int flags) {
  char path[PATH_BYTES];
  return (flags & (O_CREAT | O_TRUNC)) != 0 && watched_name(start, name, path) != NULL;
}

#define OPEN_BODY(start, name, call)                                        \
  if (!changes_files(start, name, flags)) return (call);                    \
  lock();                                                                   \
  int existed = syscall(SYS_faccessat, start, name, F_OK) == 0;             \
  int fd = (call);                                                          \
  int call_errno = errno;                                                   \
  record_open(start, name, flags, fd, existed);                             \
  unlock();                                                                 \
  errno = call_errno;                                                       \
  return fd

#define MODE_OF(flags, mode)          \
  mode_t mode = 0;                    \
  if ((flags & O_CREAT) != 0) {       \
    va_list list;                     \
    va_start(list, flags);            \
    mode = va_arg(list, mode_t);      \
    va_end(list);                     \
  }

#define OPEN(hook)                                             \
  int hook(const char *name, int flags, ...) {                 \
    REAL(hook);                                                \
    MODE_OF(flags, mode)                                       \
    OPEN_BODY(AT_FDCWD, name, real(name, flags, mode));        \
  }
OPEN(open)
OPEN(open64)

#define OPENAT(hook)                                           \
  int hook(int start, const char *name, int flags, ...) {      \
    REAL(hook);                                                \
    MODE_OF(flags, mode)                                       \
    OPEN_BODY(start, name, real(start, name, flags, mode));    \
  }
OPENAT(openat)
OPENAT(openat64)

#define UNLINK_HOOK(hook)                                                                                       \
  int hook(const char *name) {                                                                                  \
    REAL(hook);                                                                                                 \
    char path[PATH_BYTES];                                                                                      \
    RECORDED(int, watched_name(AT_FDCWD, name, path), real(name), result == 0, UNLINK, 0, 0, path, NULL, NULL, 0); \
  }
UNLINK_HOOK(unlink)
UNLINK_HOOK(remove)

int unlinkat(int start, const char *name, int flags) {
  REAL(unlinkat);
  char path[PATH_BYTES];
  RECORDED(int, watched_name(start, name, path), real(start, name, flags), result == 0, UNLINK, 0, 0, path, NULL, NULL, 0);
}

int rename(const char *from, const char *to) {
  REAL(rename);
  char path[PATH_BYTES], second[PATH_BYTES];
  RECORDED(int, watched_name(AT_FDCWD, from, path) && watched_name(AT_FDCWD, to, second), real(from, to), result == 0, RENAME, 0, 0, path, second, NULL, 0);
}

int link(const char *from, const char *to) {
  REAL(link);
  char path[PATH_BYTES], second[PATH_BYTES];
  RECORDED(int, watched_name(AT_FDCWD, from, path) && watched_name(AT_FDCWD, to, second), real(from, to), result == 0, LINK, 0, 0, path, second, NULL, 0);
}
