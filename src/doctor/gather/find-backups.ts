/** Finds the scheduled backups of a database in the usual folders. */
import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { readDatabaseId } from '../../backup/database-id';
import { listBackups } from '../../backup/folder';
import { isTrusted } from '../../filesystem/trust';
import type { Location } from '../../filesystem/locate';
import type { BackupFacts, FoundBackup } from '../facts';

/** Beside the database, and in a folder there. */
const usualFolders = ['.', 'backup', 'backups'];

export async function findBackups({ file, directory }: Location, given: string | null): Promise<BackupFacts> {
  const usual = usualFolders.map(name => join(directory, name));
  const folders = (given === null ? usual : [...usual, resolve(given)]).filter(folder => existsSync(folder));
  const found = readDatabaseId(file);
  const id = found.state === 'known' ? found.id : null;
  const owner = statSync(file, { throwIfNoEntry: false })?.uid;
  const isOwner = (uid: number): boolean => uid === owner || isTrusted(uid);
  const backups: FoundBackup[] = [];
  for (const folder of new Set(folders)) {
    for (const stored of (await listBackups(folder, { source: file, id, isOwner })).filter(
      ({ kind }) => kind !== 'foreign' && kind !== 'other',
    )) {
      const bytes = statSync(stored.path, { throwIfNoEntry: false })?.size;
      if (bytes !== undefined) backups.push({ ...stored, bytes });
    }
  }
  return { folders, backups: backups.toSorted((left, right) => left.moment - right.moment) };
}
