// docs/doctor.md: its report is what the command says, its program runs, its table has every finding.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { exampleReport } from '../doctor/example.mts';
import { folder } from '../doctor/check-input.mts';
import { doctorPage } from '../../scripts/doctor-page.mjs';
import { root } from '../../scripts/pack.mjs';
import { blocksOf, programFolder } from './page.mts';

const [report, program, ...more] = blocksOf('doctor.md');
const page = readFileSync(join(root, 'docs/doctor.md'), 'utf8');
const noProc = existsSync('/proc/self/fdinfo') ? false : 'needs Linux with /proc';

describe('docs/doctor.md', () => {
  test('the report is what the command says of the same database today', { skip: noProc }, async t => {
    // What is about the machine, its disk and the moment differs.
    const known = (text: string): readonly string[] =>
      text
        .replaceAll(/\d+/g, '0')
        .split('\n')
        .filter(
          line =>
            /^(?:NOTE|WARNING|PROBLEM) \(/.test(line) &&
            !/no-journal|not-durable|non-durable|container|nested/.test(line),
        );
    const now = await exampleReport(folder(t));
    assert.deepEqual(known(now), known(report?.text ?? ''));
    assert.ok(known(now).length >= 3);
    for (const line of report?.text.split('\n') ?? []) assert.ok(line.length <= 80, line);
  });

  test('the program runs, and prints what is not in order', t => {
    const home = programFolder(t, { 'app.mjs': program?.text ?? '' });
    const { status, stdout, stderr } = spawnSync(process.execPath, ['app.mjs'], { cwd: home, encoding: 'utf8' });
    assert.deepEqual([status, stderr], [0, '']);
    assert.match(stdout, /problem no-database There is no database at/);
    assert.deepEqual([report?.language, program?.language, more], ['text', 'js', []]);
  });

  test('the table is written from the catalogue', async () => {
    assert.equal(page, await doctorPage(), 'run `node scripts/doctor-page.mjs`');
  });
});
