/** The program that shim.test.mts runs with slow syncs: five durable commits, and how long they took. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { raw } from './raw.mts';

const commits = 5;
const folder = mkdtempSync(join(tmpdir(), 'slow-'));
const connection = raw.open(join(folder, 't.db'), { journal: 'wal' });
connection.handle.exec('CREATE TABLE t (x)');
const start = performance.now();
for (let index = 0; index < commits; index += 1) connection.handle.prepare('INSERT INTO t VALUES (?)').run(index);
const elapsedMs = performance.now() - start;
connection.close();
rmSync(folder, { recursive: true });
console.log(JSON.stringify({ commits, elapsedMs }));
