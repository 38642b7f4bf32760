/** The reports of one thread, as promises, in the order in which they were asked for. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Report } from './report.mts';

export class Reporter {
  readonly #worker: Worker;
  #last: Promise<unknown> = Promise.resolve();

  constructor(file: string) {
    this.#worker = new Worker(new URL('report.mts', import.meta.url), { workerData: file });
  }

  report(): Promise<Report> {
    const report = this.#last.then(async () => {
      // Rejects with the error of the thread, should it fail.
      const answer = once(this.#worker, 'message');
      this.#worker.postMessage('report');
      const [message] = (await answer) as [Report];
      return message;
    });
    this.#last = report.catch(() => {});
    return report;
  }

  /** After the reports that were asked for; resolves when the thread has closed its connection and ended. */
  async close(): Promise<void> {
    await this.#last;
    const exit = once(this.#worker, 'exit');
    this.#worker.postMessage('close');
    await exit;
  }
}
