/** The cells of the matrix: which call of which file fails in which way; pure. */
import { basename } from 'node:path';
import type { Action, Call, ErrnoName, FaultRule, LoggedCall } from '../../support/fault-shim.mts';
import { attachedName, copyName, databaseName } from './templates.mts';

/** What a copy is called until it is finished. */
const builtName = 'copy.tmp';

export type FaultName = ErrnoName | 'short';

/** What can happen to each kind of call. fsync(2), write(2) and so on list them; EIO stands for a broken device. */
export const faultsOfCall: Readonly<Partial<Record<Call, readonly FaultName[]>>> = {
  fsync: ['EIO', 'ENOSPC', 'EDQUOT', 'EROFS'],
  fdatasync: ['EIO', 'ENOSPC', 'EDQUOT', 'EROFS'],
  dirsync: ['EIO'],
  write: ['EIO', 'ENOSPC', 'EDQUOT', 'EROFS', 'short'],
  truncate: ['EIO', 'ENOSPC', 'EROFS'],
  read: ['EIO', 'short'],
  mmap: ['EACCES', 'ENOMEM'],
  lock: ['EIO', 'EACCES', 'ENOLCK'],
  unlock: ['EIO', 'ENOLCK'],
  getlk: ['EIO', 'ENOLCK'],
  unlink: ['EIO', 'EACCES', 'EROFS'],
  open: ['EIO', 'EACCES', 'EMFILE', 'ENOSPC', 'EROFS'],
  rename: ['EIO', 'ENOSPC', 'EROFS'],
  close: ['EIO'],
};

/** `'once'`: a passing fault. `'lasting'`: every such call from the n-th on, until the operation is over. */
export type Duration = 'once' | 'lasting';

export interface Cell {
  readonly operation: string;
  readonly call: Call;
  /** Which file, in the words of `targetOf`. */
  readonly target: string;
  readonly fault: FaultName;
  readonly nth: number;
  readonly duration: Duration;
}

/** How often an operation makes a call when nothing fails. */
export interface CallCount {
  readonly operation: string;
  readonly call: Call;
  readonly target: string;
  readonly calls: number;
}

/** Names a file by its part in the play, so that the same cell means the same for every subject and run. */
export function targetOf(path: string, folder: string): string {
  if (path === folder) return 'folder';
  const name = basename(path);
  // SQLite draws the rest of its name.
  if (name.startsWith(`${databaseName}-mj`)) return 'super-journal';
  for (const [database, title] of [
    [databaseName, 'database'],
    [attachedName, 'attached'],
    [copyName, 'copy'],
  ] as const) {
    if (name === database) return title;
    const sidecar = ['-wal', '-shm', '-journal'].find(suffix => name === `${database}${suffix}`);
    if (sidecar !== undefined) return title === 'database' ? sidecar.slice(1) : `${title}${sidecar}`;
  }
  // A copy is built in a folder whose name is new each time.
  if (name.startsWith(builtName)) return name.endsWith('-journal') ? 'temporary-journal' : 'temporary';
  return 'other';
}

/** The pattern that finds the target again in another folder. */
export function patternOf(target: string, folder: string): string {
  const main = { database: '', wal: '-wal', shm: '-shm', journal: '-journal' }[target];
  if (main !== undefined) return `${folder}/${databaseName}${main}`;
  if (target === 'folder') return folder;
  if (target === 'super-journal') return `${folder}/${databaseName}-mj*`;
  if (target === 'temporary') return `${folder}/*/${builtName}`;
  if (target === 'temporary-journal') return `${folder}/*/${builtName}-journal`;
  const [title, sidecar] = target.split('-');
  const database = { attached: attachedName, copy: copyName }[title ?? ''];
  return database === undefined ? `${folder}/*` : `${folder}/${database}${sidecar === undefined ? '' : `-${sidecar}`}`;
}

