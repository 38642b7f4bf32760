/** The types of the guard: the facts about a database that it judges by, and its decision about a text. */

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
  /** `'keep'`: a pragma that asks for less safety is answered and changes nothing. `'throw'`: it is refused. */
  readonly weakerPragmas: 'keep' | 'throw';
}

/** A pragma as it is written, quotes taken off; `value` is `null` when it only reads. */
export interface WrittenPragma {
  readonly schema: string | null;
  readonly name: string;
  readonly value: string | null;
}

/** A pragma that asks for less safety than the connection has, and what is done about it. */
export interface WeakerPragma {
  readonly pragma: WrittenPragma;
  /** `'kept'`: SQLite gets a text that keeps the protection. `'granted'`: it gets the pragma as it is written. */
  readonly outcome: 'kept' | 'granted';
  readonly reason: string;
  /** What gives the speed, or the effect, that was asked for. */
  readonly instead: string;
}

/** An operand of ATTACH, DETACH or VACUUM INTO. */
export interface Operand {
  /** The expression as SQL, with single spaces between its tokens. */
  readonly sql: string;
  /** The same with NULL for each parameter: what a text means that nothing is bound to. */
  readonly unbound: string;
  /** Its text, where that is known before it runs: a string or a name. */
  readonly literal: string | null;
}

export interface WrittenAttach {
  readonly file: Operand;
  readonly schema: Operand;
  /** The KEY clause, whose parameters count; SQLite evaluates it and does nothing with it. */
  readonly key: Operand | null;
}

export interface WrittenCopy {
  readonly file: Operand;
  /** The schema that is copied, as SQL; `null` for the main one. */
  readonly schema: string | null;
}

/** What has to be done around a text that is let through. */
export interface Watched {
  /** What SQLite gets: the text itself, or one in which each weaker pragma keeps the protection. */
  readonly text: string;
  /** Guarded and unknown pragmas that set a value: read the protections back. Noted ones also where they only ask. */
  readonly pragmas: readonly WrittenPragma[];
  /** Those of them that ask for less safety. */
  readonly weaker: readonly WeakerPragma[];
  /** Databases to judge before each execution, and to protect as soon as they are attached. */
  readonly attaches: readonly WrittenAttach[];
  /** Names of schemas. */
  readonly detaches: readonly Operand[];
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
