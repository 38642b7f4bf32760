/*
 * A FUSE filesystem with one file, `disk`, whose chosen bytes cannot be written: a disk with bad blocks.
 *
 *   failfs BACKING RANGES MOUNTPOINT [fuse options]
 *
 * BACKING holds the bytes. RANGES is a text file that is read again at each write, so a test can break and heal the
 * disk while a filesystem is mounted on it: one range a line, start and length in bytes. A write that touches a range
 * fails with EIO and changes nothing; a loop device hands that to the filesystem above as a failed block.
 */
#define FUSE_USE_VERSION 31
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char disk_path[] = "/disk";
static const char *ranges_path;
static int backing;

static int is_disk(const char *path) { return strcmp(path, disk_path) == 0; }

static int is_bad(off_t start, size_t length) {
  FILE *ranges = fopen(ranges_path, "re");
  if (ranges == NULL) return 0;
  long long bad_start, bad_length;
  int bad = 0;
  while (!bad && fscanf(ranges, "%lld %lld", &bad_start, &bad_length) == 2)
    bad = start < bad_start + bad_length && start + (off_t)length > bad_start;
  fclose(ranges);
  return bad;
}

static int disk_getattr(const char *path, struct stat *attributes, struct fuse_file_info *info) {
  (void)info;
  memset(attributes, 0, sizeof *attributes);
  if (strcmp(path, "/") == 0) {
    attributes->st_mode = S_IFDIR | 0755;
    attributes->st_nlink = 2;
    return 0;
  }
  if (!is_disk(path)) return -ENOENT;
  struct stat stored;
  if (fstat(backing, &stored) != 0) return -errno;
  attributes->st_mode = S_IFREG | 0600;
  attributes->st_nlink = 1;
  attributes->st_size = stored.st_size;
  return 0;
}

static int disk_open(const char *path, struct fuse_file_info *info) {
  (void)info;
  return is_disk(path) ? 0 : -ENOENT;
}

static int disk_read(const char *path, char *data, size_t bytes, off_t offset, struct fuse_file_info *info) {
  (void)path, (void)info;
  ssize_t done = pread(backing, data, bytes, offset);
  return done < 0 ? -errno : (int)done;
}

static int disk_write(const char *path, const char *data, size_t bytes, off_t offset, struct fuse_file_info *info) {
  (void)path, (void)info;
  if (is_bad(offset, bytes)) return -EIO;
  ssize_t done = pwrite(backing, data, bytes, offset);
  return done < 0 ? -errno : (int)done;
}

/* The backing file outlives the test's filesystem anyway; its own durability is not under test. */
static int disk_fsync(const char *path, int only_data, struct fuse_file_info *info) {
  (void)path, (void)only_data, (void)info;
  return 0;
}

static const struct fuse_operations operations = {
    .getattr = disk_getattr,
    .open = disk_open,
    .read = disk_read,
    .write = disk_write,
    .fsync = disk_fsync,
};

int main(int count, char **arguments) {
  if (count < 4) {
    fprintf(stderr, "usage: %s BACKING RANGES MOUNTPOINT [fuse options]\n", arguments[0]);
    return 2;
  }
  backing = open(arguments[1], O_RDWR | O_CLOEXEC);
  if (backing < 0) {
    perror(arguments[1]);
    return 1;
  }
  ranges_path = arguments[2];
  /* FUSE takes what is left as its own command line, the mount point first. */
  arguments[2] = arguments[0];
  return fuse_main(count - 2, arguments + 2, &operations, NULL);
}