export function ruleOf(cell: Cell, folder: string): FaultRule {
  const action: Action = cell.fault === 'short' ? 'short' : { fail: cell.fault };
  return {
    calls: cell.call,
    path: patternOf(cell.target, folder),
    nth: cell.nth,
    count: cell.duration === 'once' ? 1 : 'all',
    action,
  };
}

/** Sums a log of a run without faults. */
export function countCalls(operation: string, log: readonly LoggedCall[], folder: string): CallCount[] {
  const counts = new Map<string, CallCount>();
  for (const { call, path, outcome } of log) {
    // The rule that only counts passes every call; a line of another rule is the same call again.
    if (outcome !== 'pass') continue;
    const target = targetOf(path, folder);
    const key = `${call} ${target}`;
    const calls = (counts.get(key)?.calls ?? 0) + 1;
    counts.set(key, { operation, call: call as Call, target, calls });
  }
  return [...counts.values()].filter(({ target }) => target !== 'other');
}

/** Every cell that the counts allow: each fault at each call, passing and lasting. */
export function enumerateCells(counts: readonly CallCount[]): Cell[] {
  return counts.flatMap(({ operation, call, target, calls }) =>
    (faultsOfCall[call] ?? []).flatMap(fault =>
      Array.from({ length: calls }, (_, index) => index + 1).flatMap(nth =>
        (['once', 'lasting'] as const).map(duration => ({ operation, call, target, fault, nth, duration })),
      ),
    ),
  );
}

/** How many cells of an operation a short run takes, where each waits for the timer of the scheduler. */
const scarce: ReadonlyMap<string, number> = new Map([['commit-scheduled', 12]]);

/** The cells of a short run: for each operation, call, target and fault one n and duration, drawn with the seed. */
export function sampleCells(cells: readonly Cell[], random: () => number): Cell[] {
  const groups = Map.groupBy(
    cells.filter(cell => !waits(cell)),
    groupOf,
  );
  const drawn = [...groups.values()].map(group => draw(group, random));
  const plenty = drawn.filter(({ operation }) => !scarce.has(operation));
  const rest = [...scarce].flatMap(([operation, wanted]) => {
    const candidates = drawn.filter(cell => cell.operation === operation);
    return Array.from({ length: Math.min(wanted, candidates.length) }, () => draw(candidates, random));
  });
  return [...plenty, ...new Set(rest)];
}

function draw(cells: readonly Cell[], random: () => number): Cell {
  return cells[Math.floor(random() * cells.length)] as Cell;
}

/** The cells of the long run: all, but of those that wait only one n with one fault in two operations. */
export function longRunCells(cells: readonly Cell[]): Cell[] {
  const waited = ['open-existing', 'commit-wal'];
  return cells.filter(
    cell =>
      !waits(cell) ||
      (waited.includes(cell.operation) && cell.nth === 1 && cell.fault === faultsOfCall[cell.call]?.[0]),
  );
}

/**
 * When the locks of a `-shm` fail, SQLite tries for about ten seconds, whatever the busy timeout is, and then says
 * SQLITE_PROTOCOL. A failed unlock has it do so at each statement that follows.
 *
 * @see https://sqlite.org/src/file/src/wal.c walTryBeginRead
 */
function waits(cell: Cell): boolean {
  return (
    cell.target.endsWith('shm') && (cell.call === 'unlock' || (cell.call === 'lock' && cell.duration === 'lasting'))
  );
}

function groupOf(cell: Cell): string {
  return [cell.operation, cell.call, cell.target, cell.fault].join(' ');
}

/** The name of a cell, which `node test/faults/matrix.mts --cell` takes. */
export function nameOf(cell: Cell): string {
  return [cell.operation, cell.call, cell.target, cell.fault, cell.nth, cell.duration].join('/');
}

export function parseCell(name: string): Cell {
  const [operation = '', call, target = '', fault, nth, duration] = name.split('/');
  return {
    operation,
    call: call as Call,
    target,
    fault: fault as FaultName,
    nth: Number(nth),
    duration: duration as Duration,
  };
}
