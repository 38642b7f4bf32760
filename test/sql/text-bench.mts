/** Runs cases of `texts.mts` on better-sqlite3 in a scratch process and on this library, and finds what is not as it must be. */
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspectSql, type GuardContext } from '../../dist/sql/guard.js';
import { ScenarioEndedError, startScenario, type Scenario } from '../support/fault-shim.mts';
import { textsOf, type Call, type Case, type Setting } from './texts.mts';
import type { Answer, Outcome } from './texts.scenario.mts';

function contextOf(setting: Setting): GuardContext {
  return {
    storage: 'file',
    walAllowed: setting !== 'rollback',
    synchronous: setting === 'rollback' ? 'extra' : 'full',
    platform: process.platform,
    allowUnsyncedCommits: false,
    weakerPragmas: setting === 'throw' ? 'throw' : 'keep',
  };
}

/** The text as SQLite gets it. */
function textOf({ way, text }: Call): string {
  if (way === 'pragma') return `PRAGMA ${text}`;
  if (way === 'explain') return `EXPLAIN ${text}`;
  return way === 'attach' ? 'ATTACH ? AS ?' : text;
}

/** The calls within a call, in the order of their outcomes. */
function innerOf({ inner, late }: Call): readonly Call[] {
  if (late === '') return inner;
  return [{ way: 'exec', text: late, values: [], bind: false, late: '', beside: false, inner: [] }];
}

/** What this library may do with a text: nothing at all, look at it, or keep something out of it. */
function touchOf(text: string, setting: Setting): 'ordinary' | 'watched' | 'kept' | 'refused' {
  const decision = inspectSql(text, contextOf(setting));
  if (decision.verdict !== 'watched') return decision.verdict;
  return decision.weaker.length > 0 ? 'kept' : 'watched';
}

/** How often a run met what it is about. */
export const seen = { texts: 0, compared: 0, weakened: 0, refused: 0, kept: 0 };

/** Texts whose rows tell of the connection or of the file, which are not the same for both: so does the code of EXPLAIN. */
const tells = /pragma|dbstat|seen|explain/i;

/** Compares the two until they went different ways with a reason; throws where there is none. */
class Comparison {
  readonly #setting: Setting;
  /** The two do not have the same data any more. */
  parted = false;
  readonly trouble: string[] = [];

  constructor(setting: Setting) {
    this.#setting = setting;
  }

  outcomes(call: Call, theirs: Outcome, own: Outcome, inWrite = false): void {
    // Here alone `unsafeMode` is on.
    if (call.beside && this.#setting === 'unsafe') this.parted = true;
    for (const [at, inner] of innerOf(call).entries()) {
      const [one, other] = [theirs.inner[at], own.inner[at]];
      if (one !== undefined && other !== undefined) this.outcomes(inner, one, other, inWrite || call.way === 'write');
    }
    const text = textOf(call);
    const touch = touchOf(text, this.#setting);
    const touched = touch !== 'ordinary';
    if (touch === 'kept') seen.kept += 1;
    if (own.error !== null && theirs.error === null && !theirs.skipped)
      this.#refusal(call, own.error, touched || inWrite);
    if (this.parted || own.skipped || theirs.skipped) return;
    if (touch === 'refused' || touch === 'kept') {
      // The rest of the text ran in one of them only, or its settings are other ones from now on.
      this.parted = own.error !== null || theirs.error !== null;
      return;
    }
    if (own.error?.code?.startsWith('SAFE_SQLITE_') === true) this.parted = true;
    else if (own.error !== null || theirs.error !== null) this.#errors(call, theirs.error, own.error, touched);
    else if (!tells.test(text) && call.inner.length === 0) {
      seen.compared += 1;
      if (JSON.stringify(own.result) !== JSON.stringify(theirs.result))
        this.trouble.push(`${text} gives ${JSON.stringify(own.result)}, raw ${JSON.stringify(theirs.result)}`);
    }
  }

  /** Raw answers and this library does not. */
  #refusal(call: Call, error: NonNullable<Outcome['error']>, allowed: boolean): void {
    seen.refused += 1;
    // SQLite compiles a statement anew after some pragmas, and the code of EXPLAIN does not look at the schema itself.
    if (call.late !== '' && /^\s*explain/i.test(textOf(call))) return void (this.parted = true);
    // Where the two hold different things, they fail differently.
    if (this.parted && !error.ours) return;
    // `db.attach` refuses an argument as every member does.
    if (call.way === 'attach' && error.name === 'TypeError') return void (this.parted = true);
    if (!error.ours) this.trouble.push(`${textOf(call)} is refused by a bare ${error.name}: ${error.message}`);
    else if (!allowed && !this.parted && call.way !== 'reader' && call.way !== 'write')
      this.trouble.push(`${textOf(call)} is refused without need: ${error.message}`);
  }

  #errors(call: Call, theirs: Outcome['error'], own: Outcome['error'], touched: boolean): void {
    if (theirs !== null && own !== null) {
      if (theirs.code === own.code && (theirs.code !== null || theirs.message === own.message)) return;
      // A write rejects with the error that rolled it back, where a transaction of raw meets a COMMIT without one.
      if (touched || call.way === 'write') return void (this.parted = true);
      this.trouble.push(`${textOf(call)}: ${JSON.stringify(own)}, raw ${JSON.stringify(theirs)}`);
    } else if (own === null) this.trouble.push(`${textOf(call)} runs, raw: ${JSON.stringify(theirs)}`);
    else this.parted = true;
  }
}

