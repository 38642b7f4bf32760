/** Implements `diagnose`, which examines a database from outside. */
import { booleanOption, millisecondsOption, pathArgument, pathOption } from '../options/checks';
import { checkOptionNames } from '../options/option-names';
import type { Diagnosis } from './diagnosis';
import type * as Examine from './run-checks';

export interface DiagnoseOptions {
  /**
   * Also compare each index with its table (`integrity_check`), however large the database is. Default `false`: then
   * the pages of a database below 256 MB are checked (`quick_check`), for at most `stepTimeoutMs`.
   *
   * SQLite opens the database for a check, through a read-only connection if it is in use or has sidecars; if that
   * could change anything, the check is left out and the report says so.
   */
  full?: boolean | undefined;
  /** Check the pages of a small database even if `full` is `false`. Default `true`. */
  quick?: boolean | undefined;
  /** A folder with backups of the database, besides the usual ones: its folder, `backup` and `backups` in it. */
  backups?: string | undefined;
  /** Time limit of one step, in milliseconds. Default 10 000. */
  stepTimeoutMs?: number | undefined;
  signal?: AbortSignal | undefined;
}

const defaultStepTimeoutMs = 10_000;

/**
 * Examines a database from outside and reports what is wrong with it, why that matters, and what to do.
 *
 * A separate process examines the files: it reads some of their bytes, takes no lock, creates and deletes nothing, and
 * is killed if a mount or a disk does not answer. Then SQLite checks the pages, if that is safe and quick (see `full`
 * and `quick`).
 *
 * Also resolves for a missing or damaged database: those are findings. Rejects with `InvalidOptionError`,
 * `MaintenanceError` if that process cannot be started, and the signal's reason.
 *
 * @example const { status, findings, next } = await diagnose('app.db'); if (status === 'problem')
 * console.error(findings[0].what, next);
 */
export async function diagnose(path: string, options: DiagnoseOptions = {}): Promise<Diagnosis> {
  pathArgument(path);
  checkOptionNames(options, ['full', 'quick', 'backups', 'stepTimeoutMs', 'signal'], 'diagnose');
  const full = booleanOption('full', options.full, false);
  const quick = booleanOption('quick', options.quick, true);
  const backups = pathOption('backups', options.backups);
  const stepTimeoutMs = millisecondsOption('stepTimeoutMs', options.stepTimeoutMs, defaultStepTimeoutMs, 1);
  const { signal } = options;
  // Loaded on demand: a service never needs it.
  const { examine } = require('./run-checks') as typeof Examine;
  return examine(path, { full, quick, backups, stepTimeoutMs, signal });
}
