/** Records what a program does to the files below a folder, and reads the record back. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileC } from '../../support/compile-c.mts';

/** In the order of `enum kind` in recorder.c. */
const kinds = ['create', 'write', 'truncate', 'sync', 'sync-folder', 'unlink', 'rename', 'link'] as const;

/** One change, as the kernel carried it out. An inode is named by its number: reused when a new file is created. */
export interface TraceEvent {
  readonly kind: (typeof kinds)[number];
  readonly inode: bigint;
  /** Where a write begins, in bytes; the new length for a truncate. */
  readonly offset: number;
  readonly data: Buffer;
  /** Of `create`, `unlink`, `rename`, `link` and `sync-folder`: absolute. */
  readonly path: string;
  /** The new name, for `rename` and `link`. */
  readonly to: string;
  readonly pid: number;
}

// struct record in recorder.c, in bytes.
const headerBytes = 40;
const magic = 0x31435254;

/** The environment that makes a process record; the folder must be given by its real path. */
export function recording(trace: string, folder: string): Record<string, string> {
  const recorder = compileC({
    sources: [join(import.meta.dirname, 'recorder.c')],
    flags: ['-shared', '-fPIC'],
    libraries: ['-ldl'],
  });
  return { LD_PRELOAD: recorder, TRACE_FILE: trace, TRACE_FOLDER: folder };
}

export function readTrace(path: string): readonly TraceEvent[] {
  if (!existsSync(path)) throw new Error(`The program recorded nothing to ${path}.`);
  const bytes = readFileSync(path);
  const events: TraceEvent[] = [];
  for (let at = 0; at < bytes.length;) {
    if (bytes.readUInt32LE(at) !== magic) throw new Error(`The trace is damaged at byte ${at}.`);
    const kind = kinds[bytes.readUInt32LE(at + 4)];
    if (kind === undefined) throw new Error(`Unknown kind of record at byte ${at}.`);
    const dataBytes = bytes.readUInt32LE(at + 24);
    const pathBytes = bytes.readUInt32LE(at + 28);
    const secondBytes = bytes.readUInt32LE(at + 32);
    const pathAt = at + headerBytes;
    const dataAt = pathAt + pathBytes + secondBytes;
    events.push({
      kind,
      inode: bytes.readBigUInt64LE(at + 8),
      offset: Number(bytes.readBigInt64LE(at + 16)),
      data: bytes.subarray(dataAt, dataAt + dataBytes),
      path: bytes.toString('utf8', pathAt, pathAt + pathBytes),
      to: bytes.toString('utf8', pathAt + pathBytes, dataAt),
      pid: bytes.readUInt32LE(at + 36),
    });
    at = dataAt + dataBytes;
  }
  return events;
}
