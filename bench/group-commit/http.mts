/** Requests a second and latencies of the Express server, under autocannon in a process of its own. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Row } from './callers.mts';
import { median } from '../paired.mts';
import { subjectNames, type SubjectName } from './subjects.mts';

const autocannon = fileURLToPath(import.meta.resolve('autocannon'));

interface Answer {
  readonly requests: { readonly total: number };
  /** Seconds. */
  readonly duration: number;
  readonly latency: { readonly p50: number; readonly p99: number };
  readonly errors: number;
  readonly non2xx: number;
}

/** Seconds for the compiler and for the `-wal` to reach the size that it keeps. */
const warmUps = 3;

/** Rounds of one second: all three servers run, and are asked in turns, so that a slow moment is slow for all. */
export async function measureHttp(
  connections: readonly number[],
  rounds: number,
  environment: Readonly<Record<string, string>> = {},
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const callers of connections) {
    const servers = await Promise.all(subjectNames.map(subject => start(subject, environment)));
    for (let round = -warmUps; round < rounds; round += 1) {
      for (const { port, answers } of servers) {
        const answer = await load(port, callers);
        if (round >= 0) answers.push(answer);
      }
    }
    for (const { subject, child, answers } of servers) {
      child.stdin?.end();
      await once(child, 'exit');
      rows.push({
        subject,
        callers,
        perSecond: median(answers.map(({ requests, duration }) => requests.total / duration)),
        p50Ms: median(answers.map(({ latency }) => latency.p50)),
        p99Ms: median(answers.map(({ latency }) => latency.p99)),
      });
    }
  }
  return rows;
}

interface Server {
  readonly subject: SubjectName;
  readonly child: ChildProcess;
  readonly port: string;
  readonly answers: Answer[];
}

async function start(subject: SubjectName, environment: Readonly<Record<string, string>>): Promise<Server> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'server.mts'), subject], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...environment },
  });
  return { subject, child, port: await firstLine(child), answers: [] };
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('The server has no output.');
  const lines = createInterface({ input: child.stdout });
  for await (const line of lines) return line;
  throw new Error('The server ended before it listened.');
}

async function load(port: string, connections: number): Promise<Answer> {
  const flags = ['--json', '-m', 'POST', '-c', String(connections), '-d', '1'];
  const child = spawn(process.execPath, [autocannon, ...flags, `http://127.0.0.1:${port}/events`], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  await once(child, 'close');
  const answer = JSON.parse(output) as Answer;
  if (answer.errors + answer.non2xx > 0) {
    throw new Error(`${answer.errors} requests failed, ${answer.non2xx} answers are no success.`);
  }
  return answer;
}
