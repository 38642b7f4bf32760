/** Random mixes of writes against a model: the database is what the model says, and every promise tells the truth. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import {
  SqliteBusyError,
  SqliteConstraintError,
  SqliteFullError,
  SqliteResultError,
  type Database,
  type WritePriority,
} from 'safe-sqlite';
import { startScenario, type Scenario } from '../support/fault-shim.mts';
import { createBench } from './fixture.mts';

/** One statement of a write: inserts `key`, or fails in its own way. */
type Step =
  | { readonly kind: 'put'; readonly key: number }
  | { readonly kind: 'nest'; readonly key: number; readonly fails: boolean }
  | { readonly kind: 'roll-back-all'; readonly caught: boolean }
  | { readonly kind: 'orphan'; readonly key: number }
  | { readonly kind: 'large'; readonly key: number };

interface PlannedWrite {
  readonly steps: readonly Step[];
  readonly end: 'return' | 'throw' | 'promise' | 'aborted';
  readonly priority: WritePriority | undefined;
}

/** Writes that are queued in one turn; before it, another process takes the lock for so long. */
interface Turn {
  readonly heldMs: number;
  readonly writes: readonly PlannedWrite[];
}

const key = fc.integer({ min: 0, max: 30 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('put'), key }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('nest'), key, fails: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('roll-back-all'), caught: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('orphan'), key }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('large'), key }) },
);
const write: fc.Arbitrary<PlannedWrite> = fc.record({
  steps: fc.array(step, { minLength: 1, maxLength: 3 }),
  end: fc.oneof(
    { weight: 8, arbitrary: fc.constant('return') },
    { weight: 1, arbitrary: fc.constantFrom('throw', 'promise', 'aborted') },
  ),
  priority: fc.constantFrom(undefined, 'high', 'normal', 'low'),
});
const turns: fc.Arbitrary<readonly Turn[]> = fc.array(
  fc.record({
    heldMs: fc.oneof(
      { weight: 3, arbitrary: fc.constant(0) },
      { weight: 1, arbitrary: fc.integer({ min: 1, max: 25 }) },
    ),
    writes: fc.array(write, { minLength: 1, maxLength: 12 }),
  }),
  { minLength: 1, maxLength: 4 },
);

const schema = `
  CREATE TABLE kv (key INTEGER PRIMARY KEY, load BLOB);
  CREATE TABLE orphan (key INTEGER REFERENCES kv (key) DEFERRABLE INITIALLY DEFERRED);
  CREATE TRIGGER refuse BEFORE INSERT ON kv WHEN new.key = -1 BEGIN SELECT RAISE(ROLLBACK, 'all'); END;
`;

/** Larger than what the database may grow to once a few of them are in. */
const largeBytes = 12_000;
const maxPages = 16;

interface QueuedWrite {
  readonly number: number;
  readonly planned: PlannedWrite;
  readonly promise: Promise<unknown>;
}

class Mine extends Error {}

function program(db: Database, { steps, end }: PlannedWrite): () => unknown {
  const put = db.prepare('INSERT INTO kv VALUES (?, ?)');
  const orphan = db.prepare('INSERT INTO orphan VALUES (?)');
  const nest = db.transaction((at: number, fails: boolean) => {
    put.run(at, null);
    if (fails) throw new Mine('nested');
  });
  const run = (each: Step): void => {
    switch (each.kind) {
      case 'put':
        put.run(each.key, null);
        return;
      case 'large':
        put.run(each.key, Buffer.alloc(largeBytes));
        return;
      case 'orphan':
        orphan.run(1000 + each.key);
        return;
      case 'nest':
        try {
          nest(each.key, each.fails);
        } catch (error) {
          if (!(error instanceof Mine)) throw error;
        }
        return;
      case 'roll-back-all':
        try {
          put.run(-1, null);
        } catch (error) {
          if (!each.caught) throw error;
        }
    }
  };
  return () => {
    for (const each of steps) run(each);
    if (end === 'throw') throw new Mine('thrown');
    return end === 'promise' ? Promise.resolve() : 'done';
  };
}

/** What one write does to the keys when it has them for itself; `null` when nothing of it is to be stored. */
function apply(keys: ReadonlySet<number>, { steps, end }: PlannedWrite): Set<number> | null {
  if (end !== 'return') return null;
  const next = new Set(keys);
  for (const each of steps) {
    if (each.kind === 'roll-back-all' || each.kind === 'orphan') return null;
    if (next.has(each.key)) return null;
    if (each.kind !== 'nest' || !each.fails) next.add(each.key);
  }
  return next;
}

