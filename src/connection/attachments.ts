/**
 * Manages the attached databases of a connection: each passes the checks of an open, and is protected before it is
 * used.
 */
import { atCaller } from '../base/own-frames';
import { quotedName } from '../base/sql-name';
import { UnsafeStatementError } from '../errors/refusals';
import { SqliteResultError } from '../errors/sqlite-errors';
import { translateError } from '../errors/translate';
import { adviceOf } from '../filesystem/refused-file';
import type { NativeDatabase } from '../native/better-sqlite3';
import { foldCase } from '../sql/names';
import { readPage, setPragmas, schemasOf, type ProtectionInputs } from './set-pragmas';
import type { Verbose } from './verbose';

/** The admission of one attached file; released when it is detached or the connection closes. */
export interface AttachTicket {
  /** The path that SQLite opens; it may differ from the requested one (symbolic links). */
  readonly filename: string;
  /** Called once SQLite has attached the file, which now exists. */
  attached(): void;
  /** Wraps the execution of DETACH. */
  aroundDetach<Result>(detach: () => Result): Result;
  release(): void;
}

/** The checks of `open/` for a file: its location, whether it is safe there, and its other users. */
export type AdmitAttached = (filename: string, schema: string) => AttachTicket;

/** The connection that files are attached to. */
export interface AttachHost {
  readonly native: NativeDatabase.Database;
  readonly verbose: Verbose;
  /** The inputs for setting and verifying the pragmas. */
  readonly protectionInputs: ProtectionInputs;
}

/** Failures of ATTACH, with the connection that tried. */
const attachFailures = new WeakMap<object, NativeDatabase.Database>();

/** True if `error` is the failure of an ATTACH of this connection. */
export function isAttachFailure(error: object, native: NativeDatabase.Database): boolean {
  return attachFailures.get(error) === native;
}

export class Attachments {
  readonly #host: AttachHost;
  readonly #admit: AdmitAttached;
  readonly #tickets = new Map<string, AttachTicket>();

  constructor(host: AttachHost, admit: AdmitAttached) {
    this.#host = host;
    this.#admit = admit;
  }

  /** Implements `db.attach`: the untrusted name is bound, never put into the text. */
  attach(filename: string, schema: string): void {
    if (typeof filename !== 'string') throw atCaller(new TypeError('Expected first argument to be a string'));
    if (typeof schema !== 'string' || schema === '') {
      throw atCaller(new TypeError('Expected second argument to be a schema name'));
    }
    refuseNul(filename, 'first');
    refuseNul(schema, 'second');
    this.aroundAttach(filename, schema, file => this.#host.native.prepare('ATTACH ? AS ?').run(file, schema));
  }

  detach(schema: string): void {
    if (typeof schema !== 'string' || schema === '')
      throw atCaller(new TypeError('Expected first argument to be a schema name'));
    refuseNul(schema, 'first');
    this.aroundDetach(schema, () => this.#host.native.prepare(`DETACH ${quotedName(schema)}`).run());
    this.released(schema);
  }

  /** Wraps the execution of a DETACH from any source. */
  aroundDetach<Result>(schema: string, detach: () => Result): Result {
    const ticket = this.#tickets.get(foldCase(schema));
    return ticket === undefined ? detach() : ticket.aroundDetach(detach);
  }

  /** Wraps the execution of an ATTACH from any source. */
  aroundAttach<Result>(filename: string, schema: string, execute: (file: string) => Result): Result {
    refuseUri(filename, schema);
    this.#refuseInTransaction(filename, schema);
    const taken = this.#has(schema);
    const ticket = this.#admit(filename, schema);
    try {
      const result = this.#ofFile(ticket.filename, () => {
        const executed = execute(ticket.filename);
        const { native, verbose } = this.#host;
        if (this.#has(schema)) verbose.quietly(() => readPage(native, schema));
        return executed;
      });
      // The same text may have begun one: then no pragma can be set, and the file is not even checked.
      this.#refuseInTransaction(filename, schema);
      this.#protect();
      ticket.attached();
      this.#tickets.set(foldCase(schema), ticket);
      return result;
    } catch (error) {
      // Also if a later statement of the same text failed.
      if (!taken && this.#has(schema)) this.#letGo(schema);
      ticket.release();
      throw error;
    }
  }

  /**
   * Runs `attach`; its failure is one of `file`. SQLite names none, and the file of the connection has nothing to do with it:
   * whoever reads that it is no database would restore a backup over it.
   */
  #ofFile<Result>(file: string, attach: () => Result): Result {
    try {
      return attach();
    } catch (error) {
      const translated = translateError(error, { file, operation: 'attach', ...adviceOf(error, file) });
      if (!(translated instanceof SqliteResultError)) throw translated;
      // The connection goes on without the file.
      Object.defineProperty(translated, 'fatal', { value: false, configurable: true, writable: true });
      attachFailures.set(translated, this.#host.native);
      throw translated;
    }
  }

  #refuseInTransaction(filename: string, schema: string): void {
    if (!this.#host.native.inTransaction) return;
    throw new UnsafeStatementError(
      `Cannot attach ${filename} as "${schema}": this connection has an open transaction.`,
      {
        hint: 'Attach before the transaction begins: SQLite does not allow setting `synchronous` inside one.',
        details: { file: filename, schema },
      },
    );
  }

  #has(schema: string): boolean {
    const { native, verbose } = this.#host;
    const name = foldCase(schema);
    return verbose.quietly(() => schemasOf(native)).some(each => foldCase(each.name) === name);
  }

  #letGo(schema: string): void {
    const { native, verbose } = this.#host;
    verbose.quietly(() => native.prepare(`DETACH ${quotedName(schema)}`).run());
  }

  /**
   * Protects the whole connection: an in-memory one may have been given other settings before its first file. No schema is
   * looked for by its name, which SQLite may have read differently.
   */
  #protect(): void {
    const { native, verbose, protectionInputs } = this.#host;
    verbose.quietly(() => {
      if (schemasOf(native).some(({ file }) => file !== '')) setPragmas(native, protectionInputs);
    });
  }

  /** True if any schema was attached here. */
  get any(): boolean {
    return this.#tickets.size > 0;
  }

  /** After a DETACH by SQL text. */
  released(schema: string): void {
    const name = foldCase(schema);
    this.#tickets.get(name)?.release();
    this.#tickets.delete(name);
  }

  releaseAll(): void {
    for (const schema of this.#tickets.keys()) this.released(schema);
  }
}

/** SQLite reads a name up to its first NUL character: it would open another file than the one that was judged. */
function refuseNul(name: string, argument: 'first' | 'second'): void {
  if (name.includes('\0')) throw atCaller(new TypeError(`Expected ${argument} argument to contain no NUL character`));
}

/** better-sqlite3's SQLite accepts a URI as a file name; other builds read a locking protocol from it. */
function refuseUri(filename: string, schema: string): void {
  if (!foldCase(filename).startsWith('file:')) return;
  throw new UnsafeStatementError(`Refused ATTACH of the URI ${filename} as "${schema}".`, {
    hint: 'Name the file by its path: a URI can choose another locking protocol (`vfs`, `nolock`, `immutable`) than other programs use for the file.',
    details: { file: filename, schema },
  });
}
