import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import Native from 'better-sqlite3';
import { Database, diagnose, OrphanedJournalError, verifyDatabase } from 'safe-sqlite';
import { whoCopied, type ComparedPage } from '../../dist/open/foreign-wal.js';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'safe-sqlite-foreign-wal-')));
after(() => rmSync(folder, { recursive: true, force: true }));
const cli = join(import.meta.dirname, '../../dist/cli/bin.js');
const linux = process.platform === 'linux' ? false : 'needs the /proc of Linux';

const template = join(folder, 'template');
before(() => {
  mkdirSync(template);
  const file = join(template, 'app.db');
  run(
    file,
    "db.exec('CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT, k TEXT); CREATE INDEX i ON t(k)'); fill('a', 700); db.close()",
  );
  copyFileSync(file, join(template, 'backup.db'));
  run(file, "fill('y', 8000); db.close()");
});

/** A database that a service was killed over, with `script` as its last acts, and an older backup of it. */
function killed(script = "fill('x', 700)"): { file: string; backup: string } {
  const place = mkdtempSync(join(folder, 'db-'));
  const [file, backup] = ['app.db', 'backup.db'].map(name => {
    const path = join(place, name);
    copyFileSync(join(template, name), path);
    // As old as it was: the times are what is judged.
    const { atime, mtime } = statSync(join(template, name));
    utimesSync(path, atime, mtime);
    return path;
  }) as [string, string];
  run(file, `${script}; process.kill(process.pid, 'SIGKILL')`);
  assert.ok(existsSync(`${file}-wal`));
  return { file, backup };
}

function run(file: string, script: string): void {
  const program = `const db = new (require('better-sqlite3'))(process.argv[1]);
    db.pragma('journal_mode = WAL'); db.pragma('wal_autocheckpoint = 0');
    const fill = (word, count) => { const insert = db.prepare('INSERT INTO t(v, k) VALUES (?, ?)');
      for (let n = 0; n < count; n++) insert.run(word + n, String((n * 7919) % 1000)); };
    ${script}`;
  spawnSync(process.execPath, ['-e', program, file], { stdio: 'inherit' });
}

/** A copy of the database and its -wal. */
function copied(file: string): string {
  const copy = join(mkdtempSync(join(folder, 'copy-')), 'app.db');
  for (const suffix of ['', '-wal']) copyFileSync(`${file}${suffix}`, `${copy}${suffix}`);
  return copy;
}

function soundness(file: string): string {
  const db = new Native(file);
  try {
    db.pragma('ignore_check_constraints=ON');
    return String(db.pragma('integrity_check(1)', { simple: true }));
  } finally {
    db.close();
  }
}

function rows(db: Native.Database, like: string): unknown {
  return db.prepare('SELECT count(*) FROM t WHERE v LIKE ?').pluck().get(like);
}

/** Ways in which a file comes to stand at the name of the database after the service was killed. */
const arrivals: Readonly<Record<string, (file: string, backup: string) => void>> = {
  'cp into the same file': (file, backup) => copyFileSync(backup, file),
  'cp -p into the same file': (file, backup) => void spawnSync('cp', ['-p', backup, file]),
  'mv over it': (file, backup) => renameSync(backup, file),
  'rm and cp': (file, backup) => {
    rmSync(file);
    copyFileSync(backup, file);
  },
};

