/** Judges the files that a crash left of one script, opened with plain SQLite or with this library. */
import { join } from 'node:path';
import type { Journal } from '../../faults/subject.mts';
import type { Books } from '../books/books.mts';
import { judge, nothing, readFile, type Found } from '../books/judge.mts';
import { readWithOurs } from '../books/read-with-ours.mts';
import type { Contents } from './disk-model.mts';
import type { BaseFile } from './record.mts';
import type { Script } from './scripts.mts';

export type OpenedWith = 'sqlite' | 'safe-sqlite';

export interface Remains {
  readonly folder: string;
  /** What lies in the folder, by path. */
  readonly contents: Contents;
  readonly books: Books;
  readonly script: Script;
  readonly journal: Journal;
  /** What stood there before the run, by path. */
  readonly base: ReadonlyMap<string, BaseFile>;
}

export interface FileFault {
  readonly file: string;
  readonly faults: readonly string[];
}

export function judgeFiles(
  { folder, contents, books, script, journal, base }: Remains,
  openedWith: OpenedWith,
): FileFault[] {
  const read = openedWith === 'sqlite' ? readFile : (path: string): Found => readWithOurs(path, journal);
  const files = books.files().filter(name => name !== script.takenAway);
  const found = new Map(
    files.map(name => {
      const path = join(folder, name);
      return [name, contents.has(path) ? read(path) : nothing] as const;
    }),
  );
  const wrong = [...found].flatMap(([name, content]): FileFault[] => {
    const path = join(folder, name);
    const mayBeDamaged = script.damaged === name && !books.isCopy(name);
    const untouched = base.get(path)?.content.equals(contents.get(path) ?? Buffer.alloc(0)) === true;
    return mayBeDamaged && untouched ? [] : [{ file: name, faults: judge(content, books.versionsOf(name)) }];
  });
  const halved = halves(script.atomicOver ?? [], found).map(([file, fault]) => ({ file, faults: [fault] }));
  return [...wrong, ...halved].filter(({ faults }) => faults.length > 0);
}

/** Transactions that are in one of two files. */
function halves(files: readonly string[], found: ReadonlyMap<string, Found>): [string, string][] {
  return files.flatMap(file =>
    files.flatMap(other => {
      const there = found.get(other)?.present ?? new Set();
      const missing = [...(found.get(file)?.present ?? [])].filter(txn => !there.has(txn));
      return missing.map((txn): [string, string] => [file, `transaction ${txn} is here and not in ${other}`]);
    }),
  );
}
