/** The program of races.test.mts: what root does in the folder of another user, one operation at a time. */
import { backUp } from '../backup/fixture.mts';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Native from 'better-sqlite3';
import { clearFence, openDatabase, restoreDatabase } from 'safe-sqlite';
import { startSchedule } from '../../dist/backup/schedule.js';
import { writeFenceMarker } from '../../dist/filesystem/fence-marker.js';
import { rescue } from '../../dist/sentinel/rescue.js';
import { serve } from '../support/fault-scenario.mts';

export interface Turn {
  /** A folder of root that no other user may enter; it holds the database that is copied. */
  readonly own: string;
  /** The folder in which another user may write. */
  readonly shared: string;
  readonly umask: number;
}

const cli = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url));
const quiet = { logger: false } as const;

async function withSource<Result>(own: string, run: (db: ReturnType<typeof openDatabase>) => Promise<Result>) {
  const db = openDatabase(join(own, 'app.db'), quiet);
  try {
    return await run(db);
  } finally {
    db.close();
  }
}

async function commandLine(...args: string[]): Promise<string> {
  const child = spawn(process.execPath, [cli, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code === 0) return args.at(-1) ?? '';
  throw Object.assign(new Error(said), { code: `SAFE_SQLITE_EXIT_${code}` });
}

/** Each returns the file that it says it made; `null`: none. */
const operations: Readonly<Record<string, (turn: Turn) => Promise<string | null> | string | null>> = {
  'backup vacuum-into': ({ own, shared }) =>
    withSource(own, async db => (await db.backup(join(shared, 'copy.db'), { method: 'vacuum-into' })).path),
  'backup online': ({ own, shared }) =>
    withSource(own, async db => (await db.backup(join(shared, 'copy.db'), { method: 'online' })).path),
  'backup replace': ({ own, shared }) =>
    withSource(own, async db => (await db.backup(join(shared, 'old.db'), { overwrite: true })).path),
  snapshot: ({ own, shared }) =>
    withSource(own, async db => (await db.withSnapshot(() => 1, { directory: shared })).snapshot),
  schedule: ({ own, shared }) =>
    withSource(own, async db => {
      const { promise, resolve, reject } = Promise.withResolvers<string | null>();
      const schedule = startSchedule(
        {
          directory: shared,
          intervalMs: 3_600_000,
          keep: { newest: 1, daily: 0, weekly: 0 },
          verify: 'quick',
          reserveBytes: null,
        },
        {
          source: join(own, 'app.db'),
          backup: (destination, signal, onFinished) => {
            const raw = new Native(db.name);
            return backUp(raw, destination, { signal }, { onFinished }).finally(() => raw.close());
          },
          onFailure: reject,
        },
      );
      const settled = setInterval(() => {
        if (!schedule.state().running) resolve(schedule.state().lastBackup?.path ?? null);
      }, 5);
      try {
        return await promise;
      } finally {
        clearInterval(settled);
        await schedule.stop();
      }
    }),
  'schedule into a new folder': async ({ own, shared, umask }) =>
    operations['schedule']?.({ own, shared: join(shared, 'new'), umask }) ?? null,
  rescue: ({ own, shared }) => {
    const db = new Native(join(own, 'app.db'));
    try {
      const result = rescue(db, { schema: 'main', name: 'app.db', directories: [shared] }, new Date(0));
      if (!result.rescued) throw Object.assign(new Error(result.error.message), { code: 'SAFE_SQLITE_RESCUE' });
      return result.path;
    } finally {
      db.close();
    }
  },
  'restore to a new file': async ({ own, shared }) => {
    await restoreDatabase({ from: join(own, 'app.db'), to: join(shared, 'new.db') });
    return join(shared, 'new.db');
  },
  'restore over a database': async ({ own, shared }) => {
    await restoreDatabase({ from: join(own, 'app.db'), to: join(shared, 'old.db') });
    return join(shared, 'old.db');
  },
  'restore over a fenced database': async ({ own, shared }) => {
    writeFenceMarker({ file: join(shared, 'old.db'), ...fault });
    await restoreDatabase({ from: join(own, 'app.db'), to: join(shared, 'old.db') });
    return join(shared, 'old.db');
  },
  'fence marker': ({ shared }) => {
    const error = writeFenceMarker({ file: join(shared, 'old.db'), ...fault });
    if (error !== null) throw Object.assign(error, { code: 'SAFE_SQLITE_MARKER' });
    return null;
  },
  clearFence: async ({ shared }) => {
    writeFenceMarker({ file: join(shared, 'old.db'), ...fault });
    await clearFence(join(shared, 'old.db'));
    return null;
  },
  'command line: backup': ({ own, shared }) => commandLine('backup', join(own, 'app.db'), join(shared, 'copy.db')),
  'command line: restore': ({ own, shared }) => commandLine('restore', join(own, 'app.db'), join(shared, 'old.db')),
};

const fault = {
  time: '2026-01-01T00:00:00.000Z',
  code: 'SQLITE_IOERR_FSYNC',
  operation: 'commit',
  message: 'disk I/O error',
};

serve({
  names: () => Object.keys(operations),
  run: async ({ name, turn }: { name: string; turn: Turn }) => {
    if (!existsSync(turn.own)) mkdirSync(turn.own);
    process.umask(turn.umask);
    const operation = operations[name];
    if (operation === undefined) throw new Error(`There is no operation ${name}.`);
    return operation(turn);
  },
});
