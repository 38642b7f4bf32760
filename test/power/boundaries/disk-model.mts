/**
 * Models what a disk holds for certain, and what it may hold, after the changes of a trace: POSIX as it is written, and
 * no more.
 *
 *   a write or truncate of a file   holds only once that file was synced
 *   a name (create, rename, unlink) holds only once its folder was synced, whatever was synced of the file
 *   a rename between two folders    holds as one change, once the folder of the new name was synced
 *   a folder of its own             is no more than a part of the names in it: nothing reads what only stands there
 *   between two syncs               each change may hold or not, in any combination, and a write sector by sector
 *
 * Real filesystems keep more order than that, each another one; what is safe here is safe on all of them.
 */
import { dirname } from 'node:path';
import type { TraceEvent } from './trace.mts';

interface Write {
  readonly kind: 'write';
  readonly id: number;
  readonly file: DiskFile;
  readonly offset: number;
  readonly data: Buffer;
}

interface Truncate {
  readonly kind: 'truncate';
  readonly id: number;
  readonly file: DiskFile;
  readonly length: number;
}

interface Names {
  readonly kind: 'names';
  readonly id: number;
  readonly folder: string;
  /** `null`: the name goes away. The changes of one operation hold together or not at all. */
  readonly changes: readonly (readonly [path: string, file: DiskFile | null])[];
}

/** A change that is not durable yet. Ids rise in the order of the trace. */
export type Pending = Write | Truncate | Names;

/** What becomes of one pending change. */
export type Fate =
  | 'kept'
  | 'dropped'
  /** Of a write: the file has grown as if it had happened, and the new part is zeros. */
  | 'size only'
  /** Of a write: only these sectors of the disk. */
  | { readonly sectorBytes: number; readonly kept: (sector: number) => boolean; readonly label: string };

export interface DiskFile {
  readonly id: number;
  /** What is durable. */
  content: Buffer;
  /** Raised with each sync that changed it. */
  version: number;
  pending: (Write | Truncate)[];
}

/** The files that a crash leaves, by path. */
export type Contents = ReadonlyMap<string, Buffer>;

export interface Disk {
  apply(event: TraceEvent): void;
  /** In the order of the trace. */
  pending(): readonly Pending[];
  /** The files, if each pending change meets its fate. */
  render(fateOf: (change: Pending) => Fate): Contents;
  /** The same for two states that give the same files; cheaper than comparing them. */
  keyOf(fateOf: (change: Pending) => Fate): string;
}

