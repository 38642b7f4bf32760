/** A process of its own with this library: takes one step after the other from its parent, answers each. */
import { Database, inspectFilesystem } from 'safe-sqlite';

export type SafeStep =
  | { readonly do: 'inspect'; readonly file: string }
  | { readonly do: 'open'; readonly file: string; readonly allow: boolean; readonly readonly?: boolean }
  | { readonly do: 'sql'; readonly sql: string }
  | { readonly do: 'attach'; readonly file: string }
  | { readonly do: 'backup'; readonly file: string; readonly overwrite: boolean }
  | { readonly do: 'close' };

/** The result of the step: its answer, or the error that it threw. */
export type SafeAnswer = { readonly value: unknown } | { readonly error: SafeError };

export interface SafeError {
  /** Name of the class. */
  readonly name: string;
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  /** Statements that the error advises; empty where it advises none. */
  readonly statements: readonly string[];
}

export interface Inspected {
  readonly type: string;
  readonly class: string;
  readonly verdict: string;
  readonly foundBy: string;
}

export interface Opened {
  readonly journalMode: string | null;
  readonly synchronous: string;
  /** Codes of the warnings of the plan. */
  readonly warnings: readonly string[];
}

let db: InstanceType<typeof Database> | undefined;

async function take(step: SafeStep): Promise<unknown> {
  switch (step.do) {
    case 'inspect': {
      const { type, class: kind, verdict, evidence } = inspectFilesystem(step.file);
      return { type, class: kind, verdict, foundBy: evidence.foundBy } satisfies Inspected;
    }
    case 'open': {
      const dangerously = step.allow ? { allowNetworkFilesystem: 'The survey wants to see what happens.' } : {};
      // No busy timeout: a locked-out process must report it at once.
      db = new Database(step.file, { timeout: 0, logger: false, readonly: step.readonly === true, dangerously });
      const { journalMode, synchronous, warnings } = db.plan;
      return { journalMode, synchronous, warnings: warnings.map(warning => warning.code) } satisfies Opened;
    }
    case 'sql': {
      const statement = db!.prepare(step.sql);
      return statement.reader ? statement.pluck().get() : statement.run().changes;
    }
    case 'attach':
      db!.attach(step.file, 'other');
      return null;
    case 'backup':
      return (await db!.backup(step.file, { overwrite: step.overwrite })).verified;
    case 'close':
      db!.close();
      return null;
  }
}

async function answer(step: SafeStep): Promise<SafeAnswer> {
  try {
    return { value: await take(step) };
  } catch (error) {
    const { code, message, hint, details } = error as Error & SafeError & { details?: Partial<SafeError> };
    const { name } = (error as Error).constructor;
    return { error: { name, code, message, hint, statements: details?.statements ?? [] } };
  }
}

process.on('message', (step: SafeStep) => {
  void answer(step).then(result => process.send!(result));
});
