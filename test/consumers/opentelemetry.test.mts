import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { blocksOf } from '../docs/page.mts';
import { node, npmInstall, programFolder, registrySkip } from './program.mts';

interface Point {
  readonly attributes: Readonly<Record<string, string>>;
  readonly value: unknown;
}

// Put behind the program of the page.
const check = `
  db.exec('CREATE TABLE t (a)');
  await db.checkpoint();
  const { collect } = await import('./sdk.mjs');
  console.log(JSON.stringify(await collect()));
  db.close();
  process.exit(); // its reader has a timer`;

test('the program of docs/metrics.md feeds the real OpenTelemetry SDK', { skip: registrySkip }, t => {
  const folder = programFolder(t, 'opentelemetry');
  npmInstall(folder, '@opentelemetry/api@1', '@opentelemetry/sdk-metrics@2');
  const program = blocksOf('metrics.md').find(({ text }) => text.includes('@opentelemetry/api'));
  writeFileSync(join(folder, 'app.mjs'), `${program?.text ?? ''}${check}`);
  const collected = JSON.parse(node(folder, '--import', './sdk.mjs', 'app.mjs')) as Record<string, Point[]>;
  assert.deepEqual(
    collected['sqlite.up']?.map(({ attributes, value }) => [attributes, value]),
    [[{ database: 'app' }, 1]],
  );
  assert.equal(collected['sqlite.wal.pending']?.[0]?.value, 0);
  assert.equal(collected['sqlite.writes.queued']?.[0]?.value, 0);
  const fault = collected['sqlite.faults']?.find(({ attributes }) => attributes['error'] === 'SqliteFsyncError');
  assert.equal(fault?.value, 0);
  const [checkpoint] = collected['sqlite.checkpoint.duration'] ?? [];
  assert.equal(checkpoint?.attributes['mode'], 'passive');
  assert.partialDeepStrictEqual(checkpoint?.value, { count: 1 });
});
