/**
 * A transaction over two databases is cut off, and its folder is found at another path than before: on another machine, in
 * another container, as a copy. The journals name their super-journal by its full path, where SQLite does not find it.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import Native from 'better-sqlite3';
import { Database, diagnose, openDatabase, OrphanedJournalError, restoreDatabase, verifyDatabase } from 'safe-sqlite';
import { judgeSuperJournal } from '../../dist/filesystem/super-journal.js';
import { createFaultBench, faultsSkip, type FaultBench } from '../support/fault-shim.mts';

const program = join(import.meta.dirname, 'super-journal.scenario.mts');
const skip = faultsSkip();
const quiet = { logger: false, journalMode: 'rollback', timeout: 50 } as const;

interface Cut extends Disposable {
  readonly bench: FaultBench;
  /** The folder of both databases when the transaction was cut off, and where a test finds it now. */
  readonly old: string;
  readonly now: string;
}

/** Kills the process when it has written app.db and a part of side.db; then the folder moves. */
async function cutOff({ main = 'data/app.db', side = 'data/side.db', move = true } = {}): Promise<Cut> {
  const bench = createFaultBench();
  for (const name of [main, side]) mkdirSync(dirname(join(bench.folder, name)), { recursive: true });
  const child = bench.start(program);
  await child.ask('open', { main, side });
  bench.faults.arm({ calls: 'write', path: `*/${side}`, nth: 5, action: 'kill' });
  await assert.rejects(child.ask('commit'));
  await child.ended;
  const old = join(bench.folder, 'data');
  const now = move ? join(bench.folder, 'moved') : old;
  if (move) renameSync(old, now);
  return { bench, old, now, [Symbol.dispose]: () => bench[Symbol.dispose]() };
}

/** The states of the rows, as better-sqlite3 reads them; a reason if it cannot. */
function states(file: string): string {
  const db = new Native(file);
  try {
    const damage = db.pragma('integrity_check', { simple: true });
    if (damage !== 'ok') return 'damaged';
    return db.prepare<[], string>('SELECT DISTINCT state FROM t ORDER BY state').pluck().all().join(', ');
  } catch (error) {
    return (error as { code: string }).code;
  } finally {
    db.close();
  }
}

function goodBackup(folder: string): string {
  const file = join(folder, 'backup.db');
  const db = new Native(file);
  db.exec("CREATE TABLE t(state TEXT); INSERT INTO t VALUES ('backup')");
  db.close();
  return file;
}

function bytesBelow(folder: string): Record<string, string> {
  return Object.fromEntries(readdirSync(folder).map(name => [name, readFileSync(join(folder, name)).toString('hex')]));
}

function refusal(open: () => unknown): OrphanedJournalError {
  let thrown: unknown;
  try {
    (open() as Disposable | undefined)?.[Symbol.dispose]();
  } catch (error) {
    thrown = error;
  }
  assert.ok(thrown instanceof OrphanedJournalError, String(thrown));
  return thrown;
}

