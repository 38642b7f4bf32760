/** Where one backup is built: the names of its temporary files, with what killed backups left there removed. */
import type { FileHandle } from 'node:fs/promises';
import { accessSync, constants, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname } from 'node:path';
import { wallClockNow } from '../base/clock';
import type { Destination } from './destination';
import type { SchemaPlace } from './source';
import type { BackupEnvironment } from './environment';
import { createTemporary, removeTemporary, reserveTemporary, sweepTemporaries } from './temporary';
import { BackupError } from '../errors/refusals';
import { runJob } from '../maintenance/jobs-client';
import type { FileContent } from '../maintenance/messages';

export interface Build {
  /** Where the copy is written and checked, and the descriptor that syncs and hashes it. */
  readonly work: string;
  readonly handle: FileHandle;
  /** Where it is carried to, when the destination lies on another machine; else `null`. */
  readonly remote: string | null;
  /** The second name that the old file keeps while it is replaced; `null` when nothing is replaced. */
  readonly aside: string | null;
  readonly temporaries: readonly string[];
}

/** Permissions of a copy of a database that has no file to take them from. */
const usualMode = 0o644;

/**
 * Prepares the temporary files in the destination's folder.
 *
 * On a filesystem of another machine SQLite's locks and syncs mean less than they say, so the copy for it is built and
 * verified in the folder of the database and only then carried over.
 */
export async function prepareBuild(
  place: SchemaPlace,
  target: Destination,
  surroundings: Pick<BackupEnvironment, 'isNetwork'>,
): Promise<Build> {
  const remoteFolder = (await surroundings.isNetwork(target.folder)) ? target.folder : null;
  const workFolder = remoteFolder === null ? target.folder : localFolder(place);
  for (const folder of new Set([workFolder, target.folder])) await sweepTemporaries(folder, wallClockNow());
  const mode = modeOf(place);
  const { path: work, handle } = await createTemporary(workFolder, mode);
  try {
    const remote = remoteFolder === null ? null : await createEmpty(remoteFolder, mode);
    const aside = target.replaces ? reserveTemporary(target.folder) : null;
    return { work, handle, remote, aside, temporaries: [work, remote, aside].filter(path => path !== null) };
  } catch (error) {
    await handle.close();
    await removeTemporary(work);
    throw error;
  }
}

async function createEmpty(folder: string, mode: number): Promise<string> {
  const { path, handle } = await createTemporary(folder, mode);
  await handle.close();
  return path;
}

/** The folder of the database, which has room for databases, or where that is read-only, the one for temporary files. */
function localFolder(place: SchemaPlace): string {
  if (place.kind === 'connection') return tmpdir();
  const folder = dirname(place.file);
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return folder;
  } catch {
    return tmpdir();
  }
}

function modeOf(place: SchemaPlace): number {
  if (place.kind === 'connection') return usualMode;
  return (statSync(place.file, { throwIfNoEntry: false })?.mode ?? usualMode) & 0o777;
}

// Carries a verified file to another filesystem, and compares what arrived.

/** Copies `from` to the empty file `to`, synced, and refuses a copy that reads back differently. */
export async function copyToRemote(
  from: string,
  to: string,
  expected: FileContent,
  signal: AbortSignal | undefined,
): Promise<void> {
  const arrived = await runJob({ kind: 'transfer', file: from, destination: to }, { signal });
  if (arrived.bytes === expected.bytes && arrived.sha256 === expected.sha256) return;
  throw new BackupError(
    `The copy that arrived differs from the one that was sent: ${arrived.bytes} bytes, sha256 ${arrived.sha256}.`,
    {
      hint: 'Do not trust that mount with backups before you know why.',
      details: { expected, arrived },
    },
  );
}
