/** Random SQL texts, through every call that takes one: on better-sqlite3 in a scratch process, and on this library. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { seen, TextBench } from './text-bench.mts';
import { cases, casesWithReaders, type Case } from './texts.mts';

const long = process.env['LONG_TESTS'] === '1';
/** How many texts, at least; `npm run test:texts` asks for more than fit into the other long forms. */
const texts = Number(process.env['TEXTS'] ?? (long ? 10_000 : 300));
/** A case has ten on average. */
const textsOfCase = 10;

let bench: TextBench;
before(() => (bench = new TextBench()));
after(async () => bench.end());

const prove = async (tried: Case): Promise<void> => {
  const trouble = await bench.troubleOf(tried);
  assert.equal(trouble.length, 0, trouble.join('\n'));
};

test('whatever comes in whatever way: no protection is lost, no file touched unseen, nothing refused in silence', async () => {
  // Until the number is reached: how many a case has is left to chance.
  while (seen.texts < texts) {
    const numRuns = Math.max(1, Math.min(500, Math.ceil((texts - seen.texts) / textsOfCase)));
    await fc.assert(fc.asyncProperty(cases, prove), { numRuns });
  }
  for (const [what, count] of Object.entries(seen)) assert.ok(count > 0, `no text was ${what}`);
});

test('the same with reader processes', async () => {
  await fc.assert(fc.asyncProperty(casesWithReaders, prove), { numRuns: long ? 100 : 3 });
});
