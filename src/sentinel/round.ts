/** Asks the sentinel at an interval, on a timer that keeps no process alive. */
import type { Finding } from './finding';
import type { CheckMoment } from './file-sentinel';

// One interval check in this many scans all descriptors: a scan costs some ten times a check, and finds what has not
// done harm yet; what has is found by every check.
const checksPerSurvey = 10;

/**
 * Checks every `intervalMs` and hands each finding on. Returns how to end it.
 *
 * The timer runs between the turns of the application, so a transaction that is open across turns is seen as it is.
 */
export function startRound(
  sentinel: { check(moment: CheckMoment): Finding | null },
  intervalMs: number,
  onFinding: (finding: Finding) => void,
): () => void {
  let round = 0;
  const timer = setInterval(() => {
    round += 1;
    const finding = sentinel.check(round % checksPerSurvey === 1 ? 'survey' : 'interval');
    if (finding !== null) onFinding(finding);
  }, intervalMs);
  timer.unref();
  return () => clearInterval(timer);
}
