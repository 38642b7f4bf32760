/** Declares the types of the guard: the facts about a database that it judges by, and its decision about a text. */

/** The facts about the database that a text is meant for. */
export interface GuardContext {
  /** `'memory'` only while the connection has no file at all, attached ones included. */
  readonly storage: 'file' | 'memory';
  /** True if `journal_mode = wal` may be set. */
  readonly walAllowed: boolean;
  /** The level that the plan verified; no lower level may be set. */
  readonly synchronous: 'full' | 'extra';
  readonly platform: NodeJS.Platform;
  /** `dangerously.allowUnsyncedCommits` was given. */
  readonly allowUnsyncedCommits: boolean;
  /** `'keep'`: a pragma that asks for less safety is answered and changes nothing. `'throw'`: it is rejected. */
  readonly weakerPragmas: 'keep' | 'throw';
}

/** A pragma as written, without quotes; `value` is `null` if it only reads. */
export interface WrittenPragma {
  readonly schema: string | null;
  readonly name: string;
  readonly value: string | null;
}

/** A pragma that asks for less safety than the connection has, and how it is handled. */
export interface WeakerPragma {
  readonly pragma: WrittenPragma;
  /** `'kept'`: SQLite gets a text that keeps the protection. `'granted'`: it gets the pragma as written. */
  readonly outcome: 'kept' | 'granted';
  readonly reason: string;
  /** A safe way to the speed, or the effect, that the pragma asks for. */
  readonly instead: string;
}

/** An operand of ATTACH, DETACH or VACUUM INTO. */
export interface Operand {
  /** The expression as SQL, with single spaces between its tokens. */
  readonly sql: string;
  /** The same with NULL for each parameter: the meaning of the text without bound values. */
  readonly unbound: string;
  /** Its text, if known before it runs: a string or a name. */
  readonly literal: string | null;
}

export interface WrittenAttach {
  readonly file: Operand;
  readonly schema: Operand;
  /** The KEY clause, whose parameters count; SQLite evaluates it and ignores the result. */
  readonly key: Operand | null;
}

export interface WrittenCopy {
  readonly file: Operand;
  /** The copied schema, as SQL; `null` for the main one. */
  readonly schema: string | null;
}

/** The work to be done around a text that may run. */
export interface Watched {
  /** The text for SQLite: the original, or one in which each weaker pragma keeps the protection. */
  readonly text: string;
  /** Guarded and unknown pragmas that set a value: read the protections back. Noted ones also if they only read. */
  readonly pragmas: readonly WrittenPragma[];
  /** Of these, the pragmas that ask for less safety. */
  readonly weaker: readonly WeakerPragma[];
  /** Databases to judge before each execution, and to protect as soon as they are attached. */
  readonly attaches: readonly WrittenAttach[];
  /** Names of schemas. */
  readonly detaches: readonly Operand[];
  /** The files that VACUUM INTO writes: judged before each execution. */
  readonly copies: readonly WrittenCopy[];
}

export interface Refused {
  readonly verdict: 'refused';
  readonly statement: 'PRAGMA' | 'ATTACH' | 'DETACH' | 'VACUUM INTO';
  /** The word that removes the protection, as written. */
  readonly token: string;
  /** Its position: UTF-16 code units from the beginning of the text. */
  readonly position: number;
  readonly reason: string;
  /** What to do instead. */
  readonly instead: string;
  /** The pragma, if it is one. */
  readonly pragma: WrittenPragma | null;
}

export type GuardDecision =
  /** Nothing in the text concerns a protection. */
  | { readonly verdict: 'ordinary' }
  | Refused
  /** Allowed; its effects are checked once the whole text has run. */
  | ({ readonly verdict: 'watched' } & Watched);
