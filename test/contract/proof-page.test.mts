import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { changesPage } from '../../scripts/changes-page.mjs';
import { proofPage } from '../../scripts/proof-page.mjs';
import { scripts } from '../power/boundaries/scripts.mts';
import { killScripts } from '../kills/scripts.mts';
import { groundNames } from '../power/cuts/grounds.mts';

const page = readFileSync(new URL('../../docs/proof.md', import.meta.url), 'utf8');

interface Run {
  readonly rows: readonly { name: string; ground: string; subject: string; broken: number; lost: number }[];
  readonly calls?: { readonly broken: number; readonly scripts: Readonly<Record<string, number>> };
  readonly moments?: { readonly broken: number };
  readonly faults: readonly string[];
}

function runsOf(name: string): readonly Run[] {
  const path = new URL(`../results/${name}.json`, import.meta.url);
  return (JSON.parse(readFileSync(path, 'utf8')) as { runs: readonly Run[] }).runs;
}

/** A run of the kills in containers: the calls from `first` to `last` of the `calls` that its recording made. */
interface Slice {
  readonly operation: string;
  readonly calls: number;
  readonly first: number;
  readonly last: number;
  readonly broken: number;
}

function slices(): readonly Slice[] {
  const path = new URL('../results/container-kills.json', import.meta.url);
  return (JSON.parse(readFileSync(path, 'utf8')) as { runs: readonly Slice[] }).runs;
}

test('docs/proof.md is what scripts/proof-page.mjs writes from test/results', async () => {
  assert.equal(page, await proofPage(), 'run: npm run docs:proof');
});

test('docs/changed-underneath.md is what scripts/changes-page.mjs writes from test/results', async () => {
  const written = readFileSync(new URL('../../docs/changed-underneath.md', import.meta.url), 'utf8');
  assert.equal(written, await changesPage(), 'run: node scripts/changes-page.mjs');
});

test('the commands that it names exist', () => {
  const { scripts: commands } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    scripts: Record<string, string>;
  };
  const named = [...page.matchAll(/npm run ([\w:-]+)/g)].map(([, name]) => name ?? '');
  assert.ok(named.length > 4);
  for (const name of named) assert.ok(commands[name] !== undefined, name);
});

test('this library lost nothing in a power cut, and the bench saw better-sqlite3 lose on each ground', () => {
  const rows = runsOf('power-cuts').flatMap(run => run.rows);
  const grounds = new Set(rows.map(({ ground }) => ground));
  assert.deepEqual(grounds, new Set(groundNames));
  for (const { ground, subject, broken } of rows)
    if (subject.startsWith('safe-sqlite')) assert.equal(broken, 0, `${ground}, ${subject}`);
  for (const ground of grounds)
    assert.ok(
      rows.some(row => row.ground === ground && !row.subject.startsWith('safe-sqlite') && row.lost > 0),
      ground,
    );
});

test('every script was tried at its write boundaries, and no promise was broken there or by a kill', () => {
  const rows = runsOf('write-boundaries').flatMap(run => run.rows);
  assert.deepEqual(new Set(rows.map(({ name }) => name)), new Set(scripts.map(({ name }) => name)));
  assert.ok(rows.every(({ broken }) => broken === 0));
  const kills = runsOf('kills');
  const killed = new Set(kills.flatMap(({ calls }) => Object.keys(calls?.scripts ?? {})));
  assert.deepEqual(killed, new Set(killScripts.map(({ name }) => name)));
  assert.ok(kills.some(({ moments }) => moments !== undefined));
  assert.ok(kills.every(({ calls, moments }) => (calls?.broken ?? 0) + (moments?.broken ?? 0) === 0));
});

test('a container was killed at every call of a backup and of a restore, and no promise was broken', () => {
  const runs = slices();
  assert.deepEqual(new Set(runs.map(({ operation }) => operation)), new Set(['a scheduled backup', 'a restore']));
  assert.ok(runs.every(({ broken }) => broken === 0));
  for (const of of Map.groupBy(runs, ({ operation }) => operation).values()) {
    const sorted = of.toSorted((one, other) => one.first - other.first);
    let reached = 0;
    for (const { first, last } of sorted) {
      assert.ok(first <= reached + 1, `nothing was killed from call ${reached + 1} to ${first - 1}`);
      reached = Math.max(reached, last);
    }
    // A recording that polls longer has more calls.
    assert.ok(reached >= Math.min(...sorted.map(({ calls }) => calls)), `${reached}`);
  }
});

test('the soak had no fault', () => {
  assert.deepEqual(
    runsOf('soak').flatMap(({ faults }) => faults),
    [],
  );
});
