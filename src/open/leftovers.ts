/**
 * Clears the sidecars of a database that was deleted and is made again, while this process still has the deleted file open:
 * test suites do it all the time. better-sqlite3 deletes them unseen, or uses them for the new file.
 */
import { identityNow } from '../proc/path-identity';
import { descriptorsBy, descriptorsOn } from '../proc/descriptors';
import { sameFile, type FileIdentity } from '../base/file-identity';
import { OrphanedJournalError } from '../errors/refusals';
import type { Location } from '../filesystem/locate';
import type { PlanWarning } from '../policy/plan';
import { deletionsAreNoted } from '../process-guard/install';
import { deletionOf, hadAnotherFileAt, noteDeletion } from '../registry/registry';
import { takeSidecarsAway } from '../sentinel/set-aside';

export interface LeftoverOptions {
  readonly readonly: boolean;
  readonly fileMustExist: boolean;
}

/**
 * Takes away only sidecars that are certain to belong to the deleted file: this process has each of them open, it has a
 * deleted file open that was opened by this name, and it does not have open what stands at the name now. Those of a file
 * that this process deleted itself are removed, the others get a dated name. Null where nothing was done.
 * An open that only reads takes nothing away; it throws `OrphanedJournalError`.
 */
export function clearLeftovers(location: Location, options: LeftoverOptions): PlanWarning | null {
  const { file, identity, size, untouched } = location;
  const isNew = size === null || size === 0;
  if (untouched || (isNew && options.readonly) || (options.fileMustExist && size === null)) return null;
  // A question that costs nothing for nearly every open.
  const hadAnother = hadAnotherFileAt(file, identity);
  if (!isNew && !hadAnother) return null;
  const beside = ['-wal', '-shm', '-journal'].flatMap(suffix => {
    const found = identityNow(`${file}${suffix}`);
    return found === null ? [] : [{ path: `${file}${suffix}`, identity: found }];
  });
  if (beside.length === 0 && !hadAnother) return null;
  const deleted = deletedFileOf(file);
  if (deleted === null) return null;
  if (options.readonly) {
    refuseLeftovers(file, ownOf(beside, identity));
    return null;
  }
  const noted = deletionOf(deleted) !== null;
  // Without the process guard the deletion was not seen: making the file again says that it was meant.
  if (!noted && isNew && !deletionsAreNoted()) noteDeletion(deleted, 'this process made it again');
  const { moved, removed } = takeSidecarsAway(file, ownOf(beside, identity), noted ? 'remove' : 'rename');
  if (moved.length + removed.length === 0) return null;
  const what = [
    ...(removed.length === 0 ? [] : [`${removed.join(' and ')} of the deleted file were removed`]),
    ...(moved.length === 0 ? [] : [`what belonged to the deleted file was set aside as ${moved.join(' and ')}`]),
  ];
  return {
    code: 'deleted-database-still-open',
    message: `${file} was deleted while this process had it open, and it is opened anew: ${what.join(', ')}. Close a database before you delete it.`,
  };
}

interface Sidecar {
  readonly path: string;
  readonly identity: FileIdentity;
}

/** Those that this process has open, while it does not have open what stands at the name now. */
function ownOf(beside: readonly Sidecar[], identity: FileIdentity | null): readonly Sidecar[] {
  const open = descriptorsOn(...beside.map(each => each.identity), ...(identity === null ? [] : [identity]));
  if (!open.supported) return [];
  const isOpen = (wanted: FileIdentity): boolean => open.descriptors.some(each => sameFile(each.identity, wanted));
  if (identity !== null && isOpen(identity)) return [];
  return beside.filter(each => isOpen(each.identity));
}

/** A connection that only reads would show the commits of the deleted file as if they were in the new one. */
function refuseLeftovers(file: string, own: readonly Sidecar[]): void {
  const [first] = own;
  if (first === undefined) return;
  const names = own.map(({ path }) => path).join(' and ');
  throw new OrphanedJournalError(
    `Refused to open ${file} for reading: it was deleted while this process had it open, and ${names} belong to the deleted file. SQLite would read them as part of the new one. Nothing was touched.`,
    {
      hint: 'Close the database before you delete it. Or open the new file for writing first: that takes away what belongs to the deleted one.',
      details: { file, journal: first.path },
    },
  );
}

/** The deleted file that this process still has open and that was opened by the name `file`. */
function deletedFileOf(file: string): { readonly dev: bigint; readonly ino: bigint } | null {
  const found = descriptorsBy(file);
  if (!found.supported) return null;
  return found.descriptors.find(({ deleted }) => deleted)?.identity ?? null;
}