let locker: Scenario;
before(() => (locker = startScenario(join(import.meta.dirname, 'locker.scenario.mts'))));
after(() => locker.kill());

/** The limit of the runner for a single test there is half an hour: a process of Wine starts some fifty times slower. */
const limitMs = process.env['SLOW_TESTS'] === '1' ? 30 * 60_000 : 110_000;

test('the database is what the model says, and every promise tells the truth', { timeout: limitMs }, async () => {
  const seen = { stored: 0, refused: 0, full: 0, overtaken: 0, reruns: 0, waits: 0 };
  await fc.assert(
    fc.asyncProperty(turns, fc.constantFrom(3, 256), async (plan, maxBatch) => {
      using bench = createBench({ writes: { maxBatch, minDelayMs: 1, maxDelayMs: 4 } });
      const { db, opened } = bench;
      db.exec(schema);
      db.pragma(`max_page_count = ${maxPages}`);
      await locker.ask('open', bench.file);
      const queued: QueuedWrite[] = [];
      // Promises are settled in the order in which their writes ran.
      const settled: QueuedWrite[] = [];
      for (const { heldMs, writes } of plan) {
        if (heldMs > 0) await locker.ask('holdFor', heldMs);
        for (const planned of writes) {
          const signal = planned.end === 'aborted' ? new AbortController() : undefined;
          const promise = db.write(program(db, planned), { signal: signal?.signal, priority: planned.priority });
          signal?.abort(new Mine('aborted'));
          const entry = { number: queued.length, planned, promise };
          queued.push(entry);
          const note = (): unknown => settled.push(entry);
          void promise.then(note, note);
        }
        await Promise.allSettled(queued.map(each => each.promise));
      }

      assert.equal(settled.length, queued.length);
      let keys: ReadonlySet<number> = new Set();
      const last = new Map<WritePriority, number>();
      for (const { number, planned, promise } of settled) {
        const [outcome] = await Promise.allSettled([promise]);
        const next = apply(keys, planned);
        if (outcome.status === 'fulfilled') {
          assert.ok(next !== null, `resolved, but the model refuses ${JSON.stringify(planned)}`);
          assert.equal(outcome.value, 'done');
          keys = next;
          const priority = planned.priority ?? 'normal';
          assert.ok(number > (last.get(priority) ?? -1), `write ${number} overtook one of its own priority`);
          last.set(priority, number);
          if (number < Math.max(...last.values())) seen.overtaken += 1;
          seen.stored += 1;
          continue;
        }
        const reason: unknown = outcome.reason;
        assert.ok(!(reason instanceof SqliteBusyError), String(reason));
        if (reason instanceof SqliteFullError) seen.full += 1;
        else {
          assert.equal(next, null, `rejected with ${String(reason)}, but the model stores ${JSON.stringify(planned)}`);
          assert.ok(
            reason instanceof Mine ||
              reason instanceof SqliteConstraintError ||
              reason instanceof TypeError ||
              // A statement behind the one that rolled everything back.
              (reason as Error).name === 'UnsafeStatementError',
            String(reason),
          );
          seen.refused += 1;
        }
        if (reason instanceof SqliteResultError && reason.commitOutcome !== undefined) {
          assert.equal(reason.commitOutcome, 'rolled-back');
        }
      }
      assert.deepEqual(
        db.prepare('SELECT key FROM kv ORDER BY key').pluck().all(),
        [...keys].toSorted((a, b) => a - b),
      );
      assert.deepEqual(db.prepare('SELECT * FROM orphan').all(), []);
      assert.equal(db.inTransaction, false);
      assert.deepEqual(db.pragma('integrity_check', { simple: true }), 'ok');
      const facts = opened.writes.facts();
      assert.equal(facts.queued, 0);
      assert.equal(facts.committed + facts.rejected, queued.length);
      seen.reruns += facts.reruns;
      seen.waits += facts.waits;
    }),
    { numRuns: 120 },
  );
  // A model test that never met what it is about proves nothing.
  for (const [what, count] of Object.entries(seen)) assert.ok(count > 0, `no write was ${what}`);
});
