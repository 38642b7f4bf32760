/** Kills a script at one of its system calls, and judges what it left: as the next process finds it, and by plain SQLite. */
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { createFaultBench, everyCall, type FaultRule } from '../support/fault-shim.mts';
import { openBooks, type Books, type Mark } from '../power/books/books.mts';
import { marksFile, type Cast } from '../power/boundaries/cast.mts';
import { judgeFiles, type FileFault, type OpenedWith } from '../power/boundaries/judge-files.mts';
import { baseOf, contentsOf, isKept, layOut, place, playInChild } from '../power/boundaries/record.mts';
import type { Part } from '../power/boundaries/play.mts';
import { killScriptNamed } from './scripts.mts';

/** `'kill'`: before the call. `'tear'`: after half of the bytes of a write. */
type Strike = 'kill' | 'tear';

/** One death: the n-th system call of a script, or its n-th write. */
export interface Spot {
  readonly script: string;
  readonly strike: Strike;
  readonly nth: number;
}

export interface SpotFault extends FileFault {
  readonly openedWith: OpenedWith;
}

export interface SpotResult {
  /** A process was killed. Between two threads the order of calls may differ, so that the last spots may not be reached. */
  readonly reached: boolean;
  readonly faults: readonly SpotFault[];
}

/** A script that is prepared once and killed as often as wanted. */
export interface Stand extends Disposable {
  readonly spots: readonly Spot[];
  strike(spot: Spot): Promise<SpotResult>;
}

const program = join(import.meta.dirname, 'script.scenario.mts');

/** `by`: who plays it; better-sqlite3 with an unsafe journal shows that a loss is seen. */
export async function raiseStand(name: string, by: Omit<Cast, 'script'> = { subject: 'ours' }): Promise<Stand> {
  const script = killScriptNamed(name);
  // A kill leaves the cache of the kernel whole, so memory is as good as a disk, and much faster.
  const bench = createFaultBench({ below: place });
  // Always the same path: super-journals name it.
  const folder = join(bench.folder, 'run');
  const baseFolder = join(bench.folder, 'base');
  // A run is hardly longer than the start of its process, of which this takes a third away.
  const environment = { ...bench.environment, NODE_COMPILE_CACHE: join(bench.folder, 'compile-cache') };
  const play = (phase: Part['phase'], rules: readonly FaultRule[]): ReturnType<typeof playInChild> => {
    bench.faults.arm(...rules);
    return playInChild(program, { ...by, script: name, phase, folder }, environment);
  };
  const failed = (what: string, stderr: string): Error => new Error(`The script ${name} failed ${what}.\n${stderr}`);

  mkdirSync(folder);
  const { code, signal, stderr } = await play('prepare', script.faultsBefore?.(folder) ?? []);
  if (code !== 0 && signal !== 'SIGKILL') throw failed('in its preparation', stderr);
  bench.faults.heal();
  const base = baseOf(folder);
  cpSync(folder, baseFolder, { recursive: true });

  const runFrom = (rules: readonly FaultRule[]): ReturnType<typeof playInChild> => {
    rmSync(folder, { recursive: true });
    cpSync(baseFolder, folder, { recursive: true });
    return play('run', [...rules, ...(script.faults?.(folder) ?? [])]);
  };
  const path = `${folder}*`;
  const counted = await runFrom([
    { calls: everyCall, path, action: 'count' },
    { calls: 'write', path, action: 'count' },
  ]);
  if (counted.code !== 0) throw failed('when nothing kills it', counted.stderr);
  const [calls = { seen: 0 }, writes = { seen: 0 }] = bench.faults.counters();

  return {
    spots: [...spotsOf(name, 'kill', calls.seen), ...spotsOf(name, 'tear', writes.seen)],
    async strike({ strike, nth }) {
      const end = await runFrom([{ calls: strike === 'kill' ? everyCall : 'write', path, nth, action: strike }]);
      // A job runs in a process of its own: the kill may be that one's, and the script ends with the error of its job.
      const struck = (bench.faults.counters()[0]?.hits ?? 0) > 0;
      bench.faults.heal();
      if (!struck && end.code !== 0) throw failed(`before its ${strike} ${nth}`, end.stderr);
      const contents = contentsOf(folder);
      const judged = { folder, contents, books: booksOf(folder), script, journal: by.journal ?? script.journal, base };
      takeSecondNames(folder);
      const faults: SpotFault[] = [];
      for (const openedWith of ['safe-sqlite', 'sqlite'] as const) {
        for (const fault of judgeFiles(judged, openedWith)) faults.push({ openedWith, ...fault });
        layOut(
          folder,
          [...contents].filter(([file]) => isKept(file)),
        );
      }
      return { reached: struck, faults };
    },
    [Symbol.dispose]: () => bench[Symbol.dispose](),
  };
}

function spotsOf(script: string, strike: Strike, count: number): Spot[] {
  return Array.from({ length: count }, (_, index) => ({ script, strike, nth: index + 1 }));
}

function booksOf(folder: string): Books {
  const books = openBooks();
  const path = join(folder, marksFile);
  const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n') : [''];
  // What the kill tore was not said.
  for (const line of lines.slice(0, -1)) books.note(JSON.parse(line) as Mark);
  return books;
}

/** A kill between link(2) and rename(2) leaves an old file with two names; docs/backups.md says to delete the dated one. */
function takeSecondNames(folder: string): void {
  for (const path of contentsOf(folder).keys()) {
    const name = relative(folder, path);
    const dated = name.includes('.before-restore-') || name.startsWith('.safe-sqlite-');
    if (dated && statSync(path).nlink > 1) rmSync(path);
  }
}
