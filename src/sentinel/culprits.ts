/** Who may have taken the locks or the files away: what can still be seen of it after the fact. */
import type { FileIdentity } from '../base/file-identity';
import { databaseDescriptors } from '../proc/foreign-descriptors';
import { otherCopies } from '../proc/loaded-copies';

/** Names the likely culprits of lost locks, the surest first; never empty. */
export function lockCulprits(file: string, identity: FileIdentity, addon: FileIdentity | null): readonly string[] {
  const descriptors = databaseDescriptors(file, identity)
    .filter(({ opener }) => opener === 'plain')
    .map(({ fd, path }) => `descriptor ${fd}, which has ${path} open and is not SQLite's`);
  const copies = otherCopies(addon).map(copy => `another copy of SQLite in this process: ${copy}`);
  const named = [...descriptors, ...copies];
  return named.length > 0
    ? named
    : ['code in this process that opened and closed the file, such as fs.readFile, fs.copyFile or a stream'];
}
