/** The step of the open that looks at the files before SQLite does. */
import type { Location } from '../filesystem/locate';
import { preflightFacts } from '../filesystem/preflight-facts';
import type { FilesystemReport } from '../filesystem/report';
import type { PlanWarning } from '../policy/plan';
import { judgePreflight, preflightWarnings, type PreflightOptions } from '../policy/preflight';

/**
 * Throws the first reason not to open the database; otherwise returns what is worth a warning.
 *
 * Nothing is touched, and nothing is looked at that `locate` did not look at: a location on a mount that must not be
 * touched passes, because the decision about its filesystem refuses it.
 */
export function preflight(
  location: Location,
  options: PreflightOptions,
  filesystem: FilesystemReport | null = null,
): readonly PlanWarning[] {
  if (location.untouched) return [];
  const facts = preflightFacts(location, filesystem);
  const error = judgePreflight(facts, options);
  if (error !== null) throw error;
  return preflightWarnings(facts);
}
