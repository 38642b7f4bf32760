/** Gathers the facts step by step, in a safe order: steps that cannot hang come first. */
import { constants, lstatSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { accessError } from '../../filesystem/access-error';
import { bootId, fenceMarkerPath, readFenceMarker } from '../../filesystem/fence-marker';
import { readDevice } from '../../filesystem/linux/device';
import { inspectFilesystem } from '../../filesystem/inspect';
import { locate, type Location } from '../../filesystem/locate';
import { readOwnership } from '../../filesystem/ownership';
import { preflightFacts } from '../../filesystem/preflight-facts';
import { readSpace } from '../../filesystem/space';
import { readDatabaseHeader } from '../../format/database-header';
import { readRollbackJournal } from '../../format/rollback-journal';
import { readWalFile } from '../../format/wal-file';
import { suspectWal } from '../../filesystem/wal-age';
import { readWalIndex } from '../../format/wal-index';
import { identityAt } from '../../filesystem/locate';
import { isOpenOnWindows } from '../../proc/holders';
import { scanProcesses } from '../../proc/processes';
import type { DoctorFacts, GatherRequest, StepName } from '../facts';
import { findBackups } from './find-backups';
import { findNeighbours } from './find-neighbours';

type Step<Name extends StepName> = (request: GatherRequest) => DoctorFacts[Name] | Promise<DoctorFacts[Name]>;

/** A WAL of some gigabytes is not read to its end: memory delivers 500 MB/s and more in this time. */
const walBudgetMs = 2000;

/**
 * The mount table and sysfs first, which access no server and no disk; then the files, by name alone; then `/proc`;
 * then the bytes. This process has no connection, so none of this can cancel a lock.
 */
export const steps: { readonly [Name in StepName]: Step<Name> } = {
  ground: ({ path }) => inspectFilesystem(path),
  device: ({ path }) => {
    const { mountId } = inspectFilesystem(path).evidence;
    return mountId === null ? null : readDevice(mountId);
  },
  files: request => {
    const location = place(request);
    const sidecars = [location.wal, location.shm, location.journal];
    return {
      database: readOwnership(location.file, true),
      folder: readOwnership(location.directory, true),
      sidecars: sidecars.map(path => readOwnership(path)).filter(found => found !== null),
      preflight: preflightFacts(location, { forReport: true }),
      nearestFolder: nearestFolder(location.directory),
      unreadable: [location.file, ...sidecars].filter(isForbidden),
      openOnWindows: isOpenOnWindows(location.file),
    };
  },
  fence: request => {
    const { file } = place(request);
    // Throws where the folder may not be searched: that says nothing about a marker.
    lstatSync(fenceMarkerPath(file), { throwIfNoEntry: false });
    const marker = readFenceMarker(file);
    if (marker === null) return null;
    const boot = bootId();
    return { marker, sameBoot: boot === null || marker.boot === null ? null : boot === marker.boot };
  },
  space: request => readSpace(place(request).directory),
  processes: request => {
    const { file, wal, shm, journal } = place(request);
    const wanted = { database: file, wal, shm, journal } as const;
    const roles = ['database', 'wal', 'shm', 'journal'] as const;
    return scanProcesses(roles.map(role => ({ role, path: wanted[role], identity: identityAt(wanted[role]) })));
  },
  header: request => readDatabaseHeader(place(request).file),
  journals: request => {
    const { file, wal, shm, journal } = place(request);
    // The index first: the frames it counts are already in the file, unless the WAL was reset, which the salts show.
    const index = readWalIndex(shm);
    const suspicion = suspectWal(file);
    const olderThanDatabase = suspicion?.contentIsNewer ?? false;
    return {
      index,
      wal: readWalFile(wal, walBudgetMs),
      olderThanDatabase,
      walSuspected: suspicion !== null,
      rollback: readRollbackJournal(journal),
    };
  },
  neighbours: request => findNeighbours(place(request)),
  backups: request => findBackups(place(request), request.backups),
};

/** True if the rights of this user are the reason why the file cannot be read. */
function isForbidden(path: string): boolean {
  const error = accessError(path, constants.R_OK);
  return error === 'EACCES' || error === 'EPERM';
}

function nearestFolder(folder: string): string {
  const exists = statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true;
  return exists || folder === dirname(folder) ? folder : nearestFolder(dirname(folder));
}

/** Also on mounts that could hang: the waiting process kills this one then. */
function place({ path }: GatherRequest): Location {
  return locate(path, { touchShared: true });
}
