/** Checks the finished copy as a database of its own, and refuses it if anything is wrong. */
import { lstatSync } from 'node:fs';
import { danglingRows } from '../base/figures';
import { errorMessage } from '../base/foreign-error';
import { integrityLines } from '../base/integrity-lines';
import { BackupError } from '../errors/refusals';
import { SqliteCorruptError, SqliteNotADatabaseError } from '../errors/sqlite-errors';
import { translateError } from '../errors/translate';
import { runJob } from '../maintenance/jobs-client';
import type { CopyResult, HeaderFacts, VerifyResult } from '../maintenance/messages';
import type { ResolvedBackupOptions } from './options';
import type { BackupSource, SchemaPlace } from './source';
import { sidecarSuffixes } from './place';

export type VerifiedCopy = VerifyResult & { readonly header: HeaderFacts };

/** Checks the copy at the level of the options, and that no sidecars are beside it. */
export async function verifyCopy(
  copy: string,
  source: BackupSource,
  place: SchemaPlace,
  copied: CopyResult,
  options: Pick<ResolvedBackupOptions, 'verify' | 'signal'>,
): Promise<VerifiedCopy> {
  const { nativeBinding, busyTimeoutMs } = source;
  const { signal } = options;
  const level = options.verify === 'off' ? 'header' : options.verify;
  const verified = await runJob(
    { kind: 'verify', file: copy, identity: null, nativeBinding, busyTimeoutMs, level },
    { signal },
  );
  const problems = [...problemsOfCopy(copied, verified), ...leftBeside(copy)];
  if ((verified.foreignKeyViolations ?? 0) > 0 && place.kind === 'file' && problems.length === 0) {
    // The source may have violations of its own; the copy must not introduce any.
    const { file, identity } = place;
    const original = await runJob(
      { kind: 'verify', file, identity, nativeBinding, busyTimeoutMs, level: 'foreign-keys' },
      { signal },
    );
    if (original.foreignKeyViolations === 0) {
      problems.push(`${danglingRows(verified.foreignKeyViolations ?? 0)}; the source has none`);
    }
  }
  const { header } = verified;
  if (header !== null && problems.length === 0) return { ...verified, header };
  throw unsoundCopy(problems);
}

/** Damage of the source that was found by reading it (`cause`) fails the step of the check as well. */
export function unsoundCopy(problems: readonly string[], cause?: unknown): BackupError {
  return new BackupError(`The copy is not sound: ${firstProblems(problems)}.`, {
    hint: 'Check the database itself, with `db.verify("full")` or `npx safe-sqlite verify <database> --full`: copied damage was there before.',
    details: { step: 'verify', problems },
    cause,
  });
}

/** Reads a source, and refuses one that is too damaged to be read as the check refuses the others. */
export async function refuseDamage<Value>(
  reading: Promise<Value>,
  subject: string,
  refusal: (problems: readonly string[], cause: unknown) => Error,
): Promise<Value> {
  try {
    return await reading;
  } catch (error) {
    const typed = translateError(error);
    if (!(typed instanceof SqliteCorruptError || typed instanceof SqliteNotADatabaseError)) throw error;
    throw refusal([`${subject} could not be read: ${typed.code}: ${errorMessage(typed.cause ?? typed)}`], typed);
  }
}

/** Problems shown in a message; `details.problems` has them all. */
const shownProblems = 3;

/** The first lines of what a check found, for one sentence: SQLite puts up to a hundred into one text, below a heading. */
export function firstProblems(problems: readonly string[]): string {
  const lines = integrityLines(problems).filter(line => !/^\*+ in database/.test(line));
  const more = lines.length - shownProblems;
  return `${lines.slice(0, shownProblems).join('; ')}${more > 0 ? `; and ${more} more` : ''}`;
}

function leftBeside(copy: string): string[] {
  return sidecarSuffixes
    .filter(suffix => lstatSync(`${copy}${suffix}`, { throwIfNoEntry: false }) !== undefined)
    .map(suffix => `a ${suffix} file was left beside it`);
}

// Decides whether a finished copy is a backup, from the facts of source and copy. Pure.

/** Facts that a copy must share with its source, as before or after the copy. */
const shared = [
  'pageSize',
  'encoding',
  'userVersion',
  'applicationId',
] as const satisfies readonly (keyof HeaderFacts)[];

/** Returns the faults of the copy; empty if it is sound. */
export function problemsOfCopy(copied: CopyResult, verified: VerifyResult): readonly string[] {
  const { header, journalMode } = verified;
  // A copy is made of whole pages: it would be sound, with zeros in the place of what is lost. That comes first: it explains the rest.
  const problems = [...(copied.missing === null ? [] : [copied.missing]), ...verified.problems];
  if (header === null) return problems;
  // A copy whose header says WAL would need sidecars at its first open, even on a read-only medium.
  if (journalMode !== 'delete') problems.push(`its journal mode is ${String(journalMode)} instead of delete`);
  for (const fact of shared) {
    const allowed = copied.sourceHeaders.map(source => source[fact]);
    if (allowed.includes(header[fact])) continue;
    problems.push(`its ${fact} is ${header[fact]}, the source has ${[...new Set(allowed)].join(' or ')}`);
  }
  if (copied.copiedPages !== null && copied.copiedPages > 0 && header.pages !== copied.copiedPages) {
    problems.push(`it has ${header.pages} pages, ${copied.copiedPages} were copied`);
  }
  return problems;
}
