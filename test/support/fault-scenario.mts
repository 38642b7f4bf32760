/** The side of the child: a program under faults answers one JSON line for each one it is asked. */
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { openFaultTable, type FaultTable } from '../faults/shim/control-file.mts';

type Handler = (argument: never) => unknown;

/** Answers until standard input ends. Questions are answered in order, one after the other. */
export function serve(handlers: Readonly<Record<string, Handler>>): void {
  let previous: Promise<void> = Promise.resolve();
  createInterface({ input: process.stdin }).on('line', line => {
    const { ask, handler, argument } = JSON.parse(line) as { ask: number; handler: string; argument: never };
    previous = previous.then(async () => {
      try {
        const run = handlers[handler];
        if (run === undefined) throw new Error(`The scenario has no handler ${handler}.`);
        say({ answer: ask, value: (await run(argument)) ?? null });
      } catch (error) {
        say({ answer: ask, error: plainError(error) });
      }
    });
  });
}

/** Sends a line of the program's own accord: written before this returns, so a kill right after cannot take it back. */
export function report(value: unknown): void {
  say({ report: value });
}

function say(message: object): void {
  const line = Buffer.from(`${JSON.stringify(message)}\n`);
  for (let done = 0; done < line.length;) done += writeSome(line, done);
}

const never = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

/** Standard output does not block: it takes nothing while the one who reads it does not keep up. */
function writeSome(line: Buffer, from: number): number {
  try {
    return writeSync(1, line, from);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    Atomics.wait(never, 0, 0, 1);
    return 0;
  }
}

export interface PlainError {
  readonly name: string;
  readonly code: string | undefined;
  readonly message: string;
  readonly hint?: string | undefined;
  readonly commitOutcome?: string;
  readonly retryable?: boolean;
  readonly fatal?: boolean;
  readonly cause?: PlainError;
}

/** What of an error can cross a pipe. */
export function plainError(error: unknown): PlainError {
  if (!(error instanceof Error)) return { name: typeof error, code: undefined, message: String(error) };
  const facts = error as Error & Partial<PlainError>;
  return {
    // The class: the typed errors of this library keep the `name` that better-sqlite3's have.
    name: error.constructor.name,
    code: facts.code,
    message: facts.message,
    ...(facts.hint !== undefined && { hint: facts.hint }),
    ...(facts.commitOutcome !== undefined && { commitOutcome: facts.commitOutcome }),
    ...(facts.retryable !== undefined && { retryable: facts.retryable }),
    ...(facts.fatal !== undefined && { fatal: facts.fatal }),
    ...(facts.cause !== undefined && { cause: plainError(facts.cause) }),
  };
}

/** The table this process runs under, to arm faults around one synchronous call. */
export function ownFaults(): FaultTable {
  const path = process.env['FAULT_CONTROL'];
  if (path === undefined) throw new Error('This program was not started under faults.');
  return openFaultTable(path);
}

/** The folder of the bench. */
export function ownFolder(): string {
  const folder = process.env['FAULT_FOLDER'];
  if (folder === undefined) throw new Error('This program was not started on a fault bench.');
  return folder;
}
