/** Detects a foreign holder of a database in this process: another copy of SQLite, or a plain descriptor. */
import type { FileIdentity } from '../base/file-identity';
import { databaseDescriptors, type OpenedDescriptor, type SoughtDatabase } from '../proc/foreign-descriptors';
import { otherCopies } from '../proc/loaded-copies';

export interface ForeignHolder {
  /** `'descriptor'`: opened by `fs` or similar. `'sqlite'`: opened by a SQLite, possibly by another loaded copy. */
  readonly kind: 'descriptor' | 'sqlite';
  readonly fd: number;
  readonly path: string;
  /** The copies of SQLite that may own it: paths of libraries, or `node:sqlite`. */
  readonly copies: readonly string[];
}

/**
 * Judges the descriptors that are open on a database before this library opens it for the first time.
 *
 * A descriptor that a SQLite opened is a connection of this copy, unless another loaded copy may own it.
 */
export function judgeHolders(
  descriptors: readonly OpenedDescriptor[],
  copies: () => readonly string[],
): ForeignHolder | null {
  const plain = descriptors.find(({ opener }) => opener === 'plain');
  if (plain !== undefined) return { kind: 'descriptor', fd: plain.fd, path: plain.path, copies: [] };
  const first = descriptors.find(({ opener }) => opener === 'sqlite');
  if (first === undefined) return null;
  const others = copies();
  return others.length === 0 ? null : { kind: 'sqlite', fd: first.fd, path: first.path, copies: others };
}

/** Returns what else in this process has the database open; null if nothing has, or if `/proc` cannot tell. */
export function findForeignHolder(database: SoughtDatabase, addon: FileIdentity | null): ForeignHolder | null {
  return judgeHolders(databaseDescriptors(database), () => otherCopies(addon));
}
