/** Tests the doctor in a pid namespace beside the application's, from which its processes are invisible. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readlinkSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { openDatabase } from 'safe-sqlite';
import { seesEveryProcess } from '../../dist/doctor/judge/subject.js';
import { isFirstNamespace, scanProcesses } from '../../dist/proc/processes.js';
import { root } from '../../scripts/pack.mjs';

const unshare = ['unshare', '--pid', '--fork', '--mount-proc'] as const;
const skip =
  process.platform === 'linux'
    ? spawnSync(unshare[0], [...unshare.slice(1), 'true']).status !== 0 && 'needs the right to make a pid namespace'
    : 'pid namespaces are of Linux';

test('the first namespace of a machine is known by its number', () => {
  assert.equal(isFirstNamespace('pid:[4026531836]'), true);
  assert.equal(isFirstNamespace('pid:[4026532561]'), false);
  assert.equal(isFirstNamespace(null), null);
});

describe('a sibling pid namespace', { skip }, () => {
  test('does not see who has the database open, says so, and calls nothing crashed', t => {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), 'safe-sqlite-namespace-')));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const db = openDatabase(join(folder, 'a.db'), { logger: false });
    t.after(() => db.close());
    db.exec('CREATE TABLE t (a); INSERT INTO t VALUES (1)');
    const script = `require(${JSON.stringify(root)}).diagnose(process.argv[1]).then(({ findings, notLookedAt, facts }) => console.log(JSON.stringify({
      codes: findings.map(({ code }) => code), missed: notLookedAt.map(({ what }) => what), scan: facts.processes })))`;
    const run = (...command: string[]) => {
      const args = [...command, process.execPath, '-e', script, db.name];
      return JSON.parse(execFileSync('env', args, { encoding: 'utf8' })) as {
        codes: string[];
        missed: string[];
        scan: { wholeMachine: boolean; processes: unknown[] };
      };
    };
    const here = run();
    assert.ok(here.codes.includes('open'));
    assert.equal(here.scan.wholeMachine, isFirstNamespace(readlinkSync('/proc/self/ns/pid')));

    const there = run(...unshare);
    assert.deepEqual(there.scan, { ...there.scan, wholeMachine: false, processes: [] });
    assert.ok(there.codes.includes('wal-not-closed') && !there.codes.includes('wal-crashed'));
    assert.match(there.missed.join(), /processes outside this (?:pid namespace|container)/);
  });

  test('hides processes on every ground but the layer of its own container', () => {
    const scan = scanProcesses([]);
    assert.ok(scan !== null);
    const input = (wholeMachine: boolean | null, ground: object) =>
      ({
        facts: {
          processes: { ...scan, unseenProcesses: 0, wholeMachine },
          ground: { class: 'local', mountPoint: '/data', sandbox: { container: null }, ...ground },
        },
      }) as unknown as Parameters<typeof seesEveryProcess>[0];
    assert.equal(seesEveryProcess(input(true, {})), true);
    assert.equal(seesEveryProcess(input(false, {})), false);
    assert.equal(seesEveryProcess(input(true, { sandbox: { container: 'docker' } })), false);
    assert.equal(seesEveryProcess(input(false, { class: 'union', mountPoint: '/' })), true);
  });
});
