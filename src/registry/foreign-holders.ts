/** Whether somebody else in this process already has a database open: another copy of SQLite, or a plain descriptor. */
import type { FileIdentity } from '../base/file-identity';
import { databaseDescriptors, type OpenedDescriptor } from '../proc/foreign-descriptors';
import { otherCopies } from '../proc/loaded-copies';

export interface ForeignHolder {
  /** `'descriptor'`: opened by `fs` or the like. `'sqlite'`: opened by a SQLite, and there is another copy it may be. */
  readonly kind: 'descriptor' | 'sqlite';
  readonly fd: number;
  readonly path: string;
  /** The copies of SQLite that it may belong to: paths of libraries, or `node:sqlite`. */
  readonly copies: readonly string[];
}

/**
 * Judges the descriptors that are open on a database before this library opens it for the first time.
 *
 * One that a SQLite opened is a connection of our own copy, unless another copy is loaded that it may belong to.
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

/** Looks for a foreign holder of the database `file`; null when there is none, or where `/proc` cannot tell. */
export function findForeignHolder(
  file: string,
  identity: FileIdentity,
  addon: FileIdentity | null,
): ForeignHolder | null {
  return judgeHolders(databaseDescriptors(file, identity), () => otherCopies(addon));
}
