import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { suite } from './subjects.mts';

/** Runs `body` (CommonJS, with `Database`, `file`, `post`) in a worker thread and returns what it posted. */
async function inWorker(specifier: string, file: string, body: string): Promise<unknown[]> {
  const source = `
    const { workerData, parentPort } = require('node:worker_threads');
    const Database = require(workerData.specifier);
    const file = workerData.file;
    const post = message => parentPort.postMessage(message);
    ${body}`;
  const messages: unknown[] = [];
  const worker = new Worker(source, { eval: true, workerData: { specifier, file } });
  worker.on('message', message => messages.push(message));
  const [code] = (await once(worker, 'exit')) as [number];
  assert.equal(code, 0);
  return messages;
}

suite('worker threads', bench => {
  test('read and write the file of the main thread, and see its locks', async () => {
    const db = bench.open();
    db.exec('BEGIN IMMEDIATE');
    const body = `
      const db = new Database(file, { timeout: 0, logger: false });
      try { db.exec('INSERT INTO t (a) VALUES (1)'); post('wrote'); } catch (error) { post(error.code); }
      db.close();`;
    assert.deepEqual(await inWorker(bench.specifier, db.name, body), ['SQLITE_BUSY']);
    db.exec('COMMIT');
    assert.deepEqual(await inWorker(bench.specifier, db.name, body), ['wrote']);
    assert.deepEqual(db.prepare('SELECT a FROM t').pluck().all(), [1]);
  });

  test('a worker that ends with an open database leaves it sound', async () => {
    const db = bench.open();
    const body = `
      const db = new Database(file, { logger: false });
      for (let i = 0; i < 10; i += 1) db.prepare('INSERT INTO t (a) VALUES (?)').run(i);
      post('done');`;
    assert.deepEqual(await inWorker(bench.specifier, db.name, body), ['done']);
    assert.equal(db.prepare('SELECT count(*) FROM t').pluck().get(), 10);
    assert.equal(db.pragma('integrity_check', { simple: true }), 'ok');
  });
});