describe('a forgotten -wal beside a restored backup', { skip: linux }, () => {
  for (const [name, arrive] of Object.entries(arrivals)) {
    test(`${name}: raw better-sqlite3 breaks the database, ours refuses, and both ways out work`, async () => {
      const raw = killed();
      arrive(raw.file, raw.backup);
      assert.notEqual(soundness(raw.file), 'ok');

      const { file, backup } = killed();
      arrive(file, backup);
      const { size } = statSync(file);
      const diagnosis = await diagnose(file);
      assert.ok(!JSON.stringify(diagnosis.findings).includes('npx safe-sqlite checkpoint'), 'the doctor takes it in');
      const examined = await diagnose(file, { full: true });
      const damaged = examined.findings.find(({ code }) => code === 'damaged');
      assert.match(damaged?.action ?? '', /move the -wal and the -shm away/);
      const report = await verifyDatabase(file);
      assert.equal(report.ok, false);
      assert.match(report.problems[0] ?? '', /app\.db-wal is older than the database .* move it and /);
      const verified = spawnSync(process.execPath, [cli, 'verify', file], { encoding: 'utf8' });
      assert.equal(verified.status, 1);
      assert.match(verified.stdout, /move the -wal\s+and the -shm\s+away/);
      const checkpointed = spawnSync(process.execPath, [cli, 'checkpoint', file], { encoding: 'utf8' });
      assert.equal(checkpointed.status, 1);
      assert.match(checkpointed.stdout + checkpointed.stderr, /move (the -wal\s+and the -shm\s+away|\S+-wal)/);
      assert.throws(
        () => new Database(file, { logger: false }),
        (error: unknown) => error instanceof OrphanedJournalError && (error.hint ?? '').includes(`move ${file}-wal`),
      );
      assert.equal(statSync(file).size, size, 'something was copied');
      // The first way out: what the hint says.
      renameSync(`${file}-wal`, `${file}.old-wal`);
      rmSync(`${file}-shm`, { force: true });
      const db = new Database(file, { logger: false });
      assert.equal(rows(db as unknown as Native.Database, 'a%'), 700);
      db.close();
      assert.equal(soundness(file), 'ok');
    });
  }

  test('a page that is as it was in the backup proves nothing: a flag was set and reset', () => {
    const toggled = `db.exec("UPDATE t SET v = 'b0' WHERE id = 1"); db.exec("UPDATE t SET v = 'a0' WHERE id = 1"); fill('x', 700)`;
    const raw = killed(toggled);
    copyFileSync(raw.backup, raw.file);
    assert.notEqual(soundness(raw.file), 'ok');
    const { file, backup } = killed(toggled);
    copyFileSync(backup, file);
    assert.throws(() => new Database(file, { logger: false }), OrphanedJournalError);
  });

  test('`checkpoint` copies no -wal that nothing ties to the database, and what it says mends it', async () => {
    const file = join(mkdtempSync(join(folder, 'db-')), 'app.db');
    const backup = `${file}.backup`;
    copyFileSync(join(template, 'backup.db'), file);
    copyFileSync(file, backup);
    run(file, `db.exec("UPDATE t SET v = 'b0' WHERE id = 1"); process.kill(process.pid, 'SIGKILL')`);
    await sleep(50);
    copyFileSync(backup, file);
    assert.equal(soundness(`${copied(file)}`), 'ok', 'raw better-sqlite3 mixes the two, and sees no fault');
    const refused = spawnSync(process.execPath, [cli, 'checkpoint', file], { encoding: 'utf8' });
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /was not copied: nothing shows that it belongs/);
    const command = /`(mv \S+ \S+)`/.exec(refused.stderr.replaceAll(/\n\s*/g, ' '))?.[1] ?? '';
    execFileSync('sh', ['-ec', command]);
    rmSync(`${file}-shm`, { force: true });
    copyFileSync(backup, file);
    const db = new Database(file, { logger: false });
    assert.equal(rows(db as unknown as Native.Database, 'b0'), 0);
    db.close();
  });

  test('a -wal of a database that was far larger is refused, also where the times say nothing', () => {
    const { file, backup } = killed(`db.exec("UPDATE t SET v = 'b0' WHERE id = 1")`);
    copyFileSync(backup, file);
    const { atime, mtime } = statSync(`${file}-wal`);
    utimesSync(file, atime, mtime);
    assert.throws(() => new Database(file, { logger: false }), OrphanedJournalError);
  });

  const pages = (...copied: readonly (readonly [page: number, isCopied: boolean])[]): ComparedPage[] =>
    copied.map(([page, isCopied]) => ({ page, isCopied }));
  const many = (from: number, isCopied: boolean): ComparedPage[] =>
    Array.from({ length: 8 }, (_, n) => ({ page: from + n, isCopied }));
  const tables: readonly [string, ComparedPage[], string][] = [
    ['all', pages([5, true], [2, true]), 'by a checkpoint'],
    ['none', pages([5, false], [2, false]), 'none'],
    ['one, the first', pages([2, true], [5, false]), 'some'],
    ['seven, the first', [...many(1, true).slice(1), ...pages([20, false])], 'some'],
    ['eight, of the first frames', [...many(50, true), ...many(10, false)], 'by a checkpoint'],
    ['eight, of the lowest numbers', [...many(50, false), ...many(10, true)], 'by a checkpoint'],
    ['eight, scattered', [...many(50, true), ...many(10, false), ...many(70, true)], 'some'],
  ];
  for (const [what, compared, expected] of tables)
    test(`pages that equal a frame: ${what}`, () => assert.equal(whoCopied(compared), expected));

  test('the second way out: the database of the -wal comes back, and nothing is lost', () => {
    const { file, backup } = killed();
    const original = `${file}.original`;
    copyFileSync(file, original);
    copyFileSync(backup, file);
    assert.throws(() => new Database(file, { logger: false }), OrphanedJournalError);
    copyFileSync(original, file);
    const db = new Database(file, { logger: false });
    assert.equal(rows(db as unknown as Native.Database, 'x%'), 700);
    db.close();
  });
});

