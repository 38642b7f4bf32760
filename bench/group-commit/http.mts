/** Requests a second and latencies of the Express server, under autocannon in a process of its own. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Row } from './callers.mts';
import { subjectNames } from './subjects.mts';

const autocannon = fileURLToPath(import.meta.resolve('autocannon'));

interface Answer {
  readonly requests: { readonly average: number };
  readonly latency: { readonly p50: number; readonly p99: number };
  readonly errors: number;
  readonly non2xx: number;
}

export async function measureHttp(
  connections: readonly number[],
  seconds: number,
  environment: Readonly<Record<string, string>> = {},
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const callers of connections) {
    for (const subject of subjectNames) {
      const server = spawn(process.execPath, [join(import.meta.dirname, 'server.mts'), subject], {
        stdio: ['pipe', 'pipe', 'inherit'],
        env: { ...process.env, ...environment },
      });
      const port = await firstLine(server);
      const { requests, latency, errors, non2xx } = await load(port, callers, seconds);
      server.stdin?.end();
      await once(server, 'exit');
      if (errors + non2xx > 0) throw new Error(`${subject}: ${errors} errors, ${non2xx} answers that are no success`);
      rows.push({ subject, callers, perSecond: requests.average, p50Ms: latency.p50, p99Ms: latency.p99 });
    }
  }
  return rows;
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('The server has no output.');
  const lines = createInterface({ input: child.stdout });
  for await (const line of lines) return line;
  throw new Error('The server ended before it listened.');
}

async function load(port: string, connections: number, seconds: number): Promise<Answer> {
  const flags = ['--json', '-m', 'POST', '-c', String(connections), '-d', String(seconds), '--warmup', '[ -c 4 -d 1 ]'];
  const child = spawn(process.execPath, [autocannon, ...flags, `http://127.0.0.1:${port}/events`], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  await once(child, 'close');
  // The warm-up prints a result too.
  return JSON.parse(output.trim().split('\n').at(-1) ?? '') as Answer;
}
