/** Proves that a scheduled backup still has the bytes of its manifest, and reads it only where it may not have them. */
import { closeSync, constants, fstatSync, lstatSync, lutimesSync, openSync } from 'node:fs';
import { currentDate } from '../base/clock';
import { identityKey } from '../base/file-identity';
import { startJob } from '../maintenance/jobs-client';
import { backupEnvironment } from './environment';
import { manifestPath, type StoredBackup } from './folder';

/** `'unread'`: it cannot be read now, so that nothing may be removed on its account. */
export type Proof = 'unchanged' | 'changed' | 'unread';

/**
 * The manifest is written after its backup. Every later change of the backup, of its bytes as of its permissions and names,
 * sets `st_ctime`, which no program can set (inode(7)); so a backup that is older than its manifest in this is the one that was
 * hashed when it was made. Another one (a folder that was copied, a file that was touched) is read once, and its manifest
 * gets the time of that: backups of 100 GB are not read at every start.
 *
 * It does not find what a disk loses without being asked: `safe-sqlite verify` does.
 */
export class BackupProofs {
  /** Files that were read, by identity and the time of their last change. */
  readonly #read = new Map<string, Proof>();

  async proofOf(backup: StoredBackup, signal: AbortSignal): Promise<Proof> {
    if (!backup.touched || backup.manifest === null) return 'unchanged';
    const { path, manifest } = backup;
    const descriptor = openRegular(path);
    if (descriptor === null) return 'unread';
    let over: Promise<void> = Promise.resolve();
    try {
      const before = fstatSync(descriptor, { bigint: true });
      const key = `${identityKey(before)} ${before.ctimeNs}`;
      const known = this.#read.get(key);
      if (known !== undefined) return known;
      const job = startJob({ kind: 'hash', file: path, descriptor }, { signal, keepAlive: false });
      over = job.over;
      const { bytes, sha256 } = await job.result;
      if (fstatSync(descriptor, { bigint: true }).ctimeNs !== before.ctimeNs) return 'unread';
      const proof: Proof = bytes === manifest.bytes && sha256 === manifest.sha256 ? 'unchanged' : 'changed';
      this.#read.set(key, proof);
      if (proof === 'unchanged') touch(manifestPath(path));
      return proof;
    } catch {
      signal.throwIfAborted();
      return 'unread';
    } finally {
      void over.then(() => closeSync(descriptor));
    }
  }
}

/** `null`: it cannot be read, or is open as a database in this process, whose locks a close would cancel. */
function openRegular(path: string): number | null {
  try {
    const found = lstatSync(path, { bigint: true });
    if (!found.isFile() || backupEnvironment.isOpenHere(found)) return null;
    const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
    return openSync(path, flags);
  } catch {
    return null;
  }
}

/** Gives the manifest the time of the proof. Where that is refused, the backup is read again by the next process. */
function touch(manifest: string): void {
  try {
    const now = currentDate();
    lutimesSync(manifest, now, now);
  } catch {
    // As said.
  }
}
