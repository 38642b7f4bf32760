/** The smallest real application (apps/environment) in one environment: what it says, and the row that is written of it. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, cpSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { blocksOf } from '../docs/page.mts';

/** What the application says where nothing is missing. */
export const whole = {
  rows: 3,
  written: [1, 1],
  error: ['SqliteError', 'SqliteUniqueError', 'SQLITE_CONSTRAINT_UNIQUE', true],
  checkpoint: true,
  backup: 'quick',
  verified: true,
  doctor: true,
  closed: true,
  threads: true,
  reader: ['processes', 3] as readonly [mode: string, rows: number],
  status: 'ok',
  reasons: [] as readonly string[],
  warnings: [] as readonly string[],
};

export type Facts = typeof whole;

/** Why a test is skipped that builds applications with frameworks; false when it is wanted. */
export const frameworksSkip =
  process.env['ENVIRONMENTS'] === undefined && 'npm run test:environments builds applications with frameworks';

/** Copies files of the application into a folder. */
export function copyApplication(folder: string, ...files: string[]): void {
  for (const file of files) {
    cpSync(fileURLToPath(new URL(`apps/environment/${file}`, import.meta.url)), join(folder, file));
  }
}

/** What a program prints as JSON in its last line; it must end by itself, and well. */
export function runProgram(folder: string, command: string, args: readonly string[], env = process.env): unknown {
  const run = spawnSync(command, args, { cwd: folder, encoding: 'utf8', timeout: 120_000, killSignal: 'SIGKILL', env });
  assert.equal(run.status, 0, `${args.join(' ')}\n${run.stdout}\n${run.stderr}`);
  return JSON.parse(run.stdout.trim().split('\n').at(-1) ?? '');
}

/**
 * What `node …args` prints, on both streams; it must end by itself and well, and so must what it has started and given its
 * output. Else the error names the processes that still run, and they are ended.
 */
export async function endsByItself(
  folder: string,
  args: readonly string[],
  limitMs = 120_000,
  more: NodeJS.ProcessEnv = {},
): Promise<string> {
  const { NODE_TEST_CONTEXT: _context, FORCE_COLOR: _color, ...env } = process.env;
  // A process group of its own.
  const child = spawn(process.execPath, args, {
    cwd: folder,
    detached: true,
    env: { ...env, NO_COLOR: '1', ...more },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', text => (said += String(text)));
  const group = String(child.pid);
  let left = '';
  const limit = setTimeout(() => {
    left = spawnSync('ps', ['-o', 'pid=,etimes=,pcpu=,wchan:20=,args=', '-g', group], { encoding: 'utf8' }).stdout;
    process.kill(-Number(group), 'SIGKILL');
  }, limitMs);
  // Not before the last process with its output has ended.
  const [status] = (await once(child, 'close')) as [number | null];
  clearTimeout(limit);
  const command = `node ${args.join(' ')}`;
  if (left !== '') assert.fail(`${command} did not end within ${limitMs / 1000} s. It runs:\n${left}\n${said}`);
  assert.equal(status, 0, `${command}\n${said}`);
  return said;
}

/** What `node …args` prints as JSON. */
export function runNode(folder: string, ...args: string[]): unknown {
  return runProgram(folder, process.execPath, args);
}

/**
 * Runs a program that an installed package has, and returns what it prints. A build of Next was seen to take ten minutes on a busy machine; after twenty it
 * is ended and its processes are named.
 */
export function bin(folder: string, file: string, ...args: string[]): Promise<string> {
  return endsByItself(folder, [join(folder, 'node_modules', file), ...args], 20 * 60_000, {
    NODE_ENV: 'production',
    NEXT_TELEMETRY_DISABLED: '1',
    ASTRO_TELEMETRY_DISABLED: '1',
  });
}

/** Writes the configuration in docs/bundlers.md whose first line names `file`. */
export function configure(folder: string, file: string): void {
  const block = blocksOf('bundlers.md').find(({ text }) => text.startsWith(`// ${file}\n`));
  assert.ok(block, `docs/bundlers.md has no ${file}`);
  writeFileSync(join(folder, file), block.text);
}

/** Returns a port that is free. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** What each of the paths of a built server answers, which `node …args` starts. */
export async function ask(
  t: TestContext,
  folder: string,
  args: readonly string[],
  ...paths: string[]
): Promise<unknown[]> {
  const port = await freePort();
  const env = { ...process.env, NODE_ENV: 'production', HOSTNAME: '127.0.0.1', HOST: '127.0.0.1', PORT: String(port) };
  const server = spawn(process.execPath, args, { cwd: folder, env, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  server.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  t.after(() => server.kill());
  const answers: unknown[] = [];
  while (answers.length < paths.length) {
    if (server.exitCode !== null) assert.fail(`the server ended: ${said}`);
    const response = await fetch(`http://127.0.0.1:${port}${paths[answers.length]}`).catch(() => null);
    if (response === null) {
      await delay(50);
      continue;
    }
    const text = await response.text();
    assert.equal(response.status, 200, `${text}\n${said}`);
    answers.push(JSON.parse(text));
  }
  return answers;
}

/** The installed version of a package. */
export function versionOf(folder: string, name: string): string {
  const manifest = readFileSync(join(folder, 'node_modules', name, 'package.json'), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}

/** A row of docs/environments.md, which `npm run environments:page` writes from what the tests have seen. */
export function record(group: string, environment: string, facts: Facts | string): void {
  const file = process.env['ENVIRONMENTS_FILE'];
  if (file === undefined) return;
  const seen = typeof facts === 'string' ? facts : summary(facts);
  appendFileSync(file, `${JSON.stringify({ group, environment, seen })}\n`);
}

function summary({ threads, doctor, status }: Facts): string {
  const parts = [
    threads ? 'threads' : 'on the event loop',
    // Where it cannot run, the application gives its hint.
    (doctor as unknown) === true ? 'doctor' : 'doctor says why not',
    `health ${status}`,
  ];
  return parts.join(', ');
}
