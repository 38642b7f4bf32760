/** One library in a process of its own, because a process must hold one copy of SQLite: measures what it is asked for. */
import express from 'express';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { openSubject, type SubjectName } from './subjects.mts';

export type Question =
  | { readonly measure: 'read' | 'readHundred' | 'write'; readonly callers: number; readonly durationMs: number }
  | { readonly measure: 'load'; readonly rows: number }
  /** Writes of one caller while a report runs; `steps: 0` only calibrates. */
  | { readonly measure: 'report'; readonly steps: number }
  | { readonly measure: 'backup'; readonly to: string }
  | { readonly measure: 'serve' };

export interface Answer {
  /** Calls or rows a second; null where the library has no such call of its own. */
  readonly perSecond: number | null;
  readonly p99Ms?: number;
  /** Longest time in which the event loop did not turn. */
  readonly stallMs?: number;
  readonly elapsedMs?: number;
  readonly port?: number;
}

const none: Answer = { perSecond: null };
const [name, file = ''] = process.argv.slice(2);
const subject = openSubject(name as SubjectName, file);

async function calls(call: (number: number) => unknown, callers: number, durationMs: number): Promise<Answer> {
  const latencies: number[] = [];
  const start = performance.now();
  const caller = async (number: number): Promise<void> => {
    for (let from = performance.now(); from < start + durationMs; from = performance.now()) {
      // As a request does: each begins in a turn of its own.
      if (callers > 1) await turn();
      await call((number * 7919 + latencies.length) % 9000);
      latencies.push(performance.now() - from);
    }
  };
  await Promise.all(Array.from({ length: callers }, (_, number) => caller(number)));
  const elapsedMs = performance.now() - start;
  latencies.sort((a, b) => a - b);
  return {
    perSecond: (latencies.length / elapsedMs) * 1000,
    p99Ms: latencies[Math.floor(latencies.length * 0.99)] ?? 0,
  };
}

/** Runs `work` and watches the event loop meanwhile by a timer of one millisecond. */
async function watched(work: () => unknown): Promise<{ readonly elapsedMs: number; readonly stallMs: number }> {
  const start = performance.now();
  let last = start;
  let stallMs = 0;
  const tick = (): void => {
    stallMs = Math.max(stallMs, performance.now() - last);
    last = performance.now();
  };
  const timer = setInterval(tick, 1);
  await work();
  tick();
  clearInterval(timer);
  return { elapsedMs: performance.now() - start, stallMs };
}

async function besideReport(steps: number): Promise<Answer> {
  const { report, write } = subject;
  if (report === null || write === null) return none;
  if (steps === 0) {
    await report(1000);
    const { elapsedMs } = await watched(() => report(1_000_000));
    return { perSecond: null, elapsedMs };
  }
  let writes = 0;
  let over = false;
  const { elapsedMs, stallMs } = await watched(async () => {
    const asked = (async () => {
      await report(steps);
      over = true;
    })();
    while (!over) {
      await write();
      writes += 1;
      await turn();
    }
    await asked;
  });
  return { perSecond: (writes / elapsedMs) * 1000, stallMs, elapsedMs };
}

async function serve(): Promise<Answer> {
  const { read, write } = subject;
  if (write === null) return none;
  const app = express();
  app.get('/notes/:id', async (request, response) => {
    response.json(await (read ?? (() => ({ id: 1 })))(Number(request.params.id)));
  });
  app.post('/notes', async (_request, response) => {
    await write();
    response.status(201).json({ stored: true });
  });
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { perSecond: null, port: (server.address() as AddressInfo).port };
}

async function answer(question: Question): Promise<Answer> {
  switch (question.measure) {
    case 'read':
    case 'readHundred':
    case 'write': {
      const call = subject[question.measure];
      return call === null ? none : await calls(call, question.callers, question.durationMs);
    }
    case 'load': {
      const { load } = subject;
      if (load === null) return none;
      const { elapsedMs } = await watched(() => load(question.rows));
      return { perSecond: (question.rows / elapsedMs) * 1000, elapsedMs };
    }
    case 'report':
      return await besideReport(question.steps);
    case 'backup': {
      const { backup } = subject;
      if (backup === null) return none;
      return { perSecond: null, ...(await watched(() => backup(question.to))) };
    }
    case 'serve':
      return await serve();
  }
}

process.on('message', (question: Question) => {
  void answer(question).then(found => process.send?.(found));
});
process.once('disconnect', () => {
  subject.close();
  process.exit(0);
});
process.send?.({ perSecond: null } satisfies Answer);
