/** The one timer of a thread for what many databases do: its dates, in which order it runs, and that a turn ends. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { joinRounds } from '../../dist/base/rounds.js';

const turnOf = (): (() => number) => {
  let turn = 0;
  let counting = false;
  return () => {
    if (!counting) {
      counting = true;
      turn += 1;
      setImmediate(() => (counting = false));
    }
    return turn;
  };
};

test('600 tasks share few dates, a twentieth of their delay apart, and each runs once for each date', async () => {
  const runs = Array.from({ length: 600 }, () => 0);
  const rounds = runs.map((_, n) => joinRounds(() => void (runs[n] = (runs[n] ?? 0) + 1)));
  const delayOf = (n: number): number => 1000 + n / 2;
  for (const [n, round] of rounds.entries()) round.in(delayOf(n));
  const dates = rounds.map(({ dueAt }) => dueAt);
  assert.ok(dates.every((date, n) => date % Math.floor(delayOf(n) / 20) === 0));
  // Fifteen twentieths, 50 to 64 ms, each of forty delays within 20 ms.
  assert.ok(new Set(dates).size <= 2 * 15, `${new Set(dates).size} dates`);
  while (runs.includes(0)) await sleep(20);
  assert.ok(runs.every(count => count === 1));
  assert.ok(rounds.every(({ dueAt }) => dueAt === Number.POSITIVE_INFINITY));
});

test('the longest waiting runs first, a long turn ends, and the rest follows in the next ones', async () => {
  const turn = turnOf();
  const order: number[] = [];
  const turns = new Set<number>();
  const busy = (ms: number): void => {
    for (const until = performance.now() + ms; performance.now() < until;) /* the thread is busy */ ;
  };
  const rounds = [80, 20, 50, 10, 40].map((ms, n) => {
    const round = joinRounds(() => {
      order.push(n);
      turns.add(turn());
      busy(5);
    });
    round.in(ms);
    return round;
  });
  const dates = rounds.map(({ dueAt }) => dueAt);
  const dateOf = (n: number): number => dates[n] ?? 0;
  busy(100);
  while (order.length < dates.length) await sleep(5);
  assert.deepEqual(
    order,
    [...dates.keys()].toSorted((one, other) => dateOf(one) - dateOf(other)),
  );
  assert.equal(turns.size, dates.length, 'each takes longer than a turn may');
});

test('a task may stop itself and others; one that throws keeps no other from running', () => {
  const program = `const { joinRounds } = require(process.argv[1]);
    process.on('uncaughtException', error => console.log(error.message));
    const stopped = joinRounds(() => console.log('stopped, and run'));
    joinRounds(() => { stopped.stop(); throw new Error('thrown'); }).in(10);
    stopped.in(40);
    const again = joinRounds(() => { console.log('again'); again.stop(); clearInterval(alive); });
    again.in(1000); again.in(60);
    const alive = setInterval(() => {}, 1000);`;
  const printed = execFileSync(process.execPath, ['-e', program, `${import.meta.dirname}/../../dist/base/rounds.js`], {
    encoding: 'utf8',
  });
  assert.equal(printed, 'thrown\nagain\n');
});

test('a task that waits keeps no process alive', () => {
  const program = `require(process.argv[1]).joinRounds(() => console.log('ran')).in(600000);`;
  const printed = execFileSync(process.execPath, ['-e', program, `${import.meta.dirname}/../../dist/base/rounds.js`], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  assert.equal(printed, '');
});
