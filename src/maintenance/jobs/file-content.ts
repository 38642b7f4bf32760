/** Implements the jobs on a finished file: reading its size and hash, and copying it to another filesystem. */
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';
import { syncedWrites, syncWritten } from '../../base/descriptor-calls';
import type { FileContent, TransferJob } from '../messages';

/**
 * 64 KiB per read: calls cost nothing beside the disk, and a thread that works rarely frees memory only when its heap
 * is full; with 1 MiB the memory of a process with scheduled backups rose by that each time.
 */
const chunkBytes = 65_536;

/**
 * Copies the file to an existing, empty destination, syncs that, then opens it again and reads it back.
 *
 * On NFS a new open asks the server for the file's state (close-to-open consistency, nfs(5)).
 */
export function transfer(job: Pick<TransferJob, 'file' | 'destination'>): FileContent {
  const source = openSync(job.file, 'r');
  try {
    const destination = openSync(job.destination, constants.O_RDWR | syncedWrites());
    try {
      readThrough(source, destination);
      syncWritten(destination);
    } finally {
      closeSync(destination);
    }
  } finally {
    closeSync(source);
  }
  return readBack(job.destination);
}

function readBack(file: string): FileContent {
  const descriptor = openSync(file, 'r');
  try {
    return readThrough(descriptor, null);
  } finally {
    closeSync(descriptor);
  }
}

/** Reads a whole file through an open descriptor without moving its position. */
export function hashFile(descriptor: number): FileContent {
  return readThrough(descriptor, null);
}

/** Reads a file to its end, copying the data to `copyTo`. */
function readThrough(descriptor: number, copyTo: number | null): FileContent {
  // Loaded lazily: it takes a tenth of the time of `require('safe-sqlite')`, and only copies are hashed.
  const { createHash } = process.getBuiltinModule('node:crypto');
  const sha256 = createHash('sha256');
  const chunk = Buffer.allocUnsafe(chunkBytes);
  let bytes = 0;
  for (;;) {
    const length = readSync(descriptor, chunk, 0, chunkBytes, bytes);
    if (length === 0) return { bytes, sha256: sha256.digest('hex') };
    const part = chunk.subarray(0, length);
    sha256.update(part);
    // write(2) may write less than requested.
    if (copyTo !== null) for (let done = 0; done < length;) done += writeSync(copyTo, part, done, length - done);
    bytes += length;
  }
}
