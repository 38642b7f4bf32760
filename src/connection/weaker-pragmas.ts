/** Warns of pragmas that ask for less safety: once per pragma and process, and once in the health of each database. */
import { isFirstFor } from '../events/logged-once';
import type { WeakerPragma } from '../sql/decision';
import { shortPragma, shownPragma } from '../sql/guard';
import { foldCase } from '../sql/names';
import type { Connection } from './connection';

export class WeakerPragmas {
  readonly #connection: Connection;
  readonly #noted = new Set<string>();

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Reports those that are new on this connection. */
  answer(weaker: readonly WeakerPragma[]): void {
    for (const each of weaker) {
      const name = foldCase(each.pragma.name);
      if (this.#noted.has(name)) continue;
      this.#noted.add(name);
      this.#warn(name, each);
    }
  }

  #warn(name: string, { pragma, outcome, reason, instead }: WeakerPragma): void {
    const { file, hub } = this.#connection;
    const what =
      outcome === 'kept'
        ? `is answered, but ${name} stays as it is: ${reason}`
        : `is granted, and removes a protection: ${reason}`;
    const code = outcome === 'kept' ? 'weaker-pragma-kept' : 'weaker-pragma-granted';
    const message = `\`${shownPragma(pragma)}\` on ${file === '' ? 'a temporary database' : file} ${what}. ${instead} (npx safe-sqlite explain ${code})`;
    this.#connection.noteWarning({ code, message });
    const facts = { code, message, details: { pragma: shortPragma(pragma) } };
    if (isFirstFor(this.#connection.options.logger, `${code} ${name}`)) hub.publish('warning', facts);
    else hub.relay('warning', facts);
  }
}
