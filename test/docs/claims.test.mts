/**
 * Sentences of the docs that were once false or imprecise, each with the test that would fail again.
 *
 * The table at the end names a page, words that stand in it, and the test: one of this file, or one of another.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import Native from 'better-sqlite3';
import { BackupError, Database, diagnose, InvalidOptionError, SqliteForeignKeyError, type Options } from 'safe-sqlite';
import { root } from '../../scripts/pack.mjs';
import { writeFenceMarker } from '../../dist/filesystem/fence-marker.js';
import { createFaultBench, faultsSkip } from '../support/fault-shim.mts';

const folder = mkdtempSync(join(tmpdir(), 'safe-sqlite-claims-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const skip = faultsSkip();
let count = 0;

function fresh(options: Options = {}): Database {
  return new Database(join(folder, `${(count += 1)}.db`), { logger: false, ...options });
}

interface Answer {
  readonly code?: string;
  readonly commitOutcome?: string;
  readonly obstacle: string | null;
  readonly status: number | null;
  readonly said: string | null;
}

describe('a quota that is used up', { skip }, () => {
  const program = join(import.meta.dirname, 'claims.scenario.mts');
  const rule = { calls: 'write' as const, path: '*', count: 'all' as const, action: { fail: 'EDQUOT' as const } };

  test('raw: SQLITE_IOERR_WRITE, as if the disk were broken', async () => {
    using bench = createFaultBench();
    const child = bench.start(program);
    await child.ask('open', { subject: 'raw', journal: 'wal' });
    bench.faults.arm(rule);
    const answer = await child.ask<Answer>('insert', 1);
    assert.equal(answer.code, 'SQLITE_IOERR_WRITE');
    assert.equal(answer.obstacle, null);
  });

  for (const journal of ['wal', 'rollback'] as const) {
    test(`${journal}: rolled back for certain, 507, health says that there is no room, and it goes on with room`, async () => {
      using bench = createFaultBench();
      const child = bench.start(program);
      await child.ask('open', { subject: 'ours', journal });
      assert.equal((await child.ask<{ full: boolean }>('health')).full, false);
      bench.faults.arm(rule);
      for (const id of [1, 2]) {
        const { code, commitOutcome, obstacle, status, said } = await child.ask<Answer>('insert', id);
        assert.deepEqual([code, obstacle, status], ['SQLITE_IOERR_WRITE', 'EDQUOT', 507]);
        assert.equal(said, 'The database has no space left.');
        assert.equal(commitOutcome, 'rolled-back');
      }
      const full = await child.ask<{ status: string; reasons: string[]; full: boolean }>('health');
      assert.deepEqual([full.status, full.full], ['degraded', true]);
      assert.match(full.reasons.join(), /lack of space/);
      bench.faults.heal();
      assert.equal(await child.ask('insert', 3), null);
      child.kill();
      await child.ended;
      // What another process finds after SIGKILL is what was said.
      const db = new Native(join(bench.folder, 'app.db'));
      assert.deepEqual(db.prepare('SELECT id FROM t').pluck().all(), [3]);
      db.close();
    });
  }

  test('a write that the disk refuses with EIO in WAL mode stays unknown and fences', async () => {
    using bench = createFaultBench();
    const child = bench.start(program);
    await child.ask('open', { subject: 'ours', journal: 'wal' });
    bench.faults.arm({ ...rule, path: '*-wal', action: { fail: 'EIO' } });
    const answer = await child.ask<Answer>('insert', 1);
    assert.deepEqual([answer.commitOutcome, answer.status], ['unknown', 500]);
    assert.equal(answer.said, 'The change may or may not be stored.');
    const { status, full } = await child.ask<{ status: string; full: boolean }>('health');
    assert.deepEqual([status, full], ['fenced', false]);
  });
});

describe('a write that the system refuses for another reason', { skip }, () => {
  const program = join(import.meta.dirname, 'claims.scenario.mts');

  for (const [journal, status] of [
    ['wal', 'fenced'],
    ['rollback', 'degraded'],
  ] as const) {
    test(`EFBIG, as of \`ulimit -f\`, with ${journal}: ${status}`, async () => {
      using bench = createFaultBench();
      const child = bench.start(program);
      await child.ask('open', { subject: 'ours', journal });
      bench.faults.arm({ calls: 'write', path: '*', count: 'all', action: { fail: 'EFBIG' } });
      assert.equal((await child.ask<Answer>('insert', 1)).code, 'SQLITE_IOERR_WRITE');
      bench.faults.heal();
      assert.equal((await child.ask<{ status: string }>('health')).status, status);
    });
  }

  test('a statement on a filesystem that turned read-only does not fence, a sync of close() that fails there does', async () => {
    using bench = createFaultBench();
    const child = bench.start(program);
    await child.ask('open', { subject: 'ours', journal: 'wal' });
    assert.equal(await child.ask('insert', 1), null);
    bench.faults.arm({ calls: 'write', path: '*', count: 'all', action: { fail: 'EROFS' } });
    const answer = await child.ask<Answer>('insert', 2);
    assert.deepEqual([answer.code, answer.obstacle], ['SQLITE_IOERR_WRITE', 'EROFS']);
    assert.notEqual((await child.ask<{ status: string }>('health')).status, 'fenced');
    bench.faults.arm({ calls: ['fsync', 'fdatasync'], path: '*', count: 'all', action: { fail: 'EROFS' } });
    const closing = await child.ask<{ code: string }>('close');
    assert.equal(closing.code, 'SQLITE_IOERR_FSYNC');
    assert.ok(existsSync(join(bench.folder, 'app.db-fenced')));
  });
});

describe('`npx safe-sqlite checkpoint` has exit code 0 only when everything is in the database', () => {
  const cli = (...line: string[]) => {
    const { status, stdout } = spawnSync(process.execPath, [join(root, 'dist/cli/bin.js'), ...line], {
      encoding: 'utf8',
    });
    return { status, answer: JSON.parse(stdout) as { ok: boolean } };
  };

  function rollbackDatabase(): string {
    const file = join(folder, `${(count += 1)}.db`);
    const db = new Native(file);
    db.exec('CREATE TABLE t (a)');
    db.close();
    return file;
  }

  test('a fenced database with a rollback journal', () => {
    const file = rollbackDatabase();
    writeFenceMarker({
      file,
      time: new Date().toISOString(),
      code: 'SQLITE_IOERR_FSYNC',
      operation: 'commit',
      message: 'disk I/O error',
    });
    const before = readFileSync(file);
    const { status, answer } = cli('checkpoint', file, '--json');
    assert.deepEqual([status, answer.ok], [1, false]);
    assert.deepEqual(readFileSync(file), before);
  });

  test('a database with a hot journal, which is played back first', () => {
    const [source, file] = [rollbackDatabase(), join(folder, `${(count += 1)}.db`)];
    const db = new Native(source);
    db.exec(`PRAGMA cache_size = 1; BEGIN; WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 100)
      INSERT INTO t SELECT zeroblob(3000) FROM n`);
    for (const suffix of ['', '-journal']) writeFileSync(file + suffix, readFileSync(source + suffix));
    db.close();
    const { status, answer } = cli('checkpoint', file, '--json');
    assert.deepEqual([status, answer.ok, existsSync(`${file}-journal`)], [0, true, false]);
    const played = new Native(file);
    assert.equal(played.pragma('integrity_check', { simple: true }), 'ok');
    assert.equal(played.prepare('SELECT count(*) FROM t').pluck().get(), 0);
    played.close();
  });
});

test('the age of the newest backup is a metric before there is one, so that an alert on it can fire', () => {
  writeFileSync(join(folder, 'no-folder'), '');
  const db = fresh({ backup: { directory: join(folder, 'no-folder', 'backups') } });
  assert.match(db.metrics(), /^safe_sqlite_backup_age_seconds\{[^}]*\} \d/m);
  db.close();
});

describe('warnings of an open', () => {
  const file = join(folder, 'warned.db');
  const ends: Readonly<Record<string, string>> = {
    'process.exit': 'process.exit(0);',
    'an exception': "throw new Error('mine');",
    'the end of the program': '',
  };
  for (const [name, end] of Object.entries(ends)) {
    test(`are logged before the process ends by ${name}`, () => {
      const text = `const { Database } = require('safe-sqlite');
        new Database(${JSON.stringify(file)}, { dangerously: { allowUnsyncedCommits: 'bulk load of a test' } });
        ${end}`;
      const child = spawnSync(process.execPath, ['-e', text], { cwd: root, encoding: 'utf8' });
      assert.match(child.stderr, /unsynced-commits-allowed/);
      assert.match(child.stderr, /bulk load of a test/);
    });
  }

  test('reach a listener that was added behind the open, once', async () => {
    const db = fresh({ dangerously: { allowUnsyncedCommits: 'rows of a test, which are thrown away' } });
    const heard: string[] = [];
    db.events.on('warning', ({ code }) => heard.push(code));
    await new Promise(resolve => setImmediate(resolve));
    assert.equal(heard.filter(code => code === 'unsynced-commits-allowed').length, 1);
    db.close();
  });
});

test('EXTRA with every rollback journal, also after a switch, and however it is asked for less', () => {
  for (const mode of ['DELETE', 'TRUNCATE', 'PERSIST']) {
    const raw = new Native(join(folder, `raw-${mode}.db`));
    raw.pragma('journal_mode = WAL');
    raw.pragma(`journal_mode = ${mode}`);
    assert.notEqual(raw.pragma('synchronous', { simple: true }), 3);
    raw.close();
    const db = fresh();
    for (const way of [
      () => db.pragma(`journal_mode = ${mode}`),
      () => db.exec(`PRAGMA journal_mode = WAL; PRAGMA journal_mode = ${mode}; CREATE TABLE IF NOT EXISTS t (a)`),
      () => db.prepare(`PRAGMA journal_mode = ${mode}`).get(),
      () => db.exec('PRAGMA synchronous = FULL'),
      () => db.pragma('synchronous = NORMAL'),
    ]) {
      way();
      assert.equal(db.pragma('journal_mode', { simple: true }), mode.toLowerCase());
      assert.equal(db.pragma('synchronous', { simple: true }), 3, mode);
    }
    db.pragma('journal_mode = WAL');
    assert.equal(db.pragma('synchronous', { simple: true }), 2);
    db.close();
  }
});

test('health and metrics tell the journal mode and the level in force', () => {
  const db = fresh({ dangerously: { allowUnsyncedCommits: 'rows of a test, which are thrown away' } });
  const told = () => [db.health().journalMode, db.health().synchronous];
  assert.deepEqual(told(), ['wal', 'full']);
  db.pragma('synchronous = NORMAL');
  assert.deepEqual(told(), ['wal', 'normal']);
  assert.match(db.metrics(), /safe_sqlite_info\{[^}]*journal_mode="wal",synchronous="normal"/);
  db.pragma('journal_mode = PERSIST');
  assert.equal(told()[0], 'persist');
  // While an iterator is open, and while a statement runs.
  db.exec('CREATE TABLE t (a); INSERT INTO t VALUES (1), (2)');
  const rows = db.prepare('SELECT a FROM t').iterate();
  rows.next();
  assert.equal(told()[0], 'persist');
  rows.return?.();
  db.function('ask', () => db.health().status);
  assert.equal(typeof db.prepare('SELECT ask()').pluck().get(), 'string');
  db.close();
});

test('health is frozen to the bottom, and the database goes on changing what it was gathered from', async () => {
  const db = fresh();
  db.exec('CREATE TABLE t (a)');
  const health = db.health();
  const look = (value: unknown, path: string): void => {
    if (typeof value !== 'object' || value === null) return;
    assert.ok(Object.isFrozen(value), path);
    for (const [name, member] of Object.entries(value)) look(member, `${path}.${name}`);
  };
  look(health, 'health');
  await db.write(() => db.exec('INSERT INTO t VALUES (1)'));
  await db.checkpoint();
  assert.equal(health.writes.committed, 0);
  assert.equal(db.health().writes.committed, 1);
  db.close();
});

test('a backup that met a lock says `retryable`, as its hint says', async () => {
  const db = fresh({ journalMode: 'rollback', timeout: 0 });
  db.exec('CREATE TABLE t (a)');
  const other = new Native(db.name);
  other.exec('BEGIN EXCLUSIVE');
  const busy = await db.backup(join(folder, 'copy.db')).then(
    () => null,
    (error: unknown) => error,
  );
  other.close();
  assert.ok(busy instanceof BackupError);
  assert.match(busy.hint, /^Try again/);
  assert.equal(busy.retryable, true);
  const missing = await db.backup(join(folder, 'no', 'such', 'copy.db')).then(
    () => null,
    (error: unknown) => error,
  );
  assert.equal((missing as { retryable?: boolean }).retryable, false);
  db.close();
});

test('the hint of a foreign key says where the transaction is still open, and where not', async () => {
  const db = fresh();
  db.exec(`PRAGMA foreign_keys = ON; CREATE TABLE p (id INTEGER PRIMARY KEY);
    CREATE TABLE c (p REFERENCES p DEFERRABLE INITIALLY DEFERRED)`);
  const insert = () => db.prepare('INSERT INTO c VALUES (5)').run();
  const said: unknown[] = [];
  for (const way of [() => db.transaction(insert)(), () => db.write(insert)]) {
    await assert.rejects(
      async () => way(),
      (error: unknown) => error instanceof SqliteForeignKeyError && said.push(error.hint) > 0,
    );
    assert.equal(db.inTransaction, false);
  }
  db.exec('BEGIN');
  insert();
  assert.throws(() => db.exec('COMMIT'), SqliteForeignKeyError);
  assert.equal(db.inTransaction, true);
  db.exec('ROLLBACK');
  for (const hint of said) assert.match(String(hint), /At a COMMIT of your own .* have rolled it back/);
  db.close();
});

test('`commitOutcome` is set by a failed COMMIT, and where SQLite rolls the transaction of a db.write back, nowhere else', async () => {
  const db = fresh();
  db.exec('CREATE TABLE once (x PRIMARY KEY ON CONFLICT ROLLBACK); INSERT INTO once VALUES (1)');
  const insert = db.prepare('INSERT INTO once VALUES (1)');
  const outcomeOf = async (run: () => unknown) => {
    const thrown = await (async () => run())().catch((error: unknown) => error);
    return (thrown as { commitOutcome?: string }).commitOutcome;
  };
  assert.equal(await outcomeOf(() => insert.run()), undefined);
  assert.equal(await outcomeOf(() => db.exec('BEGIN; INSERT INTO once VALUES (1); COMMIT')), undefined);
  assert.equal(await outcomeOf(() => db.write(() => insert.run())), 'rolled-back');
  db.close();
});

test('verbose sees no statement of this library', async () => {
  const seen: unknown[] = [];
  const db = fresh({ verbose: text => seen.push(text) });
  db.exec('CREATE TABLE t (a)');
  await db.write(() => db.exec('INSERT INTO t VALUES (1)'));
  await db.withSnapshot(() => db.exec('INSERT INTO t VALUES (2)'), { directory: folder });
  db.health();
  assert.deepEqual(seen, ['CREATE TABLE t (a)', 'INSERT INTO t VALUES (1)', 'INSERT INTO t VALUES (2)']);
  db.close();
});

test('commits are timed also with sentinel and checkpoints off, and those by hand are not', () => {
  const db = fresh({ sentinel: 'off', checkpoint: 'off' });
  db.exec('CREATE TABLE t (a)');
  const insert = db.prepare('INSERT INTO t VALUES (1)');
  const before = db.health().commitMs.count;
  insert.run();
  db.transaction(() => insert.run())();
  assert.equal(db.health().commitMs.count - before, 2);
  db.exec('BEGIN; INSERT INTO t VALUES (1); COMMIT');
  assert.equal(db.health().commitMs.count - before, 2);
  db.close();
});

test('the event `checkpoint` is complete; one that a reader stops is `checkpointBlocked`', async () => {
  const db = fresh();
  db.exec('CREATE TABLE t (a)');
  const told: [string, boolean][] = [];
  for (const name of ['checkpoint', 'checkpointBlocked'] as const)
    db.events.on(name, (event: { readonly complete: boolean }) => void told.push([name, event.complete]));
  const reader = new Native(db.name);
  reader.exec('BEGIN; SELECT * FROM t');
  reader.prepare('SELECT * FROM t').all();
  db.exec('INSERT INTO t VALUES (1)');
  await db.checkpoint();
  reader.close();
  await db.checkpoint();
  assert.deepEqual(told, [
    ['checkpointBlocked', false],
    ['checkpoint', true],
  ]);
  db.close();
});

test('world-writable is reported where others can reach the file, not behind a folder that is closed to them', async () => {
  for (const [mode, told] of [
    [0o755, true],
    [0o700, false],
  ] as const) {
    const home = join(folder, `mode-${mode}`);
    mkdirSync(home);
    const file = join(home, 'app.db');
    writeFileSync(file, '');
    chmodSync(file, 0o666);
    chmodSync(home, mode);
    const { findings } = await diagnose(file);
    assert.equal(
      findings.some(({ code }) => code === 'world-writable'),
      told,
    );
  }
});

test('a misspelt option names the nearest one, and the hint of a call does not promise a page that lacks it', () => {
  assert.throws(
    () => fresh({ readOnly: true } as never),
    (error: unknown) => error instanceof InvalidOptionError && /Did you mean `readonly`/.test(error.message),
  );
  const page = readFileSync(join(root, 'docs/reference.md'), 'utf8');
  for (const option of ['priority', 'stepTimeoutMs', 'pagesPerSecond']) assert.ok(page.includes(option), option);
});

type Row = readonly [page: string, words: string, test: string, file?: string];

const here = 'test/docs/claims.test.mts';

/** In the order of the audit that found them. */
const sentences: readonly Row[] = [
  ['fencing.md', '`health()` says that there is no room', 'a quota that is used up'],
  ['express.md', 'for want of room or quota (`details.obstacle`)', 'a quota that is used up'],
  ['alerts.md', "`reason: 'storage'`", 'tells the reason', 'test/sentinel/told-apart.test.mts'],
  ['metrics.md', '`safe_sqlite_out_of_service`', 'tells the reason', 'test/sentinel/told-apart.test.mts'],
  ['express.md', "(`commitOutcome: 'unknown'`)", 'a quota that is used up'],
  [
    'express.md',
    'every other constraint: NOT NULL, CHECK',
    'answers exactly the codes of the table',
    'test/express/answer-error.test.mts',
  ],
  [
    'express.md',
    'closed (`SAFE_SQLITE_CLOSED`)',
    'answers exactly the codes of the table',
    'test/express/answer-error.test.mts',
  ],
  ['options.md', 'is logged at every open', 'warnings of an open'],
  ['metrics.md', 'logged before it returns', 'warnings of an open'],
  ['metrics.md', '0 while `up` is 0', 'tells the reason', 'test/sentinel/told-apart.test.mts'],
  [
    'errors.md',
    'have rolled it back',
    'the hint of a foreign key says where the transaction is still open, and where not',
  ],
  ['options.md', 'rollback journal the level is always EXTRA', 'EXTRA with every rollback journal'],
  ['journal-modes.md', '`synchronous=EXTRA`, always', 'EXTRA with every rollback journal'],
  ['options.md', 'It does not receive the statements of this', 'verbose sees no statement of this library'],
  ['metrics.md', 'Not timed: COMMIT by hand', 'commits are timed also with sentinel and checkpoints off'],
  ['metrics.md', 'the others are `checkpointBlocked`', 'the event `checkpoint` is complete'],
  ['checkpoints.md', 'a checkpoint copied every frame into the database', 'the event `checkpoint` is complete'],
  ['metrics.md', 'in force now', 'health and metrics tell the journal mode and the level in force'],
  ['metrics.md', 'frozen to the bottom', 'health is frozen to the bottom'],
  ['options.md', 'for an unknown name it suggests the nearest one', 'a misspelt option names the nearest one'],
  ['errors.md', 'the API reference has those of every call', 'a misspelt option names the nearest one'],
  ['alerts.md', '`non-durable-sync`', 'a sync that does nothing', 'test/proc/sync-probe.test.mts'],
  [
    'differences.md',
    'shadow tables stay protected',
    'with unsafeMode shadow tables stay protected',
    'test/sql/unsafe-mode.test.mts',
  ],
  [
    'errors.md',
    'begins at the line that called',
    'the stack begins at the line of the caller',
    'test/errors/callers-line.test.mts',
  ],
  [
    'errors.md',
    'comes out as the very object',
    'what the application throws is the very object',
    'test/errors/callers-line.test.mts',
  ],
  [
    'backups.md',
    'An old backup that cannot be removed is a `warning`',
    'an old backup that cannot be removed is reported once',
    'test/backup/schedule.test.mts',
  ],
  [
    'backups.md',
    'due one interval after the newest in the folder, whoever made it',
    'processes that start with the same schedule make one backup',
    'test/backup/schedule.test.mts',
  ],
  [
    'metrics.md',
    'before the first one, of the schedule',
    'the age of the newest backup is a metric before there is one',
  ],
  [
    'fencing.md',
    'A checkpoint or `close()` whose sync fails there fences',
    'a statement on a filesystem that turned read-only does not fence',
  ],
  ['fencing.md', 'as EFBIG at `ulimit -f` in WAL mode', 'a write that the system refuses for another reason'],
  [
    'fencing.md',
    'ATTACH fails',
    'a file that is no database, attached in a text with other statements',
    'test/connection/attachments.test.mts',
  ],
  [
    'options.md',
    'less often behind a reader that pins it',
    'doubles to its limit, with a quarter of jitter',
    'test/policy/checkpoint.test.mts',
  ],
  [
    'checkpoints.md',
    'less often while a reader pins it',
    'doubles to its limit, with a quarter of jitter',
    'test/policy/checkpoint.test.mts',
  ],
  [
    'metrics.md',
    'or for one while a `db.write` waits for it',
    'a transaction held open across an await is waited for, never joined, and told when it takes long',
    'test/writes/busy-retry.test.mts',
  ],
  [
    'checkpoints.md',
    'or for one while a `db.write` waits for it',
    'a transaction held open across an await is waited for, never joined, and told when it takes long',
    'test/writes/busy-retry.test.mts',
  ],
  [
    'alerts.md',
    'The `-shm` counts commits of a `-wal` that is gone',
    'deleted or emptied after a process was killed',
    'test/doctor/diagnose.test.mts',
  ],
  [
    'doctor.md',
    'counts transactions of a `-wal` that is gone or empty',
    'deleted or emptied after a process was killed',
    'test/doctor/diagnose.test.mts',
  ],
  [
    'fencing.md',
    'until then they may commit once more',
    'reaches a process that has it open already',
    'test/fence/fence.test.mts',
  ],
  [
    'doctor.md',
    'everything is in the database',
    '`npx safe-sqlite checkpoint` has exit code 0 only when everything is in the database',
  ],
  [
    'doctor.md',
    '`--json`, which prints one object',
    'mistakes: exit code 2, nothing on standard output',
    'test/cli/main.test.mts',
  ],
  [
    'backups.md',
    '`--json` prints one object',
    'mistakes: exit code 2, nothing on standard output',
    'test/cli/main.test.mts',
  ],
  [
    'doctor.md',
    'Every user of this machine can write the files',
    'world-writable is reported where others can reach the file',
  ],
  ['errors.md', 'may succeed later by itself', 'a backup that met a lock says `retryable`, as its hint says'],
  [
    'differences.md',
    'the name of a `-wal`, `-shm` or `-journal` of a database that is open in this process',
    'is refused, and no lock is lost',
    'test/open/sidecar-names.test.mts',
  ],
  [
    'errors.md',
    'with which SQLite has rolled back the whole transaction of a `db.write`',
    '`commitOutcome` is set by a failed COMMIT',
  ],
  [
    'backups.md',
    'what counts is the key that is missing, not the number of the row',
    'refuse nothing behind ${name}',
    'test/backup/snapshot.test.mts',
  ],
  [
    'journal-modes.md',
    '`OFF` and `MEMORY` are [not applied](pragmas.md)',
    'PRAGMA ${text} by ${way}',
    'test/drop-in/weaker-pragmas.test.mts',
  ],
];

for (const [page, words, name, file = here] of sentences) {
  test(`docs/${page} says "${words}", and a test holds it`, () => {
    const said = readFileSync(join(root, 'docs', page), 'utf8').replaceAll(/\s+/g, ' ');
    assert.ok(said.includes(words), `docs/${page} does not say it any more`);
    assert.ok(existsSync(join(root, file)), file);
    const declared = [
      ...readFileSync(join(root, file), 'utf8').matchAll(/\b(?:test|describe)\(\s*(['`"])(.*?)(?<!\\)\1/gs),
    ];
    assert.ok(
      declared.some(([, , title = '']) => title.startsWith(name)),
      `${file} has no test called "${name}"`,
    );
  });
}
