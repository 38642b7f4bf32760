/** Tests that a failed open, a close and the end of a worker leave nothing in the registry. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import Native from 'better-sqlite3';
import { Database } from 'safe-sqlite';
import { registeredFiles } from '../../dist/registry/registry.js';
import { filesOfOtherThreads } from '../../dist/registry/thread-table.js';

const folder = mkdtempSync(join(tmpdir(), 'safe-sqlite-released-'));
after(() => rmSync(folder, { recursive: true, force: true }));

test('an open that fails in SQLite leaves the file free in the registry', () => {
  const file = join(folder, 'text.db');
  writeFileSync(file, 'This is no database, and it is long enough for a header: '.repeat(50));
  assert.throws(
    () => new Database(file, { logger: false }),
    (error: Error & { code?: string }) => {
      assert.equal(error.code, 'SQLITE_NOTADB');
      assert.ok(error.message.includes(file), error.message);
      return true;
    },
  );
  assert.deepEqual(registeredFiles(), []);
});

test('after close() the process guard lets the same call pass', async () => {
  const { installProcessGuard } = await import('safe-sqlite');
  const remove = installProcessGuard();
  try {
    const file = join(folder, 'guarded.db');
    const db = new Database(file, { logger: false });
    db.exec('CREATE TABLE t (x)');
    assert.throws(() => readFileSync(db.name), { code: 'SAFE_SQLITE_COPY_CONFLICT' });
    db.close();
    assert.ok(readFileSync(file).length > 0);
    copyFileSync(file, join(folder, 'copy.db'));
  } finally {
    remove();
  }
});

describe('a file of another thread', () => {
  const program = `
    const { parentPort, workerData } = require('node:worker_threads');
    const { Database } = require(workerData.library);
    const db = new Database(workerData.file, { logger: false });
    db.exec('CREATE TABLE IF NOT EXISTS t (x)');
    parentPort.postMessage('open');
    parentPort.once('message', () => { db.close(); parentPort.postMessage('closed'); setInterval(() => {}, 1000); });
  `;
  const start = async (file: string): Promise<Worker> => {
    const library = join(import.meta.dirname, '../../dist/index.js');
    const worker = new Worker(program, { eval: true, workerData: { file, library } });
    await once(worker, 'message');
    return worker;
  };
  const known = (file: string): boolean => filesOfOtherThreads().some(other => other.file === file);

  test('is not known any more once it is closed there', async () => {
    const file = join(folder, 'closed-there.db');
    const worker = await start(file);
    assert.equal(known(file), true);
    worker.postMessage('close');
    await once(worker, 'message');
    assert.equal(known(file), false);
    await worker.terminate();
  });

  test('is not known any more once its thread was terminated', async () => {
    const file = join(folder, 'terminated.db');
    const worker = await start(file);
    assert.equal(known(file), true);
    await worker.terminate();
    assert.equal(known(file), false);
    const raw = new Native(file);
    raw.close();
  });
});
