/** The attached databases of a connection: each passes the checks of an open, and is protected before it is used. */
import { quotedName } from '../base/sql-name';
import { UnsafeStatementError } from '../errors/refusals';
import type { NativeDatabase } from '../native/better-sqlite3';
import { foldCase } from '../sql/names';
import { setPragmas, schemasOf, type ProtectionInputs } from './set-pragmas';
import type { Verbose } from './verbose';

/** The admission of one attached file; released when it is detached or the connection closes. */
export interface AttachTicket {
  /** What SQLite is told to open; not always what was asked for (symbolic links). */
  readonly filename: string;
  /** Called once SQLite has the file under the name of its schema: now it exists. */
  attached(): void;
  /** Wraps the execution of DETACH. */
  aroundDetach<Result>(detach: () => Result): Result;
  release(): void;
}

/** The checks that `open/` makes for a file: where it stands, whether it is safe there, who else has it. */
export type AdmitAttached = (filename: string, schema: string) => AttachTicket;

/** The connection that files are attached to. */
export interface AttachHost {
  readonly native: NativeDatabase.Database;
  readonly verbose: Verbose;
  /** What `protect` sets and proves. */
  readonly protectionInputs: ProtectionInputs;
}

export class Attachments {
  readonly #host: AttachHost;
  readonly #admit: AdmitAttached;
  readonly #tickets = new Map<string, AttachTicket>();

  constructor(host: AttachHost, admit: AdmitAttached) {
    this.#host = host;
    this.#admit = admit;
  }

  /** `db.attach`: the name may come from anywhere, so it is bound and never put into the text. */
  attach(filename: string, schema: string): void {
    if (typeof filename !== 'string') throw new TypeError('Expected first argument to be a string');
    if (typeof schema !== 'string' || schema === '') {
      throw new TypeError('Expected second argument to be a schema name');
    }
    this.aroundAttach(filename, schema, file => this.#host.native.prepare('ATTACH ? AS ?').run(file, schema));
  }

  detach(schema: string): void {
    if (typeof schema !== 'string' || schema === '') throw new TypeError('Expected first argument to be a schema name');
    this.aroundDetach(schema, () => this.#host.native.prepare(`DETACH ${quotedName(schema)}`).run());
    this.released(schema);
  }

  /** Wraps the execution of a DETACH, wherever its text came from. */
  aroundDetach<Result>(schema: string, detach: () => Result): Result {
    const ticket = this.#tickets.get(foldCase(schema));
    return ticket === undefined ? detach() : ticket.aroundDetach(detach);
  }

  /** Wraps the execution of an ATTACH, wherever its text came from. */
  aroundAttach<Result>(filename: string, schema: string, execute: (file: string) => Result): Result {
    refuseUri(filename, schema);
    this.#refuseInTransaction(filename, schema);
    const taken = this.#has(schema);
    const ticket = this.#admit(filename, schema);
    try {
      const result = execute(ticket.filename);
      // The same text may have begun one: then nothing can be set, and the file is not even looked at.
      this.#refuseInTransaction(filename, schema);
      this.#protect(schema);
      ticket.attached();
      this.#tickets.set(foldCase(schema), ticket);
      return result;
    } catch (error) {
      // Also when something behind the ATTACH failed, in the same text.
      if (!taken && this.#has(schema)) this.#letGo(schema);
      ticket.release();
      throw error;
    }
  }

  #refuseInTransaction(filename: string, schema: string): void {
    if (!this.#host.native.inTransaction) return;
    throw new UnsafeStatementError(
      `Cannot attach ${filename} as "${schema}": this connection has an open transaction.`,
      {
        hint: 'Attach before the transaction begins: SQLite does not let anybody set `synchronous` inside of one.',
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

  /** The whole connection: one in memory may have been given other settings before it got its first file. */
  #protect(schema: string): void {
    const { native, verbose, protectionInputs } = this.#host;
    verbose.quietly(() => {
      if (schemasOf(native).some(each => each.name === schema && each.file !== ''))
        setPragmas(native, protectionInputs);
    });
  }

  /** Whether any schema was attached through here. */
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

/** better-sqlite3's SQLite takes a URI for a file name; other builds read a locking protocol from it. */
function refuseUri(filename: string, schema: string): void {
  if (!foldCase(filename).startsWith('file:')) return;
  throw new UnsafeStatementError(`Refused ATTACH of the URI ${filename} as "${schema}".`, {
    hint: 'Name the file by its path: a URI can choose another locking protocol (`vfs`, `nolock`, `immutable`) than other programs use for the file.',
    details: { file: filename, schema },
  });
}
