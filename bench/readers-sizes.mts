/**
 * Measures how long large results hold the event loop of the application: many rows, and single large values.
 *
 *     node bench/readers-sizes.mts
 *
 * It writes bench/results/readers-sizes.json. It needs /proc.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase } from 'safe-sqlite';
import { describeMachine } from './machine.mts';
import { watchStalls } from './readers/stalls.mts';

const folder = mkdtempSync(join(tmpdir(), 'bench-sizes-'));
const db = openDatabase(join(folder, 'a.db'), { logger: false, readers: { max: 1, memoryBytes: 2 ** 31 } });
const { reader } = db;
const rows = (count: number): string =>
  `WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT ${count}) SELECT x, 'text of row ' || x AS y FROM c`;

const reads: Readonly<Record<string, () => Promise<unknown>>> = {
  '`iterate`, 1 000 000 rows': async () => {
    let count = 0;
    for await (const _ of reader.iterate(rows(1_000_000), [], { timeoutMs: 600_000 })) count += 1;
    return count;
  },
  '`all`, 100 000 rows': () => reader.all(rows(100_000)),
  'one blob of 1 MB': () => reader.get('SELECT randomblob(1000000) AS x'),
  'one blob of 60 MB': () => reader.get('SELECT randomblob(60000000) AS x'),
  'one text of 60 MB': () => reader.get('SELECT hex(randomblob(30000000)) AS x'),
};

const stalls = watchStalls();
const table = [];
for (const [name, read] of Object.entries(reads)) {
  await read();
  stalls.reset();
  const begin = performance.now();
  await read();
  const row = { name, ms: Math.round(performance.now() - begin), stall: stalls.longest()[0] };
  table.push(row);
  console.log(row);
}
db.close();
rmSync(folder, { recursive: true, force: true });
const target = join(import.meta.dirname, 'results/readers-sizes.json');
mkdirSync(join(target, '..'), { recursive: true });
writeFileSync(target, `${JSON.stringify({ machine: describeMachine(), table }, null, 2)}\n`);
