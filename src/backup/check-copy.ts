/** Decides whether a finished copy is a backup: pure, from what was read of the source and of the copy. */
import type { CopyResult, HeaderFacts, VerifyResult } from '../maintenance/messages';

/** Facts that a copy must share with its source as it was before or after the copy. */
const shared = [
  'pageSize',
  'encoding',
  'userVersion',
  'applicationId',
] as const satisfies readonly (keyof HeaderFacts)[];

/** What is wrong with the copy; empty when it is sound. */
export function problemsOfCopy(copied: CopyResult, verified: VerifyResult): readonly string[] {
  const { header, journalMode } = verified;
  const problems = [...verified.problems];
  // A copy is made of whole pages: it would be sound, with zeros in the place of what is lost.
  if (copied.missing !== null) problems.push(copied.missing);
  if (header === null) return problems;
  // A copy whose header says WAL would need files of its own beside it at its first open, also on a read-only medium.
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