/** The two processes; their folder is removed when both have ended. */
export class TextBench {
  /** In memory where there is such a filesystem: what is proved does not depend on a disk. */
  readonly #folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'safe-sqlite-texts-'));
  #raw = this.#start('raw');
  readonly #ours = this.#start('ours', ['--import', 'safe-sqlite/register']);

  #start(subject: string, execArgv: readonly string[] = []): Scenario {
    const own = join(this.#folder, subject);
    mkdirSync(own, { recursive: true });
    return startScenario(join(import.meta.dirname, 'texts.scenario.mts'), { execArgv, args: [subject, own] });
  }

  /**
   * Null where better-sqlite3 itself crashed, which happens once in some 10 000 texts: then nothing is compared. This library
   * must not crash.
   */
  async #askRaw(tried: Case): Promise<Answer | null> {
    try {
      return await this.#raw.ask<Answer>('run', tried);
    } catch (error) {
      if (!(error instanceof ScenarioEndedError) || error.signal !== 'SIGSEGV') throw error;
      console.log(`better-sqlite3 ended with ${error.signal} after ${seen.texts} texts.`);
      rmSync(join(this.#folder, 'raw'), { recursive: true, force: true });
      this.#raw = this.#start('raw');
      return null;
    }
  }

  /** What is wrong with `tried`; empty if all is well. */
  async troubleOf(tried: Case): Promise<readonly string[]> {
    const [theirs, own] = await Promise.all([this.#askRaw(tried), this.#ours.ask<Answer>('run', tried)]);
    seen.texts += textsOf(tried);
    if (theirs === null) return own.wrong;
    const comparison = new Comparison(tried.setting);
    const { trouble } = comparison;
    trouble.push(...own.wrong);
    for (const [at, call] of tried.calls.entries()) {
      const [one, other] = [theirs.calls[at], own.calls[at]];
      if (one === undefined || other === undefined) throw new Error('A call has no answer.');
      if (one.wrong.length > 0) seen.weakened += 1;
      trouble.push(...other.wrong.map(each => `after ${textOf(call)}: ${each}`));
      comparison.outcomes(call, one.outcome, other.outcome);
      if (comparison.parted) continue;
      if (one.inTransaction !== other.inTransaction)
        trouble.push(`after ${textOf(call)} a transaction is open in one of the two`);
      if (JSON.stringify(one.rows) !== JSON.stringify(other.rows))
        trouble.push(`after ${textOf(call)} the rows differ`);
    }
    return trouble;
  }

  async end(): Promise<void> {
    for (const each of [this.#raw, this.#ours]) {
      each.kill();
      await each.ended;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
