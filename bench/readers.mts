/**
 * Measures the effect of reports on a service: an Express server with small reads and durable writes beside one endless
 * stream of reports, with the reports in place (raw better-sqlite3), in a hand-written worker thread, and through
 * `db.reader`.
 *
 *     node bench/readers.mts [seconds]
 *
 * The clients ask again at once, which fills the cores before a report begins, and then with a pause after each answer, as
 * users do. It writes bench/results/readers.json. `stalls` splits the longest stalls of the server's event loop into CPU time, time in
 * which other processes had the cores, and time in system calls (fsync). The clients run in this process, so that on two cores they, the server and the
 * reader share them: compare the columns, not the numbers.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { describeMachine } from './machine.mts';
import type { Manner } from './readers/server.mts';
import type { Stall } from './readers/stalls.mts';

const clients = 64;
const seconds = Number(process.argv[2] ?? 8);
const reportMs = 400;
/** Milliseconds after an answer, at random around this, until the same client asks again. */
const thinkMs = 200;

interface Run {
  /** Milliseconds between two requests of a client. */
  readonly pauseMs: number;
  readonly manner: Manner;
  readonly streams: number;
  readonly requests: number;
  /** ms of the small requests. */
  readonly p50: number;
  readonly p99: number;
  /** ms: longest time in which the event loop of the server did not turn. */
  readonly stall: number;
  /** The longest of them, split into their causes. */
  readonly stalls: readonly Stall[];
  readonly reportsPerSecond: number;
}

async function start(manner: Manner, readers: number): Promise<{ child: ChildProcess; port: number }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'readers/server.mts'), manner, String(readers)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [port] = (await once(child.stdout as NonNullable<typeof child.stdout>, 'data')) as [Buffer];
  return { child, port: Number(String(port)) };
}

const agent = new Agent({ keepAlive: true, maxSockets: Infinity });

function ask(port: number, path: string, method = 'GET'): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, method, agent }, response => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece: string) => (text += piece));
      response.on('end', () => resolve(text));
    });
    asked.on('error', reject);
    asked.end();
  });
}

/** How many rows a report of some 400 ms has, in a service that does nothing else. */
async function calibrate(port: number): Promise<number> {
  const steps = 100_000;
  await ask(port, `/report/${steps}`);
  const begin = performance.now();
  await ask(port, `/report/${steps}`);
  return Math.round((steps * reportMs) / (performance.now() - begin));
}

async function measure(manner: Manner, streams: number, steps: number, pauseMs: number): Promise<Run> {
  const { child, port } = await start(manner, 1);
  await ask(port, `/report/${steps}`);
  const times: number[] = [];
  let reports = 0;
  let over = false;
  await ask(port, '/begin');
  const client = async (number: number): Promise<void> => {
    for (let count = number; !over; count += 1) {
      const begin = performance.now();
      await (count % 4 === 0 ? ask(port, '/notes', 'POST') : ask(port, `/notes/${1 + ((count * 7919) % 20_000)}`));
      times.push(performance.now() - begin);
      if (pauseMs > 0) await new Promise(resolve => setTimeout(resolve, pauseMs * (0.5 + Math.random())));
    }
  };
  const stream = async (): Promise<void> => {
    while (!over) {
      await ask(port, `/report/${steps}`);
      if (!over) reports += 1;
    }
  };
  const begin = performance.now();
  const all = [
    ...Array.from({ length: clients }, (_, number) => client(number)),
    ...Array.from({ length: streams }, stream),
  ];
  await new Promise(resolve => setTimeout(resolve, seconds * 1000));
  over = true;
  const elapsed = (performance.now() - begin) / 1000;
  await Promise.all(all);
  const { longestMs: stall, parts } = JSON.parse(await ask(port, '/stall')) as {
    readonly longestMs: number;
    readonly parts: readonly Stall[];
  };
  const exit = once(child, 'exit');
  child.stdin?.end();
  await exit;
  times.sort((a, b) => a - b);
  const at = (part: number): number => round(times[Math.floor(times.length * part)] ?? 0);
  return {
    pauseMs,
    manner,
    streams,
    requests: times.length,
    p50: at(0.5),
    p99: at(0.99),
    stall: round(stall),
    stalls: parts,
    reportsPerSecond: round(reports / elapsed),
  };
}

/** Reports alone, with nothing else to do: how far a second reader reaches. */
async function throughput(readers: number, steps: number): Promise<number> {
  const { child, port } = await start('ours', readers);
  await Promise.all(Array.from({ length: readers }, () => ask(port, `/report/${steps}`)));
  let reports = 0;
  const begin = performance.now();
  const stream = async (): Promise<void> => {
    while (performance.now() - begin < seconds * 1000) {
      await ask(port, `/report/${steps}`);
      reports += 1;
    }
  };
  await Promise.all(Array.from({ length: readers }, stream));
  const rate = reports / ((performance.now() - begin) / 1000);
  child.stdin?.end();
  await once(child, 'exit');
  return round(rate);
}

async function roundTrip(manner: Manner): Promise<number> {
  const { child, port } = await start(manner, 1);
  await ask(port, '/small/3000');
  const median = Number(await ask(port, '/small/5000'));
  child.stdin?.end();
  await once(child, 'exit');
  return Math.round(median * 1000) / 1000;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

const { child, port } = await start('raw', 1);
const steps = await calibrate(port);
child.stdin?.end();
await once(child, 'exit');

const runs: Run[] = [];
for (const pauseMs of [0, thinkMs]) {
  for (const [manner, streams] of [
    ['none', 0],
    ['raw', 0],
    ['raw', 1],
    ['raw-worker', 0],
    ['raw-worker', 1],
    ['ours', 0],
    ['ours', 1],
  ] as const) {
    const run = await measure(manner, streams, steps, pauseMs);
    runs.push(run);
    console.log(run);
  }
}
const trips = { 'raw-worker': await roundTrip('raw-worker'), ours: await roundTrip('ours') };
const alone = { 1: await throughput(1, steps), 2: await throughput(2, steps) };
console.log({ steps, trips, alone });
const target = join(import.meta.dirname, 'results/readers.json');
mkdirSync(join(target, '..'), { recursive: true });
const found = {
  machine: describeMachine(),
  clients,
  seconds,
  reportMs,
  thinkMs,
  runs,
  roundTripMs: trips,
  reportsAlone: alone,
};
writeFileSync(target, `${JSON.stringify(found, null, 2)}\n`);
agent.destroy();
