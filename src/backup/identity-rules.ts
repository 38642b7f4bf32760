/** Decides whether a database with a `-backup-id` goes on with the history of that id, or begins one of its own. Pure. */

/**
 * The file compared with the mark in it. `'same'`: it is the file that was written; `'copy'`: another one with its text;
 * `'unsure'`: its inode differs, and the filesystem has no birth times. Some of those give a file another inode with each mount.
 */
export type Likeness = 'same' | 'copy' | 'unsure';

/**
 * What the path in the file leads to. `'itself'`: this file; `'another'`: another database that has this id; `'copy'`:
 * a copy that no process has opened yet, which gets an id of its own then; `'none'`: no database with this id;
 * `'unknown'`: the path belongs to another boot or other mounts, so nothing can be looked at.
 */
export type NamedPlace = 'itself' | 'another' | 'copy' | 'none' | 'unknown';

export interface IdFacts {
  readonly likeness: Likeness;
  /** The path in the file is that of the database. */
  readonly isAtNamedPath: boolean;
  readonly named: NamedPlace;
}

export type IdVerdict =
  | { readonly history: 'same'; readonly reason: 'unmoved' | 'moved' | 'other-inode' }
  | { readonly history: 'new'; readonly reason: 'original-stands' | 'id-taken' | 'original-unknown' };

/**
 * Two databases with one id remove each other's backups, and a history that begins anew loses none: what is uncertain gets a
 * new id. No program can know that the original of a copy is gone: it may stand under any other name.
 */
export function judgeId({ likeness, isAtNamedPath, named }: IdFacts): IdVerdict {
  if (likeness === 'same') {
    if (isAtNamedPath || named === 'itself' || named === 'unknown') return { history: 'same', reason: 'unmoved' };
    if (named === 'another') return { history: 'new', reason: 'id-taken' };
    return { history: 'same', reason: 'moved' };
  }
  if (likeness === 'unsure' && isAtNamedPath && named === 'itself') return { history: 'same', reason: 'other-inode' };
  if (named === 'another') return { history: 'new', reason: 'original-stands' };
  return { history: 'new', reason: 'original-unknown' };
}

/** What the operator reads about it; `null`: nothing is to be said. */
export function noticeOf(
  { reason }: IdVerdict,
  file: string,
  named: { readonly id: string; readonly file: string },
): string | null {
  const earlier = `Backups that carry its former name (${named.id}) stay, and are not removed.`;
  switch (reason) {
    case 'unmoved':
    case 'moved':
      return null;
    case 'other-inode':
      return `${file}-backup-id has another inode than before, on a filesystem without birth times: it may be a copy. Its backups go on under the same name (${named.id}). If the original is in use elsewhere, stop the programs of one of the two and delete its -backup-id.`;
    case 'original-stands':
      return `${file} is a copy of ${named.file}: its backups are kept apart. ${earlier}`;
    case 'id-taken':
      return `${file} was moved from ${named.file}, or copied, and the database there has the same name for its backups: its backups are kept apart. ${earlier}`;
    case 'original-unknown':
      return `${file} was copied, or moved from another filesystem; whether the original is still in use cannot be told, so its backups begin anew. ${earlier}`;
  }
}
