/**
 * SQL of any length is judged with little memory, and in time that grows with its length: what was quadratic would not end
 * before the deadline of the file.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const scenario = fileURLToPath(new URL('large-texts.scenario.mts', import.meta.url));
/** MB of most texts, as in the scenario. */
const most = process.env['LONG_TESTS'] === undefined ? 3 : 8;
/** MB for what JavaScript allocates beside the text itself, whose strings of one byte a character count as well. */
const heap = (text: number): string => `--max-old-space-size=${text * 2 + 32}`;

const verdicts: readonly (readonly [string, number, string, string | null])[] = [
  ['a guarded word in a string of one long INSERT', 8, 'ordinary', null],
  ['one string of 50 MB', 50, 'ordinary', null],
  ['a dump of many statements', most, 'ordinary', null],
  ['a trigger with a long body', most, 'ordinary', null],
  ['a trigger that never ends', most, 'ordinary', null],
  ['semicolons alone', most, 'ordinary', null],
  ['comments alone', most, 'ordinary', null],
  ['what SQLite cannot read', most, 'ordinary', null],
  ['an open string', most, 'ordinary', null],
  ['one long ATTACH', most, 'refused', null],
  ['nested parentheses', most, 'refused', null],
  ['many rollbacks', most, 'ordinary', null],
  ['lines before what is refused', most, 'refused', null],
];

describe('texts of many megabytes', () => {
  test('the hazard: a list of all tokens ends the process', () => {
    const [name, size] = verdicts[0] ?? ['', 0];
    const child = spawnSync(process.execPath, [heap(size), scenario, name, 'all-tokens'], { encoding: 'utf8' });
    assert.match(child.stderr, /heap out of memory/);
  });

  for (const [name, size, verdict, ends] of verdicts) {
    test(`${name}: ${verdict}`, () => {
      const child = spawnSync(process.execPath, [heap(size), scenario, name], { encoding: 'utf8' });
      assert.equal(child.status, 0, child.stderr.slice(0, 2000));
      const answer = JSON.parse(child.stdout) as Record<string, unknown>;
      assert.equal(answer['verdict'], verdict);
      assert.equal(answer['ends'], ends);
      assert.equal(answer['pieces'], true);
    });
  }
});
