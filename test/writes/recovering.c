/*
 * A process that recovers the WAL of a database, and never comes to its end: it has the locks of a writer and of
 * a recovery, and the WAL index is empty. It lets go of them when its standard input ends.
 *
 * The index begins with two copies of its header, of 48 bytes each; byte 120 is WAL_WRITE_LOCK, 121 WAL_CKPT_LOCK and 122
 * WAL_RECOVER_LOCK (https://sqlite.org/walformat.html section 2).
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  int fd = open(argv[1], O_RDWR);
  if (fd < 0) return 1;
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 120, .l_len = 3};
  if (fcntl(fd, F_SETLKW, &lock) != 0) return 1;
  char empty[96] = {0};
  if (pwrite(fd, empty, sizeof empty, 0) != sizeof empty) return 1;
  puts("recovering");
  fflush(stdout);
  char input;
  while (read(0, &input, 1) > 0) continue;
  return 0;
}
