/** A database that nothing is committed to is checked less often, and a commit ends its rest. */
import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Database } from 'safe-sqlite';
import { untilNextCheck, untilNextSurvey } from '../../dist/sentinel/rounds.js';

const long = process.env['LONG_TESTS'] === undefined ? 'runs in the long form: it waits for a rest' : false;

test('the delay of the next check', () => {
  assert.equal(untilNextCheck(1000, 0), 1000);
  assert.equal(untilNextCheck(1000, 9_999), 1000);
  assert.equal(untilNextCheck(1000, 10_000), 5000);
  assert.equal(untilNextCheck(100, 59_999), 500);
  assert.equal(untilNextCheck(1000, 60_000), 10_000);
});

test('the delay of the next survey: ten intervals, and at most thirty seconds while all databases rest', () => {
  assert.equal(untilNextSurvey(1000, 1000), 10_000);
  assert.equal(untilNextSurvey(1000, 5000), 30_000);
  assert.equal(untilNextSurvey(100, 500), 5000);
  assert.equal(untilNextSurvey(10_000, 50_000), 100_000);
});

function open(t: TestContext): { readonly file: string; readonly db: Database } {
  const folder = mkdtempSync(join(tmpdir(), 'safe-sqlite-rest-'));
  const file = join(folder, 'app.db');
  const db = new Database(file, { logger: false, sentinel: { intervalMs: 100 }, rescueDirectory: folder });
  t.after(() => {
    try {
      db.close();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
  db.exec('CREATE TABLE t(a); INSERT INTO t VALUES (1)');
  return { file, db };
}

const checksOf = (db: Database): number => db.health().sentinel?.checks ?? 0;

async function checksIn(db: Database, ms: number): Promise<number> {
  const before = checksOf(db);
  await sleep(ms);
  return checksOf(db) - before;
}

test('an idle database rests, is still watched, and a commit ends its rest', { skip: long }, async t => {
  const { db } = open(t);
  const busy = await checksIn(db, 3000);
  await sleep(11_000);
  const resting = await checksIn(db, 3000);
  assert.ok(resting > 0 && resting * 2 < busy, `${resting} checks at rest, ${busy} before`);
  db.exec('INSERT INTO t VALUES (2)');
  const awake = await checksIn(db, 3000);
  assert.ok(awake > resting * 2, `${awake} checks after a commit, ${resting} at rest`);
});

test('a database that is replaced at rest is noticed without a commit', { skip: long }, async t => {
  const { file, db } = open(t);
  await sleep(11_000);
  const replaced = new Promise(resolve => db.events.once('fileReplaced', resolve));
  renameSync(file, `${file}.moved`);
  writeFileSync(file, '');
  await replaced;
  assert.equal(db.health().status, 'fenced');
});
