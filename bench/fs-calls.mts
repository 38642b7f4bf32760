/** Measures what the process guard costs calls of `fs` that concern no database: bare and guarded functions in turns, in one process. */
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { measure, print, type Case, type Row } from './paired.mts';

type Fs = Pick<typeof fs, 'readFileSync' | 'writeFileSync' | 'openSync' | 'closeSync' | 'copyFileSync' | 'renameSync'>;

/** Before the first database is opened: the functions of Node itself. */
const bare: Fs = { ...fs };

function cases(guarded: Fs, folder: string): Case[] {
  const template = join(folder, 'page.html');
  const files = Array.from({ length: 1000 }, (_, index) => join(folder, `${index}.txt`));
  fs.writeFileSync(template, 'x'.repeat(2000));
  for (const file of files) fs.writeFileSync(file, 'x'.repeat(2000));
  const pair = (name: string, calls: number, make: (on: Fs) => (call: number) => unknown): Case => ({
    name,
    calls,
    raw: make(bare),
    ours: make(guarded),
  });
  return [
    pair('readFileSync, one file', 100, on => () => on.readFileSync(template)),
    pair('readFileSync, 1000 files', 100, on => call => on.readFileSync(files[call % files.length] ?? '')),
    pair('openSync and closeSync', 100, on => () => on.closeSync(on.openSync(template, 'r'))),
    pair('writeFileSync, one file', 20, on => () => on.writeFileSync(join(folder, 'log.txt'), 'line')),
    pair('writeFileSync, a new name each time', 20, on => {
      let written = 0;
      return () => on.writeFileSync(join(folder, `new-${(written += 1) % 500}.txt`), 'line');
    }),
    pair('copyFileSync', 20, on => () => on.copyFileSync(template, join(folder, 'copy.html'))),
    pair('a file that is not there', 100, on => () => {
      try {
        on.readFileSync(join(folder, 'missing.txt'));
      } catch {
        // The error of Node itself.
      }
    }),
  ];
}

/** Beside three databases, with their sidecars. */
export async function fsCalls(rounds = 201): Promise<Row[]> {
  const { Database } = await import('safe-sqlite');
  const folder = fs.mkdtempSync(join(tmpdir(), 'bench-fs-'));
  const place = fs.mkdtempSync(join(tmpdir(), 'bench-databases-'));
  const open = ['app', 'cache', 'sessions'].map(name => new Database(join(place, `${name}.db`), { logger: false }));
  try {
    if (fs.readFileSync === bare.readFileSync) throw new Error('The guard is not on.');
    return cases({ ...fs }, folder).map(each => measure(each, rounds));
  } finally {
    for (const db of open) db.close();
    for (const each of [folder, place]) fs.rmSync(each, { recursive: true, force: true });
  }
}

if (process.argv[1] === import.meta.filename)
  print('Cost of the process guard where no database is concerned', await fsCalls());
