/** The table of faults from the side of the tests: the layout of control.h, written and read as numbers. */
import { closeSync, existsSync, openSync, readSync, writeFileSync, writeSync } from 'node:fs';
import { constants } from 'node:os';

/** In the order of the bits of `enum call` in control.h. */
export const everyCall = [
  'fsync',
  'fdatasync',
  'dirsync',
  'write',
  'truncate',
  'read',
  'mmap',
  'lock',
  'unlock',
  'getlk',
  'unlink',
  'open',
  'rename',
  'close',
  'link',
  'mkdir',
  'rmdir',
  'chmod',
] as const;

/** In the order of `enum action` in control.h. */
const actionNumbers = [
  'count',
  'fail',
  'slow',
  'short',
  'lie',
  'kill',
  'kill-after',
  'tear',
  'hold',
  'hold-after',
] as const;

export type Call = (typeof everyCall)[number];

export type ErrnoName = keyof typeof constants.errno;

/** What becomes of a call; see `enum action` in control.h. */
export type Action =
  Exclude<(typeof actionNumbers)[number], 'fail' | 'slow'> | { readonly fail: ErrnoName } | { readonly slowMs: number };

export interface FaultRule {
  /** The kinds of calls, counted together. `'dirsync'` is an fsync or fdatasync of a folder. */
  readonly calls: Call | readonly Call[];
  /** fnmatch(3) pattern over the absolute path; `*` also matches `/`. For rename, the new name. */
  readonly path: string;
  /** The first matching call that is hit, from 1. Default 1. */
  readonly nth?: number;
  /** How many calls are hit from there on. Default 1. */
  readonly count?: number | 'all';
  readonly action: Action;
}

export interface RuleCounters {
  /** Calls that matched the rule since it was armed, over all processes that share the table. */
  readonly seen: number;
  /** Calls that its action was applied to. */
  readonly hits: number;
}

/** The rules that are armed now, shared with every process that was started with them. */
export interface FaultTable {
  readonly path: string;
  /** Replaces all rules; the counters start at zero. A process held by `'hold'` goes on. */
  arm(...rules: readonly FaultRule[]): void;
  /** Takes all rules away, so that every call is what it was; the counters stay readable. */
  heal(): void;
  /** One entry for each rule of the last `arm`. Still readable after the processes were killed. */
  counters(): readonly RuleCounters[];
  /** Closes the descriptor; the file goes with its folder. */
  close(): void;
}

// Sizes and offsets of control.h, in bytes.
const controlBytes = 16_384;
const headerBytes = 64;
const ruleBytes = 256;
const globOffset = 48;
const globBytes = 208;
const maxRules = 63;
const magic = 0x31544c46;
const generationOffset = 4;
const ruleCountOffset = 8;

/** Creates the table at `path`, or joins the one that stands there (a child process that arms its own faults). */
export function openFaultTable(path: string): FaultTable {
  if (!existsSync(path)) {
    const empty = Buffer.alloc(controlBytes);
    empty.writeUInt32LE(magic, 0);
    writeFileSync(path, empty);
  }
  const fd = openSync(path, 'r+');
  let armed = 0;

  const readUInt32 = (offset: number): number => {
    const word = Buffer.alloc(4);
    readSync(fd, word, 0, 4, offset);
    return word.readUInt32LE();
  };
  const writeUInt32 = (offset: number, value: number): void => {
    const word = Buffer.alloc(4);
    word.writeUInt32LE(value >>> 0);
    writeSync(fd, word, 0, 4, offset);
  };
  const nextGeneration = (): void => writeUInt32(generationOffset, readUInt32(generationOffset) + 1);

  return {
    path,
    arm(...rules) {
      if (rules.length > maxRules) throw new RangeError(`At most ${maxRules} fault rules fit, got ${rules.length}.`);
      const encoded = Buffer.concat(rules.map(encodeRule));
      writeUInt32(ruleCountOffset, 0);
      if (encoded.length > 0) writeSync(fd, encoded, 0, encoded.length, headerBytes);
      // The count is written last: a process sees no rule, or all of them complete.
      writeUInt32(ruleCountOffset, rules.length);
      nextGeneration();
      armed = rules.length;
    },
    heal() {
      writeUInt32(ruleCountOffset, 0);
      nextGeneration();
    },
    counters() {
      const table = Buffer.alloc(armed * ruleBytes);
      if (armed > 0) readSync(fd, table, 0, table.length, headerBytes);
      return Array.from({ length: armed }, (_, index) => ({
        seen: Number(table.readBigUInt64LE(index * ruleBytes)),
        hits: Number(table.readBigUInt64LE(index * ruleBytes + 8)),
      }));
    },
    close() {
      closeSync(fd);
    },
  };
}

function encodeRule(rule: FaultRule): Buffer {
  const bytes = Buffer.alloc(ruleBytes);
  const calls = typeof rule.calls === 'string' ? [rule.calls] : rule.calls;
  bytes.writeUInt32LE(
    calls.reduce((mask, call) => mask | (1 << everyCall.indexOf(call)), 0),
    16,
  );
  bytes.writeUInt32LE(actionNumbers.indexOf(actionName(rule.action)), 20);
  if (typeof rule.action === 'object' && 'fail' in rule.action)
    bytes.writeInt32LE(constants.errno[rule.action.fail], 24);
  if (typeof rule.action === 'object' && 'slowMs' in rule.action) bytes.writeUInt32LE(rule.action.slowMs, 28);
  bytes.writeBigUInt64LE(BigInt(rule.nth ?? 1), 32);
  bytes.writeBigInt64LE(rule.count === 'all' ? -1n : BigInt(rule.count ?? 1), 40);
  // The last byte stays zero: it ends the C string.
  if (Buffer.byteLength(rule.path) >= globBytes) throw new RangeError(`The fault pattern ${rule.path} is too long.`);
  bytes.write(rule.path, globOffset);
  return bytes;
}

function actionName(action: Action): (typeof actionNumbers)[number] {
  if (typeof action === 'string') return action;
  return 'fail' in action ? 'fail' : 'slow';
}
