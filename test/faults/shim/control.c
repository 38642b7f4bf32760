/* Reads the shared table: which rule matches a call, and what it asks for. Only raw system calls: the hooks are ours. */
#define _GNU_SOURCE
#include <stddef.h>

#include "control.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static struct control *table;
static const char *control_path;
static const char *log_path;
static int log_fd = -1;

static const char *const call_names[CALL_KINDS] = {"fsync", "fdatasync", "dirsync", "write",  "truncate", "read",   "mmap",
                                                   "lock",  "unlock",    "getlk",   "unlink", "open",     "rename", "close",
                                                   "link",  "mkdir",     "rmdir",   "chmod"};
static const char *const action_names[] = {"pass", "fail", "slow", "short", "lie", "kill", "kill-after", "tear", "hold", "hold-after"};

__attribute__((constructor)) static void attach(void) {
  control_path = getenv("FAULT_CONTROL");
  log_path = getenv("FAULT_LOG");
  if (control_path == NULL) return;
  int fd = (int)syscall(SYS_openat, AT_FDCWD, control_path, O_RDWR | O_CLOEXEC, 0);
  if (fd < 0) return;
  void *map = (void *)syscall(SYS_mmap, NULL, (size_t)CONTROL_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0L);
  syscall(SYS_close, fd);
  if (map == MAP_FAILED || ((struct control *)map)->magic != CONTROL_MAGIC) {
    static const char complaint[] = "faultshim: FAULT_CONTROL is not a control file\n";
    syscall(SYS_write, 2, complaint, sizeof complaint - 1);
    _exit(125); /* a run without its faults would pass and prove nothing */
  }
  table = map;
  if (log_path != NULL) log_fd = (int)syscall(SYS_openat, AT_FDCWD, log_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
}

int control_armed(void) { return table != NULL && atomic_load(&table->rule_count) != 0; }

int control_is_own(const char *path) {
  return strcmp(path, control_path) == 0 || (log_path != NULL && strcmp(path, log_path) == 0);
}

static void write_log(enum call call, enum action action, uint64_t seen, int64_t offset, int64_t length, const char *path) {
  if (log_fd < 0) return;
  char line[4352];
  int name = __builtin_ctz((unsigned)call);
  int bytes = snprintf(line, sizeof line, "%d\t%s\t%s\t%llu\t%lld\t%lld\t%s\n", getpid(), call_names[name],
                       action_names[action], (unsigned long long)seen, (long long)offset, (long long)length, path);
  /* One write with O_APPEND: lines of several threads and processes do not mix. */
  if (bytes > 0) syscall(SYS_write, log_fd, line, bytes < (int)sizeof line ? (size_t)bytes : sizeof line);
}

static void sleep_ms(uint32_t milliseconds) {
  struct timespec left = {milliseconds / 1000, (long)(milliseconds % 1000) * 1000000L};
  while (nanosleep(&left, &left) != 0 && errno == EINTR) continue;
}

void control_hold(void) {
  uint32_t generation = atomic_load(&table->generation);
  while (atomic_load(&table->generation) == generation) sleep_ms(1);
}

enum action control_decide(enum call call, const char *path, int64_t offset, int64_t length, int *error) {
  uint32_t rules = atomic_load(&table->rule_count);
  enum action due = ACTION_COUNT;
  for (uint32_t index = 0; index < rules && index < MAX_RULES; index++) {
    struct rule *rule = &table->rules[index];
    if ((rule->calls & (uint32_t)call) == 0 || fnmatch(rule->glob, path, 0) != 0) continue;
    uint64_t seen = atomic_fetch_add(&rule->seen, 1) + 1;
    int hit = rule->action != ACTION_COUNT && seen >= rule->nth && (rule->count < 0 || seen - rule->nth < (uint64_t)rule->count);
    enum action action = hit ? (enum action)rule->action : ACTION_COUNT;
    /* Counted and logged before it is carried out: a killed process cannot do so afterwards. */
    if (hit) atomic_fetch_add(&rule->hits, 1);
    write_log(call, action, seen, offset, length, path);
    if (action == ACTION_SLOW) {
      sleep_ms(rule->delay_ms);
    } else if (action == ACTION_HOLD) {
      control_hold();
    } else if (due == ACTION_COUNT && action != ACTION_COUNT) {
      due = action;
      *error = rule->error;
    }
  }
  return due;
}
