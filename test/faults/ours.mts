/** The subject `ours`: this library, as a user opens it. */
import { Database } from 'safe-sqlite';
import type { Connection, Handle, OpenSettings, Subject } from './subject.mts';

export const ours: Subject = { name: 'ours', open };

function open(file: string, settings: OpenSettings): Connection {
  const database = new Database(file, {
    timeout: settings.timeout ?? 50,
    journalMode: settings.journal === 'wal' ? 'wal' : 'rollback',
    logger: false,
    ...(settings.untimed === true && { sentinel: { intervalMs: 3_600_000 } }),
    // The smallest limit there is: whatever a commit writes is above it.
    ...(settings.scheduled === true && { checkpoint: { walBytes: 512 } }),
  });
  const told: Error[] = [];
  database.events.on('checkpointFailed', ({ error }) => told.push(error));
  // A read of the sentinel's own that fails: nothing of the application failed, and the warning says what could not be seen.
  database.events.on('warning', ({ code, message }) => {
    if (code === 'sentinel-cannot-look') told.push(Object.assign(new Error(message), { code, hint: message }));
  });
  return {
    told,
    nextCheckpoint: () =>
      new Promise(resolve => {
        for (const end of ['checkpoint', 'checkpointBlocked', 'checkpointFailed', 'fenced'] as const)
          database.events.once(end, () => resolve());
      }),
    // Ours has the same members with types of its own.
    handle: database as unknown as Handle,
    checkpoint: mode => database.checkpoint(mode),
    attach: (second, name) => void database.attach(second, name),
    backup: async destination => void (await database.backup(destination, { overwrite: true })),
    write: fn => database.write(fn),
    close: () => void database.close(),
  };
}
