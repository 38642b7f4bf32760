/** A mounted folder that a database is put in, with the other ways that lead to the same folder. */

export interface Ground {
  /** What is mounted, as the record names it. */
  readonly name: string;
  /** The folder, seen through the mount under test. */
  readonly near: string;
  /** The same folder through a second mount that shares no cache with the first: what another machine has. */
  readonly far?: string;
  /** The same folder on the server's own filesystem: what a process of the server, or another share, has. */
  readonly server?: string;
}

/** Mounts one ground after the other; each is mounted while it is yielded and gone when the next is asked for. */
export type Grounds = (work: string) => Generator<Ground>;