/** What a crash leaves, and what people do to it before the next start. */
const crashes: Readonly<Record<string, [script: string, between: (file: string) => void]>> = {
  'nothing was copied yet': ["fill('x', 700)", () => {}],
  'everything was copied': ["fill('x', 700); db.pragma('wal_checkpoint(PASSIVE)')", () => {}],
  'a part was copied': ["fill('x', 600); db.pragma('wal_checkpoint(PASSIVE)'); fill('x', 100)", () => {}],
  'the WAL has started over': ["fill('x', 600); db.pragma('wal_checkpoint(RESTART)'); fill('x', 100)", () => {}],
  chmod: ["fill('x', 700)", file => chmodSync(file, 0o640)],
  touch: ["fill('x', 700)", file => utimesSync(file, new Date(), new Date())],
  'touch, with a row that violates a CHECK constraint': [
    "db.exec('CREATE TABLE c (a CHECK (a > 0)); PRAGMA ignore_check_constraints=ON; INSERT INTO c VALUES (-1)'); fill('x', 700)",
    file => utimesSync(file, new Date(), new Date()),
  ],
  'the folder was copied': [
    "fill('x', 700)",
    file => {
      for (const suffix of ['-wal', '-shm', '']) {
        copyFileSync(`${file}${suffix}`, `${file}.copy${suffix}`);
        rmSync(`${file}${suffix}`);
      }
      for (const suffix of ['-wal', '-shm', '']) renameSync(`${file}.copy${suffix}`, `${file}${suffix}`);
    },
  ],
};

describe('an ordinary crash opens as it does with better-sqlite3', () => {
  for (const [name, [script, between]] of Object.entries(crashes)) {
    test(name, () => {
      const { file } = killed(script);
      between(file);
      const db = new Database(file, { logger: false });
      assert.equal(rows(db as unknown as Native.Database, 'x%'), 700);
      db.close();
      assert.equal(soundness(file), 'ok');
    });
  }
});

test(
  'after the database was replaced, the restart that the hint asks for is safe, and nothing of the old one is gone',
  { skip: linux },
  () => {
    const place = mkdtempSync(join(folder, 'replaced-'));
    const file = join(place, 'app.db');
    const fresh = join(place, 'new.db');
    for (const [path, count] of [
      [file, 4000],
      [fresh, 900],
    ] as const) {
      run(
        path,
        `db.exec('CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT, k TEXT); CREATE INDEX i ON t(k)'); fill('n', ${count}); db.close()`,
      );
    }
    const db = new Database(file, { logger: false });
    db.exec("INSERT INTO t(v, k) SELECT 'live', k FROM t LIMIT 700");
    // In a process of its own: the process guard would refuse it here.
    execFileSync('mv', [fresh, file]);
    assert.throws(() => db.exec('DELETE FROM t'), { code: 'SAFE_SQLITE_FILE_REPLACED' });
    db.close();
    const left = readdirSync(place);
    assert.equal(left.filter(entry => entry.includes('.set-aside-')).length, 2);
    assert.ok(!left.includes('app.db-wal'));
    const rescued = left.find(entry => entry.includes('.rescued-'));
    assert.ok(rescued);
    const saved = new Native(join(place, rescued));
    assert.equal(rows(saved, '%'), 4700);
    saved.close();
    const restarted = new Database(file, { logger: false });
    assert.equal(rows(restarted as unknown as Native.Database, '%'), 900);
    restarted.close();
    assert.equal(soundness(file), 'ok');
  },
);

describe('a forgotten -wal beside a restored backup that is attached', { skip: linux }, () => {
  for (const [name, arrive] of Object.entries(arrivals)) {
    test(`${name}: raw better-sqlite3 breaks the file, ours refuses ATTACH in each form, and the hint works`, () => {
      const raw = killed();
      arrive(raw.file, raw.backup);
      const rawMain = new Native(join(folder, `raw-main-${name.length}.db`));
      rawMain.prepare('ATTACH ? AS other').run(raw.file);
      try {
        rawMain.exec('DETACH other');
      } catch {
        // What it says is not the point.
      }
      rawMain.close();
      assert.notEqual(soundness(raw.file), 'ok');

      const { file, backup } = killed();
      arrive(file, backup);
      const { size } = statSync(file);
      const db = new Database(':memory:', { logger: false });
      const forms: readonly (() => unknown)[] = [
        () => db.attach(file, 'other'),
        () => db.exec(`ATTACH '${file}' AS other; INSERT INTO other.t(v, k) VALUES ('a', 'b')`),
        () => db.prepare('ATTACH ? AS other').run(file),
      ];
      for (const form of forms) {
        assert.throws(
          form,
          (error: unknown) => error instanceof OrphanedJournalError && (error.hint ?? '').includes(`move ${file}-wal`),
        );
        assert.equal(statSync(file).size, size, 'something was copied');
        assert.ok(existsSync(`${file}-wal`));
      }
      renameSync(`${file}-wal`, `${file}.old-wal`);
      rmSync(`${file}-shm`, { force: true });
      db.attach(file, 'other');
      assert.equal(db.prepare("SELECT count(*) FROM other.t WHERE v LIKE 'a%'").pluck().get(), 700);
      db.close();
      assert.equal(soundness(file), 'ok');
    });
  }

  for (const [name, [script, between]] of Object.entries(crashes)) {
    test(`an ordinary crash attaches as before: ${name}`, () => {
      const { file } = killed(script);
      between(file);
      const db = new Database(':memory:', { logger: false });
      db.attach(file, 'other');
      assert.equal(db.prepare("SELECT count(*) FROM other.t WHERE v LIKE 'x%'").pluck().get(), 700);
      db.close();
      assert.equal(soundness(file), 'ok');
    });
  }
});
