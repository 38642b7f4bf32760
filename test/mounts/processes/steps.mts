/** Steps of a process with raw better-sqlite3, put together: run statements up to the first failure, read one value. */
import { rmSync } from 'node:fs';
import type { RawAnswer, RawStep } from './raw-step.mts';

/** Whoever takes the steps: a process of this kernel (peer.mts), or of another (uml/remote.mts). */
export interface RawPeer {
  ask(step: RawStep): Promise<RawAnswer>;
}

export type Mode = 'WAL' | 'DELETE';

export interface Failure {
  readonly code: string;
  /** The first words of the statement. */
  readonly at: string;
}

/** Takes the steps up to the first that fails, or `undefined` where none failed. */
export async function firstFailure(peer: RawPeer, sql: readonly string[]): Promise<Failure | undefined> {
  for (const step of sql) {
    const answer = await peer.ask({ do: 'sql', sql: step });
    if ('code' in answer) return { code: answer.code, at: step.split(' ').slice(0, 2).join(' ') };
  }
  return undefined;
}

/** The first column of the first row, as text, or the code of the error. */
export async function value(peer: RawPeer, sql: string): Promise<string> {
  const answer = await peer.ask({ do: 'sql', sql });
  return 'code' in answer ? answer.code : String(Object.values(answer.rows[0] ?? {})[0]);
}

/** Removes every file of the database: what a failed run left must not meet the next. */
export function remove(file: string): void {
  for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(file + suffix, { force: true });
}
