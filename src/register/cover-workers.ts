/** Registers every worker thread that this one starts, even if Node does not pass the flags of the process on. */
import { syncBuiltinESMExports } from 'node:module';
import workerThreads, { type WorkerOptions } from 'node:worker_threads';

/**
 * A worker inherits `--require` and `--import`, except with `execArgv`, with `env` if `NODE_OPTIONS` registered the
 * process, and for `eval: true` except `--import`. `program` is therefore passed to each by `--require`.
 */
export function coverWorkers(program: string): void {
  const NodeWorker = workerThreads.Worker;
  const covered = new Proxy(NodeWorker, {
    construct(target, [file, options, ...rest]: unknown[], newTarget) {
      const given = (options ?? {}) as WorkerOptions;
      const construct = (chosen: unknown): object =>
        Reflect.construct(target, [file, chosen, ...rest], newTarget) as object;
      const execArgv = [...(given.execArgv ?? process.execArgv), '--require', program];
      try {
        return construct({ ...given, execArgv });
      } catch (error) {
        // Flags of the whole process (V8's, for example) are inherited, but cannot be passed.
        if (given.execArgv !== undefined || Reflect.get(Object(error), 'code') !== 'ERR_WORKER_INVALID_EXEC_ARGV') {
          throw error;
        }
        return construct(options);
      }
    },
  });
  workerThreads.Worker = covered;
  syncBuiltinESMExports();
}
