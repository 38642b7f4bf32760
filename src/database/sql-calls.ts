/** Implements the members of `Database` that take SQL: each text passes the guard, each failure is translated. */
import { atCaller } from '../base/own-frames';
import { nativeExplain } from '../connection/native-gaps';
import type { FailedOperation, Session } from '../connection/session';
import { makeStatement, type Statement } from '../connection/statement';
import { isScript, piecesOf } from '../sql/script';
import { statementKind } from '../sql/statement-kind';
import type { PragmaOptions } from '../connection/types';
import type { SharedConnection } from '../open/shared-connection';

/** The part of a handle that the functions below use. */
export interface TextHandle {
  /** The `Database`, which its statements show. */
  readonly database: object;
  readonly open: SharedConnection;
  readonly session: Session;
}

/** Runs `run` on a usable handle, and throws its failure translated. */
export function attempt<Result>(session: Session, operation: FailedOperation, run: () => Result): Result {
  if (session.before !== null) session.before();
  try {
    return run();
  } catch (error) {
    throw session.failure(error, operation);
  }
}

export function prepareText({ database, open, session }: TextHandle, source: string): Statement {
  const { connection, guard } = open;
  return attempt(session, { operation: 'prepare', sql: source }, () => {
    const watch = guard.admit(source);
    const prepare = () => connection.native.prepare(watch?.text ?? source);
    const native = watch === null ? prepare() : watch.preparing(prepare);
    return makeStatement({ native, source, session, database, watch, guard });
  });
}

/**
 * Runs a long script piece by piece, with the same checks and checkpoints between the pieces as between other commits.
 */
export function execText(handle: TextHandle, source: string): void {
  const { session } = handle;
  // Inside a transaction no commit hook runs, and none ever runs for a database without a file.
  const whole = (): boolean => session.commitHooks.check === null;
  const operation = { operation: 'exec', sql: source, commits: true };
  const entering = (piece: string): void => void (operation.sql = piece);
  const run = (text: string): void => {
    if (whole() || !isScript(text)) return execPiece(handle, text);
    for (const piece of piecesOf(text, whole)) {
      entering(piece);
      execPiece(handle, piece);
    }
  };
  attempt(session, operation, () => handle.open.guard.script(source, run, entering));
}

function execPiece({ open, session }: TextHandle, sql: string): void {
  const { native } = open.connection;
  session.commitHooks.passing();
  try {
    if (session.unsafe.wanted) session.unsafe.exec(sql);
    else native.exec(sql);
  } finally {
    session.commitHooks.transactionIs(native.inTransaction, session, sql);
  }
}

export function pragmaText({ open, session }: TextHandle, source: string, options?: PragmaOptions): unknown {
  const sql = `PRAGMA ${source}`;
  const commits = statementKind(sql) !== 'pragma-read';
  return attempt(session, { operation: 'pragma', sql, commits }, () => {
    if (commits) session.commitHooks.passing();
    const { native } = open.connection;
    if (typeof source !== 'string') return native.pragma(source, options);
    return open.guard.through(sql, text => {
      const asked = text.slice('PRAGMA '.length);
      return session.unsafe.wanted ? session.unsafe.pragma(asked, options) : native.pragma(asked, options);
    });
  });
}

export function explainText({ open, session }: TextHandle, source: string): unknown[] {
  const sql = `EXPLAIN ${source}`;
  return attempt(session, { operation: 'explain', sql }, () => {
    if (typeof source !== 'string') throw atCaller(new TypeError('Expected first argument to be a string'));
    // Some pragmas act when they are prepared, also under EXPLAIN.
    return open.guard.through(sql, text => nativeExplain(open.connection.native, text.slice('EXPLAIN '.length)));
  });
}
