/** The program of a reader process: opens a read-only connection, answers queries, and dies with the process that asked. */
import { Worker } from 'node:worker_threads';
import type { FromReader, ToReader } from './messages';
import { openReadConnection } from './read-connection';
import { failureOf, ReadServer } from './serve-reads';

/**
 * Standard input ends when the parent is gone, however it went. A thread of its own sees that also while SQLite works in
 * this one, and ends the process at once: only SIGKILL ends a call of SQLite.
 */
const watchParent = `
  const { Socket } = require('node:net');
  const end = () => process.kill(process.pid, 'SIGKILL');
  new Socket({ fd: 0 }).on('error', end).on('close', end).resume();
`;

function send(message: FromReader): void {
  process.send?.(message, undefined, {}, () => {});
}

function main(): void {
  process.title = 'safe-sqlite reader';
  const heapOfWatch = { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 2, stackSizeMb: 1 };
  new Worker(watchParent, { eval: true, execArgv: [], resourceLimits: heapOfWatch });
  // Ctrl-C and systemd signal the whole group: the parent decides when its readers end.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
  process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
  let server: ReadServer | null = null;
  process.on('message', (message: ToReader) => {
    if (message.type === 'open') {
      openReadConnection(message.settings)
        .then(db => {
          server = new ReadServer(db, send, { pieceMs: message.settings.pieceMs, retryBusyMs: 0 });
          send({ type: 'ready' });
        })
        .catch((error: unknown) => send({ type: 'failed', error: failureOf(error) }));
    } else if (message.type === 'close') {
      server?.close();
      process.exit(0);
    } else server?.handle(message);
  });
}

main();
