/** A real Litestream over one database: replicates it into a folder, and restores it from there. */
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../../support/until.mts';

export class Litestream {
  /** The program itself: what npm links as `litestream` does not hand signals on. */
  readonly binary: string;
  readonly #folder: string;
  readonly #environment: NodeJS.ProcessEnv;
  readonly #replica: string;

  /** `folder` is a copy of examples/litestream, with its packages installed. */
  constructor(folder: string, database: string, replica: string) {
    this.#folder = folder;
    this.#replica = replica;
    this.binary = join(folder, `node_modules/@flydotio/litestream-${process.platform}-${process.arch}/litestream`);
    this.#environment = { ...process.env, DATABASE: database, REPLICA: replica, PORT: '0' };
  }

  get version(): string {
    return execFileSync(this.binary, ['version'], { encoding: 'utf8' }).trim();
  }

  /** Starts to replicate; `more` as on its command line. */
  replicate(...more: string[]): ChildProcess {
    const args = ['replicate', '-config', 'litestream.yml', ...more];
    // What it prints goes nowhere: the test asks the replica.
    return this.#start(this.binary, args, more.length > 0 ? 'pipe' : 'ignore');
  }

  /** Starts the service of the example. */
  serve(): ChildProcess {
    return this.#start(process.execPath, ['server.mts'], 'pipe');
  }

  /** Restores into a new file; false when nothing can be restored yet. */
  restore(to: string): boolean {
    const args = ['restore', '-config', 'litestream.yml', '-o', to, this.#environment['DATABASE'] ?? ''];
    const { status } = spawnSync(this.binary, args, { cwd: this.#folder, env: this.#environment, stdio: 'ignore' });
    return status === 0;
  }

  /** Restores again and again until `holds` says that what came out is enough. */
  async restoreUntil(to: (round: number) => string, holds: (file: string) => boolean): Promise<string> {
    for (let round = 0; ; round++) {
      const file = to(round);
      if (this.restore(file) && holds(file)) return file;
      await sleep(200);
    }
  }

  /** Resolves when it has its first snapshot. It looks at the database once a second; ended before that, it has nothing. */
  async begun(): Promise<void> {
    const hasSnapshot = (generation: string): boolean => this.#names(`${generation}/snapshots`).length > 0;
    await until(() => this.#names('').some(hasSnapshot), 'Litestream has a snapshot');
  }

  /** How often Litestream began anew with a snapshot of the whole database, because the WAL did not continue. */
  get generations(): number {
    return this.#names('').length;
  }

  #names(folder: string): readonly string[] {
    const path = join(this.#replica, 'generations', folder);
    return existsSync(path) ? readdirSync(path) : [];
  }

  #start(program: string, args: string[], output: 'pipe' | 'ignore'): ChildProcess {
    return spawn(program, args, { cwd: this.#folder, env: this.#environment, stdio: ['ignore', output, 'ignore'] });
  }
}

/** Sends the signal and waits for the end. */
export async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const exit = once(child, 'exit');
  child.kill(signal);
  await exit;
}
