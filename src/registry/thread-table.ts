/**
 * What the other threads of this process have open: a table in shared memory.
 *
 * Each thread has a `globalThis` of its own; the one thing that a thread hands to every worker that it starts is its
 * environment data. So the table reaches the workers that are started after this library was loaded, and their workers.
 * Workers that were started before have a table of their own; about them `/proc` tells.
 *
 *   header   [0] generation: raised by each change
 *   slot     [0] 0 free, 1 used, 2 being written   [1] thread   [2] bytes of the text   [3] version: odd while written
 *            then the text: JSON of a SharedFile
 *
 * No locks: a worker may be terminated at any instruction, and would hold them for ever. A slot belongs to who claimed it.
 */
import { isSharedArrayBuffer } from 'node:util/types';
import { getEnvironmentData, setEnvironmentData, threadId } from 'node:worker_threads';
import { processGlobal } from '../base/process-global';

/** What a thread tells the others of one file. */
export interface SharedFile {
  readonly key: string;
  readonly file: string;
  /** Device and inode in decimal, which JSON can carry; null when the file does not exist yet. */
  readonly identity: { readonly dev: string; readonly ino: string } | null;
  readonly copyId: string;
  readonly library: string;
  readonly aliases: readonly string[];
}

export interface OtherThreadsFile extends SharedFile {
  readonly thread: number;
}

const tableKey = 'safe-sqlite.thread-table.v1';
const slots = 256; // More files than one process has open; what does not fit is told by /proc alone.
const slotBytes = 4096; // Two paths of usual length; memory that is not touched is not used.
const headerBytes = 64; // One cache line.
const wordsPerSlot = slotBytes / Int32Array.BYTES_PER_ELEMENT;
const firstSlotWord = headerBytes / Int32Array.BYTES_PER_ELEMENT;
const textOffset = 16; // Bytes: after the four words of a slot.

const buffer = adopt();
const words = new Int32Array(buffer);
const bytes = Buffer.from(buffer);

// Once for all copies of this package: they share the table.
processGlobal('thread-table-listener', 1, () =>
  process.on('worker', worker => {
    // Not known any more once it has ended.
    const thread = worker.threadId;
    worker.once('exit', () => forgetThread(thread));
  }),
);

function adopt(): SharedArrayBuffer {
  const inherited: unknown = getEnvironmentData(tableKey);
  // Not `instanceof`: test runners give modules globals of another realm.
  if (isSharedArrayBuffer(inherited)) return inherited;
  const created = new SharedArrayBuffer(headerBytes + slots * slotBytes);
  setEnvironmentData(tableKey, created);
  return created;
}

/** Raised by every change that any thread makes. */
export function tableGeneration(): number {
  return Atomics.load(words, 0);
}

/** Tells the other threads of a file; gives the slot to withdraw it by, or null when the table has no room for it. */
export function publishFile(shared: SharedFile): number | null {
  const text = Buffer.from(JSON.stringify(shared));
  if (text.length > slotBytes - textOffset) return null;
  for (let slot = 0; slot < slots; slot++) {
    const at = firstSlotWord + slot * wordsPerSlot;
    if (Atomics.compareExchange(words, at, 0, 2) !== 0) continue;
    Atomics.add(words, at + 3, 1);
    Atomics.store(words, at + 1, threadId);
    Atomics.store(words, at + 2, text.length);
    text.copy(bytes, at * Int32Array.BYTES_PER_ELEMENT + textOffset);
    Atomics.add(words, at + 3, 1);
    Atomics.store(words, at, 1);
    Atomics.add(words, 0, 1);
    return slot;
  }
  return null;
}

/** Takes back what this thread told. */
export function withdrawFile(slot: number): void {
  Atomics.store(words, firstSlotWord + slot * wordsPerSlot, 0);
  Atomics.add(words, 0, 1);
}

/** What the other threads have open now. */
export function filesOfOtherThreads(): readonly OtherThreadsFile[] {
  const found: OtherThreadsFile[] = [];
  for (let slot = 0; slot < slots; slot++) {
    const shared = readSlot(firstSlotWord + slot * wordsPerSlot);
    if (shared !== null && shared.thread !== threadId) found.push(shared);
  }
  return found;
}

function readSlot(at: number): OtherThreadsFile | null {
  if (Atomics.load(words, at) !== 1) return null;
  const version = Atomics.load(words, at + 3);
  const thread = Atomics.load(words, at + 1);
  const start = at * Int32Array.BYTES_PER_ELEMENT + textOffset;
  const text = bytes.toString('utf8', start, start + Atomics.load(words, at + 2));
  // Given to another file while it was read.
  if (version % 2 === 1 || Atomics.load(words, at + 3) !== version || Atomics.load(words, at) !== 1) return null;
  return { ...(JSON.parse(text) as SharedFile), thread };
}

/** A worker that was terminated could not withdraw its files; better-sqlite3 has closed them. */
function forgetThread(thread: number): void {
  for (let slot = 0; slot < slots; slot++) {
    const at = firstSlotWord + slot * wordsPerSlot;
    if (Atomics.load(words, at) === 1 && Atomics.load(words, at + 1) === thread) withdrawFile(slot);
  }
}
