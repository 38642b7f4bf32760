/** The parent's end of a process that answers step by step: one question at a time, each with a limit. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** Longer than SQLite's longest wait of its own: 10 s until SQLITE_PROTOCOL (walTryBeginRead in wal.c). */
const answerMs = 25_000;

export class Peer<Step extends object, Answer extends object> {
  readonly #child: ChildProcess;

  /** `program` is a file beside this one. */
  constructor(program: string) {
    this.#child = fork(new URL(program, import.meta.url), { stdio: 'inherit' });
  }

  /** Resolves with the answer; rejects where the process died or hangs. */
  async ask(step: Step): Promise<Answer> {
    const child = this.#child;
    const asked = new AbortController();
    const limit = AbortSignal.any([asked.signal, AbortSignal.timeout(answerMs)]);
    try {
      return await Promise.race([
        once(child, 'message', { signal: limit }).then(([answer]) => answer as Answer),
        once(child, 'exit', { signal: limit }).then(() => Promise.reject(new Error('the process has ended'))),
        new Promise<never>((_, reject) => child.send(step, error => error && reject(error))),
      ]);
    } catch (error) {
      throw new Error(`${JSON.stringify(step)}: no answer`, { cause: error });
    } finally {
      asked.abort();
    }
  }

  end(): void {
    this.#child.kill('SIGKILL');
  }
}
