/** Judges the owners and permissions of the files. Pure. */
import { shellWord } from '../../base/terminal-text';
import { basename } from 'node:path';
import type { Ownership } from '../../filesystem/ownership';
import type { Finding } from '../diagnosis';
import type { CheckInput } from './subject';
import { finding } from './finding';

const everybodyWrites = 0o002;
const everybodyEnters = 0o001;
const groupWrites = 0o020;
const ownerWrites = 0o200;
const sticky = 0o1000;

export function* judgePermissions(input: CheckInput): Generator<Finding> {
  const { files } = input.facts;
  // Windows has no such bits.
  if (files === undefined || files.database === null || input.uid === null) return;
  const { database, folder, sidecars } = files;
  yield* judgeWorld([database, ...sidecars], folder);
  yield* judgeOwners(database, sidecars);
  const owner = `user ${database.uid}, mode ${octal(database.permissions)}`;
  if (input.uid !== 0 && input.uid !== database.uid) {
    yield finding('note', 'owner-differs', `The database belongs to ${owner}; you are user ${input.uid}.`, {
      why: 'The findings about write permission concern you, not the program.',
    });
  } else yield finding('ok', 'owner', `The database belongs to ${owner}.`);
}

function* judgeWorld(files: readonly Ownership[], folder: Ownership | null): Generator<Finding> {
  const open = files.filter(({ permissions }) => (permissions & everybodyWrites) !== 0);
  // A folder that others may not enter keeps them from its files, whatever the mode of those is.
  const reached = folder === null || (folder.permissions & everybodyEnters) !== 0;
  if (open.length > 0 && reached) {
    yield finding(
      'warning',
      'world-writable',
      `Every user of this machine can write ${open.map(({ path }) => basename(path)).join(', ')}.`,
      {
        why: 'Any of them, and any program that was broken into, can damage or forge the stored data.',
        action: 'Take the right away.',
        commands: [`chmod o-w ${open.map(({ path }) => shellWord(path)).join(' ')}`],
      },
    );
  }
  if (folder === null || (folder.permissions & everybodyWrites) === 0) return;
  const isSticky = (folder.permissions & sticky) !== 0;
  yield finding(
    'warning',
    'world-writable-folder',
    `Every user of this machine can create files in ${folder.path}${isSticky ? '' : ', and delete or replace those of others'}.`,
    {
      why: isSticky
        ? 'A -journal that another user puts beside the database is played back into it.'
        : 'The database can be replaced by another one, and its -wal can be deleted.',
      action: 'Put the database into a folder of its own that only its user can write.',
      commands: isSticky ? [] : [`chmod o-w ${shellWord(folder.path)}`],
    },
  );
}

/** A shell run by another user leaves a -wal that the service cannot write. */
function* judgeOwners(database: Ownership, sidecars: readonly Ownership[]): Generator<Finding> {
  const strange = sidecars.filter(sidecar => !mayWrite(database, sidecar));
  if (strange.length === 0) return;
  const list = strange.map(
    ({ path, uid, permissions }) => `${basename(path)} (user ${uid}, mode ${octal(permissions)})`,
  );
  yield finding(
    'warning',
    'sidecar-of-another',
    `The owner of the database (user ${database.uid}) cannot write ${list.join(', ')}.`,
    {
      why: 'Another user opened the database, for example with a shell. The program then fails with SQLITE_READONLY or SQLITE_CANTOPEN.',
      action: 'Give the files to the owner of the database; do not delete them.',
      commands: [`chown ${database.uid}:${database.gid} ${strange.map(({ path }) => shellWord(path)).join(' ')}`],
    },
  );
}

/** True if the owner of the database may write the other file; root may write everything. */
function mayWrite(database: Ownership, { uid, gid, permissions }: Ownership): boolean {
  if (database.uid === 0) return true;
  if (uid === database.uid) return (permissions & ownerWrites) !== 0;
  if (gid === database.gid) return (permissions & groupWrites) !== 0;
  return (permissions & everybodyWrites) !== 0;
}

function octal(permissions: number): string {
  return permissions.toString(8).padStart(4, '0');
}
