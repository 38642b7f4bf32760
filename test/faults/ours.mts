/** The subject `ours`: this library, as a user opens it. */
import { Database } from 'safe-sqlite';
import type { Connection, Handle, OpenSettings, Subject } from './subject.mts';

export const ours: Subject = { name: 'ours', open };

function open(file: string, settings: OpenSettings): Connection {
  const database = new Database(file, {
    timeout: settings.timeout ?? 50,
    journalMode: settings.journal === 'wal' ? 'wal' : 'rollback',
    logger: false,
  });
  const told: Error[] = [];
  database.events.on('checkpointFailed', ({ error }) => told.push(error));
  return {
    told,
    // Ours has the same members with types of its own.
    handle: database as unknown as Handle,
    checkpoint: mode => (database as unknown as Pick<Connection, 'checkpoint'>).checkpoint(mode),
    attach: (second, name) => void database.attach(second, name),
    backup: async destination => void (await database.backup(destination, { overwrite: true })),
    write: fn => database.write(fn),
    close: () => void database.close(),
  };
}
