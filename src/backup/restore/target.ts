/** Finds the source and the target of a restore, and refuses unsafe ones. */
import { accessSync, constants, lstatSync, realpathSync, statSync, type BigIntStats } from 'node:fs';
import { resolve } from 'node:path';
import { sameFile, type FileIdentity } from '../../base/file-identity';
import { RestoreError } from '../../errors/refusals';
import { foreignLinks } from '../../filesystem/foreign-control';
import { isTrusted } from '../../filesystem/trust';
import { findHolders } from '../../proc/holders';
import { besideMissing, databaseBesideOf, isHeldOnWindows, placeOf, type PlacedFile } from '../place';
import type { BackupEnvironment } from '../environment';

export interface RestoreGround {
  readonly from: PlacedFile & { readonly facts: BigIntStats };
  readonly to: PlacedFile;
}

/** Finds both files, and refuses a target that is open anywhere. Opens neither. */
export function checkGround(from: string, to: string, isOpenHere: BackupEnvironment['isOpenHere']): RestoreGround {
  const backup = placed(from, 'backup');
  const target = placed(to, 'target');
  refuseForeignLink(to);
  if (backup.facts?.isFile() !== true) {
    const beside = backup.facts === null ? besideMissing(backup) : '';
    refuse(`There is no backup at ${backup.path}${beside}.`, 'Name the file to restore from.', backup.path);
  }
  refuseExchangedBackup(from, { ...backup, facts: backup.facts });
  refuseAlias(backup, backup.facts);
  if (backup.path === target.path || (target.facts !== null && sameFile(backup.facts, target.facts))) {
    refuse(`${target.path} is the backup itself.`, 'Name the database to restore.', target.path);
  }
  if (target.facts !== null && !target.facts.isFile()) {
    refuse(`${target.path} is not a regular file.`, 'Name the file of the database.', target.path);
  }
  const database = databaseBesideOf(target.path);
  if (database !== null) {
    refuse(`${target.path} is a file of the database ${database}.`, 'Name the database to restore.', target.path);
  }
  try {
    accessSync(target.folder, constants.W_OK | constants.X_OK);
  } catch (cause) {
    const hint = 'Give the process the right to create files there.';
    throw new RestoreError(`The directory ${target.folder} cannot be written to.`, { hint, cause });
  }
  if (target.facts !== null) refusePlantedTarget(target, target.facts);
  if (target.facts !== null) refuseOpen(target.path, target.facts, isOpenHere);
  return { from: { ...backup, facts: backup.facts }, to: target };
}

function refuseForeignLink(given: string): void {
  const [link] = foreignLinks(resolve(given.trim()));
  if (link === undefined) return;
  refuse(
    `${link.path} is a symbolic link of user ${link.uid}.`,
    'Name the file itself: another user decides where that link leads.',
    link.path,
  );
}

/**
 * A link of another user would give them any database that this user may read: its content gets the owner of the target.
 * Asked after the file was found: without a link on the way its path is the given one, and it is the file at that path.
 */
function refuseExchangedBackup(given: string, { path, facts }: RestoreGround['from']): void {
  const absolute = resolve(given.trim());
  refuseForeignLink(absolute);
  const found = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  const isSame = found !== undefined && found.isFile() && sameFile(found, facts);
  if (isSame && (path === absolute || realpathSync(absolute) === path)) return;
  refuse(`${absolute} was exchanged while it was looked at.`, 'Copy it to a folder of your own first.', absolute);
}

/** Refuses a second name of a database in use: its latest commits are in the sidecars of the other name, which SQLite cannot find. */
function refuseAlias({ path, sidecars }: PlacedFile, facts: BigIntStats): void {
  if (facts.nlink < 2n || sidecars.length > 0) return;
  const pids = [...new Set(findHolders(facts).map(({ pid }) => pid))];
  if (pids.length === 0) return;
  refuse(
    `${path} is one of ${facts.nlink} names (hard links) of a file that process ${pids.join(', ')} has open: its latest commits may be in a -wal or -journal beside another name.`,
    'Restore from the name that the process opened, or from a backup that `npx safe-sqlite backup` makes of it.',
    path,
    { links: Number(facts.nlink) },
  );
}

/** Refuses a file that another user may have put under the name of the target to get its content, or that cannot be replaced. */
function refusePlantedTarget({ path, folder }: PlacedFile, facts: BigIntStats): void {
  const { mode, uid: folderOwner } = statSync(folder);
  const own = process.geteuid?.();
  const [owner, group] = [Number(facts.uid), Number(facts.gid)];
  if (own === undefined || owner === own || owner === folderOwner) return;
  const isSticky = (mode & 0o1000) !== 0;
  const cannotReplace = isSticky && own !== 0 && folderOwner !== own;
  const isPlanted = (mode & constants.S_IWOTH) !== 0 && !isTrusted(owner);
  if (!cannotReplace && !isPlanted) return;
  const why = cannotReplace
    ? 'only that user may replace it there (sticky bit)'
    : 'anyone may have taken that name in this folder, and would get the content of the backup';
  refuse(
    `${path} belongs to user ${owner}, and ${why}.`,
    `If that is the user of the database, restore as that user: \`setpriv --reuid=${owner} --regid=${group} --clear-groups npx safe-sqlite restore …\`. Otherwise name another file.`,
    path,
    { uid: owner },
  );
}

/** Refuses a file that this process, or another one, has open. */
export function refuseOpen(path: string, identity: FileIdentity, isOpenHere: BackupEnvironment['isOpenHere']): void {
  if (isOpenHere(identity)) {
    refuse(`${path} is open in this process.`, 'Close every connection to it, then restore.', path);
  }
  if (isHeldOnWindows(path)) {
    refuse(
      `${path}, or a file beside it, is open in another program.`,
      'Stop that program, then restore: it would go on writing to the old file.',
      path,
      { inUse: path },
    );
  }
  const holders = findHolders(identity);
  if (holders.length === 0) return;
  const pids = [...new Set(holders.map(({ pid }) => pid))];
  refuse(
    `${path} is open in process ${pids.join(', ')}.`,
    'Stop that process, then restore: it would keep writing to the old file.',
    path,
    { pids, inUse: path },
  );
}

function placed(path: string, role: 'backup' | 'target'): PlacedFile {
  try {
    return placeOf(path);
  } catch (cause) {
    throw new RestoreError(`The ${role} ${path} cannot be found: ${(cause as Error).message}`, {
      hint: 'Check the path: its directory does not exist, or a symbolic link is dangling.',
      cause,
    });
  }
}

function refuse(message: string, hint: string, path: string, details: object = {}): never {
  throw new RestoreError(message, { hint, details: { path, ...details } });
}
