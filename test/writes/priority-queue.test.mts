import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { PriorityQueue, priorities, type WritePriority } from '../../dist/writes/priority-queue.js';

interface Item {
  place: number;
  order: number;
  readonly priority: WritePriority;
}

const operation = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('push'), priority: fc.constantFrom(...priorities) }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('shift') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove'), at: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('putBack'), count: fc.integer({ min: 1, max: 5 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('takeSpent'), share: fc.double({ min: 0, max: 1 }) }) },
);

/** The same rules in the plainest words. */
class Model {
  again: Item[] = [];
  waiting: Item[] = [];
  overtaken = 0;

  get all(): Item[] {
    return [...this.again, ...this.waiting];
  }

  next(): Item | undefined {
    const [again] = this.again;
    if (again !== undefined) return again;
    const [oldest] = this.waiting;
    const best = priorities
      .map(each => this.waiting.find(({ priority }) => priority === each))
      .find(each => each !== undefined);
    const overtakes = best !== oldest && this.overtaken < 7;
    this.overtaken = overtakes ? this.overtaken + 1 : 0;
    return overtakes ? best : oldest;
  }

  drop(item: Item): void {
    this.again = this.again.filter(each => each !== item);
    this.waiting = this.waiting.filter(each => each !== item);
  }
}

describe('the lanes of the write queue', () => {
  test('are what the model says, whatever is done with them', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 200 }), steps => {
        const lanes = new PriorityQueue<Item>();
        const model = new Model();
        let taken: Item[] = [];
        for (const step of steps) {
          if (step.kind === 'push') {
            const item: Item = { place: -1, order: -1, priority: step.priority };
            lanes.push(item);
            model.waiting.push(item);
            assert.equal(item.order >= 0, true);
          } else if (step.kind === 'shift') {
            const expected = model.next();
            assert.equal(lanes.shift(), expected);
            if (expected !== undefined) {
              model.drop(expected);
              taken.push(expected);
            }
          } else if (step.kind === 'remove') {
            const item = model.all[step.at % Math.max(1, model.all.length)];
            if (item === undefined) continue;
            assert.equal(lanes.remove(item), true);
            assert.equal(lanes.remove(item), false);
            model.drop(item);
          } else if (step.kind === 'putBack') {
            const back = taken.slice(-step.count);
            taken = taken.slice(0, -step.count);
            lanes.putBack(back);
            model.again = [...back, ...model.again];
          } else {
            const limit = model.all.map(({ order }) => order).toSorted((a, b) => a - b)[
              Math.floor(step.share * model.all.length)
            ];
            if (limit === undefined) continue;
            const isSpent = ({ order }: Item): boolean => order < limit;
            const spent = model.all.filter(isSpent);
            assert.deepEqual(new Set(lanes.takeSpent(isSpent)), new Set(spent));
            for (const item of spent) model.drop(item);
          }
          assert.equal(lanes.size, model.all.length);
          assert.equal(lanes.oldest(), model.all.toSorted((a, b) => a.order - b.order)[0]);
          assert.deepEqual(new Set(lanes), new Set(model.all));
          const sizes = lanes.sizes();
          for (const each of priorities) {
            assert.equal(sizes[each], model.all.filter(({ priority }) => priority === each).length);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  test('let each item through after eight for each older one, whatever comes in', () => {
    const lanes = new PriorityQueue<Item>();
    const make = (priority: WritePriority): Item => ({ place: -1, order: -1, priority });
    const patient = Array.from({ length: 5 }, () => make('low'));
    for (const item of patient) lanes.push(item);
    const at = new Map<Item | undefined, number>();
    for (let place = 1; place <= 40; place += 1) {
      lanes.push(make('high'));
      lanes.push(make('normal'));
      at.set(lanes.shift(), place);
    }
    assert.deepEqual(
      patient.map(item => at.get(item)),
      [8, 16, 24, 32, 40],
    );
  });
});