/** `base`: what stood there, durable, before the trace began, with the inode numbers. */
export function createDisk(base: ReadonlyMap<string, { readonly inode: bigint; readonly content: Buffer }>): Disk {
  const durableNames = new Map<string, DiskFile>();
  const byInode = new Map<bigint, DiskFile>();
  /** As the running system sees them. */
  const names = new Map<string, DiskFile>();
  let pendingNames: Names[] = [];
  const files = new Set<DiskFile>();
  let nextFile = 0;
  let nextChange = 0;

  const addFile = (inode: bigint, content: Buffer): DiskFile => {
    const file: DiskFile = { id: nextFile, content, version: 0, pending: [] };
    nextFile += 1;
    byInode.set(inode, file);
    files.add(file);
    return file;
  };
  for (const [path, { inode, content }] of base) {
    const file = byInode.get(inode) ?? addFile(inode, content);
    durableNames.set(path, file);
    names.set(path, file);
  }

  const fileOf = (inode: bigint): DiskFile => {
    const file = byInode.get(inode);
    if (file === undefined) throw new Error(`The trace names inode ${inode}, which it did not create.`);
    return file;
  };
  const rename = (folder: string, ...changes: Names['changes']): void => {
    pendingNames.push({ kind: 'names', id: nextChange, folder, changes });
    nextChange += 1;
    for (const [path, file] of changes) {
      if (file === null) names.delete(path);
      else names.set(path, file);
    }
  };
  const named = (path: string): DiskFile => {
    const file = names.get(path);
    if (file === undefined) throw new Error(`The trace names ${path}, which it did not create.`);
    return file;
  };

  /** The names in a folder that got another name. Of an empty one there is nothing to note. */
  const renameFolder = (from: string, to: string): void => {
    const moved = (path: string): string => (path.startsWith(`${from}/`) ? `${to}${path.slice(from.length)}` : path);
    for (const each of [durableNames, names]) {
      const entries = [...each].map(([path, file]) => [moved(path), file] as const);
      each.clear();
      for (const [path, file] of entries) each.set(path, file);
    }
    pendingNames = pendingNames.map(change => ({
      ...change,
      folder: change.folder === from ? to : change.folder,
      changes: change.changes.map(([path, file]) => [moved(path), file] as const),
    }));
  };

  return {
    apply(event) {
      const { kind, inode, path, to } = event;
      switch (kind) {
        case 'create':
          rename(dirname(path), [path, addFile(inode, Buffer.alloc(0))]);
          return;
        case 'write': {
          const file = fileOf(inode);
          file.pending.push({ kind, id: nextChange, file, offset: event.offset, data: event.data });
          nextChange += 1;
          return;
        }
        case 'truncate': {
          const file = fileOf(inode);
          file.pending.push({ kind, id: nextChange, file, length: event.offset });
          nextChange += 1;
          return;
        }
        case 'sync': {
          const file = fileOf(inode);
          if (file.pending.length === 0) return;
          file.content = contentOf(file, () => 'kept');
          file.version += 1;
          file.pending = [];
          return;
        }
        case 'sync-folder': {
          const settled = pendingNames.filter(change => change.folder === path);
          for (const change of settled) applyNames(durableNames, change);
          // The old name of a file that came from another folder is gone with it, whatever became of that name before.
          const isOver = (name: string, id: number): boolean =>
            settled.some(change => change.id > id && change.changes.some(([settledName]) => settledName === name));
          pendingNames = pendingNames
            .filter(change => change.folder !== path)
            .map(change => ({ ...change, changes: change.changes.filter(([name]) => !isOver(name, change.id)) }))
            .filter(change => change.changes.length > 0);
          return;
        }
        case 'unlink':
          rename(dirname(path), [path, null]);
          return;
        case 'rename':
          if (!names.has(path)) return renameFolder(path, to);
          // rename(2) of two names of one file does nothing.
          if (named(path) === names.get(to)) return;
          rename(dirname(to), [path, null], [to, named(path)]);
          return;
        case 'link':
          rename(dirname(to), [to, named(path)]);
      }
    },
    pending: () =>
      [...pendingNames, ...[...files].flatMap(({ pending }) => pending)].toSorted((one, other) => one.id - other.id),
    render(fateOf) {
      const contents = new Map<string, Buffer>();
      for (const [path, file] of namesAfter(durableNames, pendingNames, fateOf))
        contents.set(path, contentOf(file, fateOf));
      return contents;
    },
    keyOf(fateOf) {
      const parts: string[] = [];
      for (const [path, file] of namesAfter(durableNames, pendingNames, fateOf)) {
        const fates = file.pending.flatMap(change => {
          const fate = fateOf(change);
          if (fate === 'dropped') return [];
          return fate === 'kept' ? [`${change.id}`] : [`${change.id} ${typeof fate === 'string' ? fate : fate.label}`];
        });
        parts.push(`${path}=${file.id}.${file.version}[${fates.join()}]`);
      }
      return parts.join('|');
    },
  };
}

function namesAfter(
  durable: ReadonlyMap<string, DiskFile>,
  pending: readonly Names[],
  fateOf: (change: Pending) => Fate,
): Map<string, DiskFile> {
  const after = new Map(durable);
  for (const change of pending) if (fateOf(change) === 'kept') applyNames(after, change);
  return after;
}

function applyNames(names: Map<string, DiskFile>, { changes }: Names): void {
  for (const [path, file] of changes) {
    if (file === null) names.delete(path);
    else names.set(path, file);
  }
}

function contentOf(file: DiskFile, fateOf: (change: Pending) => Fate): Buffer {
  const fates = file.pending.map(change => ({ change, fate: fateOf(change) })).filter(({ fate }) => fate !== 'dropped');
  if (fates.length === 0) return file.content;
  let length = file.content.length;
  let longest = length;
  for (const { change } of fates) {
    length = change.kind === 'truncate' ? change.length : Math.max(length, change.offset + change.data.length);
    longest = Math.max(longest, length);
  }
  // Zeros where nothing was written: a hole.
  const content = Buffer.alloc(longest);
  file.content.copy(content);
  let end = file.content.length;
  for (const { change, fate } of fates) {
    if (change.kind === 'truncate') {
      if (change.length < end) content.fill(0, change.length, end);
      end = change.length;
      continue;
    }
    copyWrite(content, change, fate);
    end = Math.max(end, change.offset + change.data.length);
  }
  return content.subarray(0, end);
}

/** Sectors lie where the disk has them, not where the write begins. */
function copyWrite(content: Buffer, { offset, data }: Write, fate: Fate): void {
  if (fate === 'kept') data.copy(content, offset);
  if (typeof fate === 'string') return;
  const { sectorBytes, kept } = fate;
  const first = Math.floor(offset / sectorBytes);
  const last = Math.floor((offset + data.length - 1) / sectorBytes);
  for (let sector = first; sector <= last; sector += 1) {
    if (!kept(sector - first)) continue;
    const from = Math.max(offset, sector * sectorBytes);
    const to = Math.min(offset + data.length, (sector + 1) * sectorBytes);
    data.copy(content, from, from - offset, to - offset);
  }
}

/** How many sectors a write touches. */
export function sectorsOf({ offset, data }: Write, sectorBytes: number): number {
  return Math.floor((offset + data.length - 1) / sectorBytes) - Math.floor(offset / sectorBytes) + 1;
}
