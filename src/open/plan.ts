/** The steps before SQLite touches anything: which file, on which ground, how it is to be opened, or why not. */
import { InvalidOptionError } from '../errors/refusals';
import { inspectLocated } from '../filesystem/inspect';
import { locate, type Location } from '../filesystem/locate';
import { sqliteVersion } from '../native/sqlite-version';
import type { ResolvedOptions } from '../options/resolved';
import { decide, type Decision } from '../policy/decide';
import type { Plan } from '../policy/plan';
import { preflight } from './preflight';
import { reach } from './reach';

/** The file that `filename` names, looked at only where that cannot hang. */
export function locateFile(filename: string, { dangerously }: ResolvedOptions): Location {
  const touchShared = dangerously.allowNetworkFilesystem !== null;
  const location = reach(filename, () => locate(filename, { touchShared }));
  if (location.parentExists) return location;
  throw new InvalidOptionError(`Cannot open database because the directory does not exist: ${location.directory}`, {
    hint: 'Create the folder first; SQLite creates files only.',
    details: { file: location.file, directory: location.directory },
  });
}

/** Throws what refuses: `UnsafeFilesystemError`, `UnsafeSqliteVersionError`, `OrphanedJournalError`, … */
export function planFile(location: Location, options: ResolvedOptions): Plan {
  const plan = planGround(location, options);
  return { ...plan, warnings: [...plan.warnings, ...preflight(location, options, plan.filesystem)] };
}

/** The plan by the filesystem alone, before anybody looks at the files. */
export function planGround(location: Location, options: ResolvedOptions): Plan {
  const filesystem = reach(location.file, () => inspectLocated(location));
  return settle(decide({ ...common(options), ground: 'file', file: location.file, filesystem }));
}

export function planWithoutFile(ground: 'memory' | 'temporary', options: ResolvedOptions): Plan {
  return settle(decide({ ...common(options), ground, file: null, filesystem: null }));
}

function common(options: ResolvedOptions) {
  const { readonly, journalMode, durability, dangerously, nativeBinding } = options;
  return {
    readonly,
    journalMode,
    durability,
    dangerously,
    platform: process.platform,
    sqliteVersion: sqliteVersion(nativeBinding),
  };
}

function settle(decision: Decision): Plan {
  if (decision.verdict === 'refuse') throw decision.error();
  return decision.plan;
}
