/*
 * The table of faults that a test and the processes under test share.
 *
 * The control file is mapped by every process that runs with the shim, so arming, healing and counting need no
 * system call and no parsing, and the counters outlive a process that was killed. control-file.mts writes the same
 * layout from the side of the test: numbers in the byte order of the machine, one header, then the rules.
 */
#ifndef FAULTSHIM_CONTROL_H
#define FAULTSHIM_CONTROL_H

#include <stdatomic.h>
#include <stdint.h>

enum {
  CONTROL_MAGIC = 0x31544c46, /* "FLT1" */
  CONTROL_BYTES = 16384,      /* four pages: room for every rule a test has needed, many times over */
  GLOB_BYTES = 208,           /* fills a rule up to 256 bytes */
  MAX_RULES = 63,             /* (CONTROL_BYTES - 64) / 256 */
};

/* One bit a kind of call. A synced folder is a kind of its own: SQLite ignores most of its errors. */
enum call {
  CALL_FSYNC = 1 << 0,
  CALL_FDATASYNC = 1 << 1,
  CALL_DIRSYNC = 1 << 2,
  CALL_WRITE = 1 << 3,
  CALL_TRUNCATE = 1 << 4,
  CALL_READ = 1 << 5,
  CALL_MMAP = 1 << 6,
  CALL_LOCK = 1 << 7,
  CALL_UNLOCK = 1 << 8,
  CALL_GETLK = 1 << 9,
  CALL_UNLINK = 1 << 10,
  CALL_OPEN = 1 << 11,
  CALL_RENAME = 1 << 12,
  CALL_CLOSE = 1 << 13,
  CALL_LINK = 1 << 14,
  CALL_MKDIR = 1 << 15,
  CALL_RMDIR = 1 << 16,
  CALL_CHMOD = 1 << 17, /* chmod, chown and lchown of a name */
  CALL_KINDS = 18,
};

enum action {
  ACTION_COUNT = 0,      /* only count and log */
  ACTION_FAIL = 1,       /* return -1 with `error`, without doing it; close(2) closes all the same, as Linux does */
  ACTION_SLOW = 2,       /* wait `delay_ms`, then do it */
  ACTION_SHORT = 3,      /* read or write the first half only */
  ACTION_LIE = 4,        /* return success without doing it: a disk that does not flush */
  ACTION_KILL = 5,       /* SIGKILL before it is done */
  ACTION_KILL_AFTER = 6, /* SIGKILL after it is done */
  ACTION_TEAR = 7,       /* write the first half, then SIGKILL */
  ACTION_HOLD = 8,       /* wait until the test arms or heals again: a gate for drawn interleavings */
  ACTION_HOLD_AFTER = 9, /* do it, then wait likewise; for the calls that go by a name */
};

struct rule {
  _Atomic uint64_t seen; /* calls that matched, over all processes */
  _Atomic uint64_t hits; /* calls that the action was applied to */
  uint32_t calls;        /* bits of enum call */
  uint32_t action;
  int32_t error; /* errno for ACTION_FAIL */
  uint32_t delay_ms;
  uint64_t nth;  /* the first call that is hit, counted from 1 */
  int64_t count; /* how many calls from there on; -1: all */
  char glob[GLOB_BYTES];
};

struct control {
  uint32_t magic;
  _Atomic uint32_t generation; /* raised by each arm and heal */
  _Atomic uint32_t rule_count; /* written last when arming; 0 means healed */
  uint8_t reserved[52];
  struct rule rules[MAX_RULES];
};

_Static_assert(sizeof(struct rule) == 256, "control-file.mts has this size too");
_Static_assert(offsetof(struct control, rules) == 64, "control-file.mts has this offset too");

/* True when a rule is armed: asked first, so that an idle shim costs one load. */
int control_armed(void);

/* True when `path` is the control file or the log: the harness must not fault itself. */
int control_is_own(const char *path);

/*
 * Counts the call in each rule that matches, logs it, waits where a rule says so, and returns what is to be done with
 * it: ACTION_COUNT for nothing, or the first of the others that is due. Sets *error for ACTION_FAIL.
 */
enum action control_decide(enum call call, const char *path, int64_t offset, int64_t length, int *error);

/* Waits until the test arms or heals again. */
void control_hold(void);

#endif
