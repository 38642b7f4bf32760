import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { FifoQueue } from '../../dist/base/fifo-queue.js';

interface Item {
  place: number;
  readonly name: number;
}

const operations = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('push'), count: fc.integer({ min: 1, max: 2000 }) }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('shift'), count: fc.integer({ min: 1, max: 2000 }) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('remove'), count: fc.integer({ min: 0, max: 5000 }) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('putBack'), count: fc.integer({ min: 0, max: 50 }) }) },
  ),
  { maxLength: 40 },
);

describe('FifoQueue', () => {
  test('is an array with shift, unshift and removal, whatever is done to it', () => {
    fc.assert(
      fc.property(operations, steps => {
        const queue = new FifoQueue<Item>();
        let model: Item[] = [];
        const taken: Item[] = [];
        let name = 0;
        for (const { kind, count } of steps) {
          if (kind === 'push') {
            for (let done = 0; done < count; done += 1) {
              const item = { place: -1, name: name++ };
              queue.push(item);
              model.push(item);
            }
          } else if (kind === 'shift') {
            for (let done = 0; done < count; done += 1) {
              assert.equal(queue.peek(), model[0]);
              const item = queue.shift();
              assert.equal(item, model.shift());
              if (item !== undefined) taken.push(item);
            }
          } else if (kind === 'remove') {
            const item = model[count];
            if (item === undefined) continue;
            assert.equal(queue.remove(item), true);
            assert.equal(queue.remove(item), false);
            model = model.filter(each => each !== item);
          } else {
            const back = taken.splice(-count, count);
            queue.putBack(back);
            model = [...back, ...model];
          }
          assert.equal(queue.size, model.length);
        }
        assert.deepEqual([...queue], model);
        assert.ok(model.every(item => item.place >= 0));
        assert.ok(taken.every(item => item.place === -1 && !queue.remove(item)));
      }),
      { numRuns: 60 },
    );
  });

  test('keeps nothing alive that has left it', async () => {
    const queue = new FifoQueue<Item & { readonly load: Uint8Array }>();
    const left: WeakRef<object>[] = [];
    for (let name = 0; name < 5000; name += 1) {
      const item = { place: -1, name, load: new Uint8Array(16) };
      left.push(new WeakRef(item));
      queue.push(item);
      if (name % 2 === 0) queue.shift();
      else queue.remove(item);
    }
    // The target of a WeakRef lives until the turn ends.
    await new Promise(resolve => setImmediate(resolve));
    setFlagsFromString('--expose-gc');
    (runInNewContext('gc') as () => void)();
    assert.equal(queue.size, 0);
    // Registers of the loop above may still point to its last item.
    assert.ok(left.filter(each => each.deref() !== undefined).length <= 1);
  });
});
