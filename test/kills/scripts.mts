/** The scripts that are killed: those of the write boundaries, and what needs a fault or a vandal to happen at all. */
import { execFileSync } from 'node:child_process';
import { basename, join } from 'node:path';
import type { FaultRule } from '../support/fault-shim.mts';
import { commit, database, open, prepared, scripts, type Script, type Stage } from '../power/boundaries/scripts.mts';

export interface KillScript extends Script {
  /** Faults that make the run what it is, for a database in `folder`. */
  readonly faults?: (folder: string) => readonly FaultRule[];
  /** The same for what the run begins with. */
  readonly faultsBefore?: (folder: string) => readonly FaultRule[];
}

/** The prebuilt SQLite calls fsync for the WAL, but that is not a promise of its. */
const failingWal = (folder: string): readonly FaultRule[] => [
  { calls: ['fsync', 'fdatasync'], path: `${folder}/${database}-wal`, nth: 4, count: 'all', action: { fail: 'EIO' } },
];

/** Commits until the storage fails, and lets go of the fenced database. */
function untilFenced(stage: Stage): void {
  const connection = open(stage);
  try {
    commit(stage, connection, 10);
  } catch (error) {
    if (!isOf(error, 'SQLITE_IOERR')) throw error;
    connection.close();
    return;
  }
  throw new Error('The storage did not fail.');
}

async function clearAndGoOn(stage: Stage): Promise<void> {
  const { clearFence } = await import('safe-sqlite');
  const { fence } = await clearFence(join(stage.folder, database));
  if (fence === null) throw new Error('The database was not fenced.');
  const connection = open(stage);
  commit(stage, connection, 3);
  connection.close();
}

/** Another program deletes the files of an open database; the next commit finds that out and saves what was committed. */
async function rescued(stage: Stage): Promise<void> {
  const connection = open(stage);
  commit(stage, connection, 4);
  // By another program: what a process deletes itself is not rescued.
  const files = ['', '-wal', '-shm'].map(suffix => join(stage.folder, `${database}${suffix}`));
  execFileSync('rm', files, { env: { PATH: process.env['PATH'] } });
  try {
    commit(stage, connection);
  } catch (error) {
    const { rescued: path } = (error as { details?: { rescued?: string | null } }).details ?? {};
    if (path === undefined || path === null) throw error;
    await stage.teller.copy(basename(path), database, async () => undefined);
    return;
  }
  throw new Error('A commit into deleted files was acknowledged.');
}

function isOf(error: unknown, family: string): boolean {
  return error instanceof Error && String((error as { code?: unknown }).code).startsWith(family);
}

export const killScripts: readonly KillScript[] = [
  ...scripts,
  {
    name: 'fence',
    title: 'the storage fails, and the file is fenced',
    journal: 'wal',
    prepare: prepared,
    run: untilFenced,
    faults: failingWal,
    only: 'ours',
  },
  {
    name: 'clear-fence',
    title: 'a fence is cleared, and work goes on',
    journal: 'wal',
    prepare: stage => {
      prepared(stage);
      untilFenced(stage);
    },
    faultsBefore: folder => failingWal(folder).map(rule => ({ ...rule, nth: 20 })),
    run: clearAndGoOn,
    only: 'ours',
  },
  {
    name: 'rescue',
    title: 'the files are deleted under a live connection, which saves what it committed',
    journal: 'wal',
    prepare: prepared,
    run: rescued,
    takenAway: database,
    only: 'ours',
  },
];

export function killScriptNamed(name: string): KillScript {
  const script = killScripts.find(each => each.name === name);
  if (script === undefined)
    throw new Error(`No script ${name}: there are ${killScripts.map(each => each.name).join(', ')}.`);
  return script;
}
