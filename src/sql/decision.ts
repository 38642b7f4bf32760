/** What the guard is told about a database, and what it answers about a text. */

/** What the guard needs to know about the database that a text is meant for. */
export interface GuardContext {
  /** `'memory'` only while the connection has no file at all, attached ones included. */
  readonly storage: 'file' | 'memory';
  /** Whether `journal_mode = wal` may be set. */
  readonly walAllowed: boolean;
  /** The level that the plan proved; nothing below it may be set. */
  readonly synchronous: 'full' | 'extra';
  readonly platform: NodeJS.Platform;
  /** `dangerously.allowUnsyncedCommits` was given. */
  readonly allowUnsyncedCommits: boolean;
}

/** A pragma as it is written, quotes taken off; `value` is `null` when it only reads. */
export interface WrittenPragma {
  readonly schema: string | null;
  readonly name: string;
  readonly value: string | null;
}

export interface WrittenAttach {
  /** As written, not resolved; `''` and `':memory:'` are databases without a file. */
  readonly file: string;
  readonly schema: string;
}

/** Where VACUUM INTO writes: a file as it is written, or the parameter (`?`, `:name`) that the file is bound to. */
export type WrittenCopy = { readonly file: string } | { readonly parameter: string };

/** What has to be looked at behind a text that is let through. */
export interface Watched {
  /** Guarded and unknown pragmas that set a value: read the protections back. Noted ones also where they only ask. */
  readonly pragmas: readonly WrittenPragma[];
  /** Databases to protect as soon as they are attached. */
  readonly attaches: readonly WrittenAttach[];
  /** Schema names, as written. */
  readonly detaches: readonly string[];
  /** The files that VACUUM INTO writes: to be judged before each execution. */
  readonly copies: readonly WrittenCopy[];
}

export interface Refused {
  readonly verdict: 'refused';
  readonly statement: 'PRAGMA' | 'ATTACH' | 'DETACH' | 'VACUUM INTO';
  /** The word that takes the protection away, as it is written. */
  readonly token: string;
  /** Where it stands: UTF-16 code units from the beginning of the text. */
  readonly position: number;
  readonly reason: string;
  /** What to do instead. */
  readonly instead: string;
  /** The pragma, when it is one. */
  readonly pragma: WrittenPragma | null;
}

export type GuardDecision =
  /** Nothing in the text concerns a protection. */
  | { readonly verdict: 'ordinary' }
  | Refused
  /** Let through, and to be looked at as soon as the whole text has run. */
  | ({ readonly verdict: 'watched' } & Watched);
