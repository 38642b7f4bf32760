/** The sealing step: puts a copy on stable storage while it is written, and reads its hash when it is finished. */
import { open, type FileHandle } from 'node:fs/promises';
import { fstatSync } from 'node:fs';
import { delay } from '../base/clock';
import { isRestricted } from '../base/descriptor-calls';
import { startJob } from '../maintenance/jobs-client';
import type { FileContent, HashJob, ResultOf, SyncJob } from '../maintenance/messages';

/** The SHA-256 of a file that this process does not have open as a database: closing the descriptor would end its locks. */
export async function hashOf(file: string, signal: AbortSignal | undefined): Promise<string> {
  const handle = await open(file, 'r');
  const hashed = startJob({ kind: 'hash', file, descriptor: handle.fd }, { signal });
  try {
    return (await hashed.result).sha256;
  } finally {
    void hashed.over.then(() => handle.close());
  }
}

/** Growth after which a piece is synced, in bytes: a disk writes it in some milliseconds, and other writers wait no longer. */
const pieceBytes = 16_777_216;
/** Poll interval of the growing file, in milliseconds: several times per written piece. */
const lookMs = 10;

/**
 * Syncs and hashes a copy through a descriptor opened before every write: its sync reports every failed write. A failed
 * sync is final: it is not retried, and no later one makes up for it.
 */
export class SyncAndHash {
  readonly #file: string;
  readonly #handle: FileHandle;
  readonly #signal: AbortSignal | undefined;
  #pieces: Promise<void> = Promise.resolve();
  #released: Promise<void> = Promise.resolve();

  constructor(file: string, handle: FileHandle, signal: AbortSignal | undefined) {
    this.#file = file;
    this.#handle = handle;
    this.#signal = signal;
  }

  /**
   * Syncs what `copying` writes, piece by piece.
   *
   * One sync at the end would take as long as the disk needs for all of it, with every commit of the application to the
   * same disk waiting for it. {@link finish} reports a failure.
   */
  accompany(copying: Promise<unknown>): void {
    this.#pieces = this.#syncPieces(copying);
    // A caller that never calls `finish` reports another error.
    this.#pieces.catch(() => {});
  }

  /** Syncs the rest of the finished file, and reads it. */
  async finish(): Promise<FileContent> {
    await this.#pieces;
    await this.#sync();
    return this.#run({ kind: 'hash', file: this.#file, descriptor: this.#handle.fd });
  }

  /** Closes the descriptor once it is unused; never rejects, and a second call does nothing. */
  async close(): Promise<void> {
    await this.#pieces.catch(() => {});
    await this.#released;
    await this.#handle.close().catch(() => {});
  }

  async #syncPieces(copying: Promise<unknown>): Promise<void> {
    let ended = false;
    const end = (): void => void (ended = true);
    const copied = copying.then(end, end);
    let synced = 0;
    while (!ended) {
      const { size } = fstatSync(this.#handle.fd);
      if (size - synced < pieceBytes) {
        await Promise.race([copied, delay(lookMs, { ref: false })]);
        continue;
      }
      synced = size;
      await this.#sync();
    }
  }

  /** Off the event loop both ways; Node's permission model allows the one through the handle only. */
  async #sync(): Promise<void> {
    if (isRestricted()) await this.#handle.sync();
    else await this.#run({ kind: 'sync', file: this.#file, descriptor: this.#handle.fd });
  }

  #run<SomeJob extends SyncJob | HashJob>(job: SomeJob): Promise<ResultOf<SomeJob>> {
    const running = startJob(job, { signal: this.#signal });
    this.#released = running.over;
    return running.result;
  }
}