describe('a folder that moved after a crash', { skip }, () => {
  test('raw better-sqlite3 undoes both at the old path; at the new one it keeps half of the transaction', async () => {
    for (const move of [false, true]) {
      using cut = await cutOff({ move });
      const found = ['app.db', 'side.db'].map(name => states(join(cut.now, name)));
      if (!move) assert.deepEqual(found, ['before', 'before']);
      else assert.deepEqual([found[0], found[1] === 'before'], ['after', false]);
      assert.equal(existsSync(join(cut.now, 'app.db-journal')), false);
    }
  });

  test('every way to open either file refuses, and touches nothing', async () => {
    using cut = await cutOff();
    const before = bytesBelow(cut.now);
    const app = join(cut.now, 'app.db');
    const side = join(cut.now, 'side.db');
    const copy = join(cut.bench.folder, 'copy.db');
    for (const file of [app, side]) {
      const error = refusal(() => new Database(file, quiet));
      assert.equal(error.details['reason'], 'elsewhere');
      refusal(() => openDatabase(file, quiet));
      refusal(() => new Database(file, { ...quiet, readonly: true }));
      using other = new Database(join(cut.bench.folder, 'other.db'), quiet);
      refusal(() => other.prepare('ATTACH ? AS other').run(file));
      refusal(() => other.exec(`ATTACH '${file}' AS other`));
    }
    const restore = restoreDatabase({ from: app, to: copy }).catch((error: Error) =>
      Promise.reject(error.cause as Error),
    );
    await Promise.all([restore, verifyDatabase(side)].map(job => assert.rejects(job, OrphanedJournalError)));
    assert.deepEqual(bytesBelow(cut.now), before);
    assert.equal(existsSync(copy), false);
  });

  test('the doctor says so, and not to play the journal back', async () => {
    using cut = await cutOff();
    const { findings } = await diagnose(join(cut.now, 'app.db'));
    const found = findings.find(({ code }) => code === 'orphaned-journal');
    assert.equal(found?.level, 'problem');
    assert.match(found.action ?? '', /^The folder was at /);
    assert.ok(!findings.some(({ code }) => code === 'hot-journal'));
    for (const command of found?.commands ?? []) spawnSync('sh', ['-c', command]);
    new Database(join(cut.now, 'app.db'), quiet).close();
    assert.equal(states(join(cut.now, 'app.db')), 'before');
  });

  test('the hint, followed for each file, brings back the state before the transaction', async () => {
    using cut = await cutOff();
    const { hint } = refusal(() => new Database(join(cut.now, 'app.db'), quiet));
    const [, from = '', to = ''] = /Copy (\S+) to (\S+) \(make that folder/.exec(hint) ?? [];
    for (const name of ['app.db', 'side.db']) {
      // SQLite may delete it after the first database; then the second is refused with the same hint.
      mkdirSync(dirname(to), { recursive: true });
      copyFileSync(from, to);
      new Database(join(cut.now, name), quiet).close();
      assert.equal(states(join(cut.now, name)), 'before');
    }
    for (const path of [from, to]) rmSync(path, { force: true });
    assert.deepEqual(readdirSync(cut.now).toSorted(), ['app.db', 'side.db']);
  });

  test('a link at the old path is enough', async () => {
    using cut = await cutOff();
    symlinkSync(cut.now, cut.old);
    for (const name of ['app.db', 'side.db']) {
      new Database(join(cut.now, name), quiet).close();
      assert.equal(states(join(cut.now, name)), 'before');
    }
  });

  test('a copy, after the original was opened: raw loses it, ours refuses', async () => {
    for (const library of ['raw', 'ours']) {
      using cut = await cutOff({ move: false });
      const copy = join(cut.bench.folder, 'copy');
      cpSync(cut.old, copy, { recursive: true });
      assert.deepEqual([states(join(cut.old, 'app.db')), states(join(cut.old, 'side.db'))], ['before', 'before']);
      if (library === 'raw') assert.notEqual(states(join(copy, 'app.db')), 'before');
      else assert.equal(refusal(() => new Database(join(copy, 'app.db'), quiet)).details['reason'], 'elsewhere');
    }
  });

  test('a database of another folder, while the disk of the main one is not mounted', async () => {
    using cut = await cutOff({ side: 'other/side.db' });
    const side = join(cut.bench.folder, 'other', 'side.db');
    const error = refusal(() => new Database(side, quiet));
    assert.equal(error.details['reason'], 'main-missing');
    assert.ok(error.hint.includes(join(cut.old, 'app.db')));
    // The hint, if the folder is gone for ever: another folder takes both, and a backup the path.
    const aside = join(cut.bench.folder, 'aside');
    mkdirSync(aside);
    for (const end of ['', '-journal']) copyFileSync(`${side}${end}`, join(aside, `side.db${end}`));
    for (const end of ['', '-journal']) rmSync(`${side}${end}`);
    await restoreDatabase({ from: goodBackup(cut.bench.folder), to: side });
    assert.equal(states(side), 'backup');
    for (const end of ['', '-journal']) renameSync(join(aside, `side.db${end}`), `${side}${end}`);
    // The hint: bring the folder back.
    renameSync(cut.now, cut.old);
    new Database(side, quiet).close();
    assert.deepEqual([states(side), states(join(cut.old, 'app.db'))], ['before', 'before']);
  });

  test('a super-journal in a folder that this user may not search', { skip: process.getuid?.() !== 0 }, async () => {
    using cut = await cutOff({ side: 'other/side.db' });
    renameSync(cut.now, cut.old);
    const other = join(cut.bench.folder, 'other');
    for (const path of [cut.bench.folder, other]) chmodSync(path, 0o777);
    for (const name of readdirSync(other)) chmodSync(join(other, name), 0o666);
    chmodSync(cut.old, 0o700);
    const open = `
      const { Database } = await import(process.argv[1]);
      try { new Database(process.argv[2], { logger: false, journalMode: 'rollback', timeout: 50 }).close(); console.log('opened'); }
      catch (error) { console.log(JSON.stringify([error.code, error.details.reason, error.hint])); }`;
    const asOther = (): string =>
      spawnSync(
        process.execPath,
        ['--input-type=module', '-e', open, import.meta.resolve('safe-sqlite'), join(other, 'side.db')],
        { encoding: 'utf8', uid: 65_534, gid: 65_534, env: { PATH: process.env['PATH'] ?? '', HOME: '/' } },
      ).stdout.trim();
    const [code, reason, hint] = JSON.parse(asOther()) as [string, string, string];
    assert.deepEqual([code, reason], ['SAFE_SQLITE_ORPHANED_JOURNAL', 'unreadable']);
    assert.ok(hint.includes(`search ${cut.old}`));
    chmodSync(cut.old, 0o755);
    assert.equal(asOther(), 'opened');
    assert.equal(states(join(other, 'side.db')), 'before');
  });
});

describe('silent where SQLite is right', { skip }, () => {
  test('at the old path', async () => {
    using cut = await cutOff({ move: false });
    new Database(join(cut.old, 'app.db'), quiet).close();
    assert.equal(states(join(cut.old, 'app.db')), 'before');
  });

  test('a committed transaction, whose super-journal is deleted: the journals are left over', async () => {
    using bench = createFaultBench();
    const child = bench.start(program);
    await child.ask('open', { main: 'app.db', side: 'side.db' });
    bench.faults.arm({ calls: 'unlink', path: '*-mj*', action: 'kill-after' });
    await assert.rejects(child.ask('commit'));
    await child.ended;
    for (const name of ['app.db', 'side.db']) {
      assert.ok(existsSync(join(bench.folder, `${name}-journal`)));
      new Database(join(bench.folder, name), quiet).close();
      assert.equal(states(join(bench.folder, name)), 'after');
    }
  });

  test('a commit that another process, which has the folder at another path, ends within the busy timeout', async () => {
    using cut = await cutOff();
    const commit = `setTimeout(() => require('node:fs').rmSync(process.argv[1]), 200)`;
    const other = spawn(process.execPath, ['-e', commit, join(cut.now, 'app.db-journal')], { stdio: 'ignore' });
    const ended = once(other, 'exit');
    using db = new Database(join(cut.now, 'app.db'), { ...quiet, timeout: 20_000 });
    assert.ok(db.open);
    assert.deepEqual(await ended, [0, null]);
  });

  test('journals that name no super-journal, or are not hot', () => {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), 'safe-sqlite-super-journal-')));
    try {
      const gone = '/nowhere/data/app.db-mj0000019AB';
      const variants: Record<string, (journal: string) => void> = {
        empty: journal => truncateSync(journal, 0),
        zeroed: journal => writeFileSync(journal, Buffer.alloc(512), { flag: 'r+' }),
        'wrong checksum': journal => appendFileSync(journal, trailer(gone, 1)),
        'another name': journal => appendFileSync(journal, trailer('/nowhere/something', 0)),
        'cut in its trailer': journal => appendFileSync(journal, trailer(gone, 0).subarray(0, -1)),
      };
      for (const [what, change] of Object.entries(variants)) {
        const file = join(folder, `${what}.db`);
        hotJournal(file);
        change(`${file}-journal`);
        new Database(file, quiet).close();
        assert.ok(existsSync(file), what);
      }
      const file = join(folder, 'control.db');
      hotJournal(file);
      appendFileSync(`${file}-journal`, trailer(gone, 0));
      assert.equal(refusal(() => new Database(file, quiet)).details['reason'], 'main-missing');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

test('the decision', () => {
  const facts = { seen: 'missing', isBeside: false, mainSeen: 'missing' } as const;
  assert.equal(judgeSuperJournal({ ...facts, seen: 'there', isBeside: true }), null);
  assert.equal(judgeSuperJournal({ ...facts, seen: 'unknown', isBeside: true }), null);
  assert.equal(judgeSuperJournal({ ...facts, seen: { systemError: 'EACCES' } }), 'unreadable');
  assert.equal(judgeSuperJournal({ ...facts, isBeside: true }), 'elsewhere');
  assert.equal(judgeSuperJournal({ ...facts, isBeside: true, mainSeen: 'there' }), 'elsewhere');
  assert.equal(judgeSuperJournal(facts), 'main-missing');
  assert.equal(judgeSuperJournal({ ...facts, mainSeen: 'there' }), null);
  assert.equal(judgeSuperJournal({ ...facts, mainSeen: 'unknown' }), null);
  assert.equal(judgeSuperJournal({ ...facts, mainSeen: null }), null);
});

/** A database with the journal of a transaction that was cut off. */
function hotJournal(file: string): void {
  const db = new Native(file);
  db.exec('CREATE TABLE t(a); INSERT INTO t VALUES (zeroblob(50000))');
  db.pragma('cache_size=1');
  db.exec('BEGIN; UPDATE t SET a=randomblob(50000)');
  copyFileSync(`${file}-journal`, `${file}.kept`);
  db.exec('ROLLBACK');
  db.close();
  renameSync(`${file}.kept`, `${file}-journal`);
}

/** What SQLite appends to a journal of several databases (`writeSuperJournal` in its pager.c). */
function trailer(name: string, wrong: number): Buffer {
  const bytes = Buffer.from(name);
  const numbers = Buffer.alloc(8);
  numbers.writeUInt32BE(bytes.length, 0);
  numbers.writeUInt32BE(
    bytes.reduce((sum, byte) => sum + byte, wrong),
    4,
  );
  return Buffer.concat([Buffer.alloc(4), bytes, numbers, Buffer.from('d9d505f920a163d7', 'hex')]);
}
