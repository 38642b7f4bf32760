/** A lost database that is attached is rescued like the main one, and a healthy one beside it is not copied. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import Native from 'better-sqlite3';
import { Database, FileReplacedError, type FileReplacedEvent } from 'safe-sqlite';

const folder = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), 'safe-sqlite-rescue-attached-')));
after(() => fs.rmSync(folder, { recursive: true, force: true }));
const skip = process.platform === 'linux' ? false : 'an open file cannot be renamed everywhere';
let count = 0;

interface Files {
  readonly place: string;
  readonly main: string;
  readonly side: string;
  readonly saved: string;
}

function fresh(): Files {
  const place = join(folder, `${count++}`);
  for (const name of ['main', 'side', 'saved']) fs.mkdirSync(join(place, name), { recursive: true });
  return { place, main: join(place, 'main/app.db'), side: join(place, 'side/it"s.db'), saved: join(place, 'saved') };
}

const names = { main: 'app.db', side: 'it"s.db' } as const;

/** Another process: in this one a closed descriptor would cancel locks. */
function numbersIn(file: string): readonly number[] {
  const script = `const d=require('better-sqlite3')(process.argv[1],{readonly:true});process.stdout.write(JSON.stringify(d.prepare('SELECT a FROM t ORDER BY a').pluck().all()))`;
  return JSON.parse(execFileSync(process.execPath, ['-e', script, file], { encoding: 'utf8' })) as number[];
}

/** A deploy that moves the folder away and puts an older file there. */
function replace(file: string): void {
  const moved = `${file}.moved`;
  fs.renameSync(file, moved);
  fs.rmSync(`${file}-wal`, { force: true });
  fs.rmSync(`${file}-shm`, { force: true });
  const old = new Native(file);
  old.exec('CREATE TABLE t(a)');
  old.close();
}

function open({ main, side, saved }: Files, mode: 'wal' | 'delete'): Database {
  for (const file of [main, side]) {
    const db = new Native(file);
    db.pragma(`journal_mode = ${mode}`);
    db.exec('CREATE TABLE t(a)');
    db.close();
  }
  const db = new Database(main, {
    logger: false,
    rescueDirectory: saved,
    sentinel: { intervalMs: 60_000 },
    ...(mode === 'delete' ? { journalMode: 'rollback' } : {}),
  });
  db.attach(side, 'the "side');
  db.exec('INSERT INTO main.t VALUES (1); INSERT INTO "the ""side".t VALUES (2)');
  return db;
}

test('raw: what was committed to an attached file that is replaced is gone', { skip }, () => {
  const { main, side } = fresh();
  const db = new Native(main);
  db.pragma('journal_mode = WAL');
  db.prepare('ATTACH ? AS side').run(side);
  db.pragma('side.journal_mode = WAL');
  db.exec('CREATE TABLE side.t(a); INSERT INTO side.t VALUES (1)');
  replace(side);
  db.exec('INSERT INTO side.t VALUES (2)');
  db.close();
  assert.deepEqual(numbersIn(side), []);
});

describe('what is lost is saved, and nothing else', { skip }, () => {
  for (const mode of ['wal', 'delete'] as const) {
    for (const lost of [['side'], ['main'], ['main', 'side']] as const) {
      test(`${lost.join(' and ')}, ${mode}`, () => {
        const files = fresh();
        const db = open(files, mode);
        const told: FileReplacedEvent[] = [];
        db.events.on('fileReplaced', event => told.push(event));
        for (const which of lost) replace(files[which]);
        let thrown: unknown;
        try {
          db.exec('INSERT INTO main.t VALUES (3); INSERT INTO "the ""side".t VALUES (4)');
        } catch (error) {
          thrown = error;
        }
        assert.ok(thrown instanceof FileReplacedError, String(thrown));
        const [first] = lost;
        const copies = fs.readdirSync(files.saved);
        assert.equal(copies.length, lost.length, copies.join());
        for (const which of lost) {
          const copy = copies.find(name => name.startsWith(`${names[which]}.rescued-`));
          assert.ok(copy !== undefined, `${which}: ${copies.join()}`);
          assert.deepEqual(numbersIn(join(files.saved, copy)), which === 'main' ? [1] : [2]);
          assert.ok(thrown.message.includes(join(files.saved, copy)));
          assert.ok(thrown.hint?.includes(join(files.saved, copy)));
        }
        assert.ok(told[0]?.rescued?.startsWith(join(files.saved, names[first])));
        assert.equal(thrown.details['rescued'], told[0]?.rescued);
        db.close();
      });
    }
  }
});
