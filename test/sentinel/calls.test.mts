/** A check makes few system calls, however many descriptors the process has. */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';

const folder = mkdtempSync(join(tmpdir(), 'safe-sqlite-calls-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const skip = spawnSync('strace', ['-V']).status === 0 ? false : 'needs strace';
const scenario = join(import.meta.dirname, 'calls.scenario.mts');
/** Made by the threads of Node themselves. */
const left =
  'trace=!futex,epoll_wait,epoll_pwait,sched_yield,madvise,mprotect,mmap,munmap,clock_nanosleep,restart_syscall';

/** System calls of the main thread for one check. */
async function callsOf(moment: string, others: number): Promise<number> {
  // A new name in the folder of a database makes the next check ask for more.
  const own = mkdtempSync(join(folder, 'a-'));
  const trace = `${own}.trace`;
  const program = [process.execPath, scenario, join(own, 'a.db'), moment, String(others)];
  await promisify(execFile)('strace', ['-f', '-e', left, '-o', trace, ...program]);
  const lines = readFileSync(trace, 'latin1').split('\n');
  const from = lines.findIndex(line => line.includes('"/BEGIN"'));
  const to = lines.findIndex(line => line.includes('"/END"'));
  const thread = `${lines[from]?.split(' ')[0] ?? ''} `;
  return lines.slice(from + 1, to).filter(line => line.startsWith(thread)).length / 20;
}

for (const [moment, most] of [
  ['commit', 7],
  ['interval', 12],
] as const)
  test(`a check, ${moment}: at most ${most} calls`, { skip }, async t => {
    const [alone = 0, among = 0] = await Promise.all([0, 1000].map(others => callsOf(moment, others)));
    t.diagnostic(`${alone} calls; ${among} beside 1000 descriptors`);
    assert.ok(alone > 0 && alone <= most, String(alone));
    assert.ok(Math.abs(among - alone) < 1, `${alone} and ${among}`);
  });
