/** The smallest real application (apps/environment) in one environment: what it says, and the row that is written of it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { appendFileSync, cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

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

/** What `node …args` prints as JSON. */
export function runNode(folder: string, ...args: string[]): unknown {
  return runProgram(folder, process.execPath, args);
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
