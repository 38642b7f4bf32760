/** `diagnose`: looks at a database from outside. */
import { booleanOption, millisecondsOption, pathArgument, pathOption } from '../options/checks';
import { checkOptionNames } from '../options/option-names';
import type { Diagnosis } from './diagnosis';
import type * as Examine from './run-checks';

export interface DiagnoseOptions {
  /**
   * Also compare each index with its table (`integrity_check`), however large the database is. Default `false`: then the
   * pages of a database below 256 MB are checked (`quick_check`), for `stepTimeoutMs` at most.
   *
   * SQLite opens the database for a check, through a read-only connection where it is in use or has sidecars; the check is
   * left out, and the report says so, where that could change anything.
   */
  full?: boolean | undefined;
  /** Check the pages of a small database although `full` is `false`. Default `true`. */
  quick?: boolean | undefined;
  /** A folder with backups of the database, beside those that are looked for anyway: its folder, `backup` and `backups` in it. */
  backups?: string | undefined;
  /** How long one step may take before it is given up, in milliseconds. Default 10 000. */
  stepTimeoutMs?: number | undefined;
  signal?: AbortSignal | undefined;
}

const defaultStepTimeoutMs = 10_000;

/**
 * Looks at a database from outside and says what is wrong with it, why that matters, and what to do.
 *
 * A process of its own looks at the files: it reads some of their bytes, takes no
 * lock, creates and deletes nothing, and is ended when a mount or a disk does not answer. Then SQLite checks the pages, where
 * that is safe and quick (see `full` and `quick`).
 *
 * Resolves also for a database that is missing or damaged: those are findings. Rejects with `InvalidOptionError`,
 * `MaintenanceError` when that process cannot be started, and the signal's reason.
 *
 * @example
 * const { status, findings, next } = await diagnose('app.db');
 * if (status === 'problem') console.error(findings[0].what, next);
 */
export async function diagnose(path: string, options: DiagnoseOptions = {}): Promise<Diagnosis> {
  pathArgument(path);
  checkOptionNames(options, ['full', 'quick', 'backups', 'stepTimeoutMs', 'signal'], 'diagnose');
  const full = booleanOption('full', options.full, false);
  const quick = booleanOption('quick', options.quick, true);
  const backups = pathOption('backups', options.backups);
  const stepTimeoutMs = millisecondsOption('stepTimeoutMs', options.stepTimeoutMs, defaultStepTimeoutMs, 1);
  const { signal } = options;
  // Loaded when it is needed: a program that serves never asks.
  const { examine } = require('./run-checks') as typeof Examine;
  return examine(path, { full, quick, backups, stepTimeoutMs, signal });
}
