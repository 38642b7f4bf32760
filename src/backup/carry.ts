/** Carries a verified file to another filesystem, and compares what arrived. */
import { BackupError } from '../errors/refusals';
import { runJob } from '../maintenance/jobs-client';
import type { FileContent } from '../maintenance/messages';

/** Copies `from` to the empty file `to`, synced, and refuses a copy that reads back differently. */
export async function carry(
  from: string,
  to: string,
  expected: FileContent,
  signal: AbortSignal | undefined,
): Promise<void> {
  const arrived = await runJob({ kind: 'transfer', file: from, destination: to }, { signal });
  if (arrived.bytes === expected.bytes && arrived.sha256 === expected.sha256) return;
  throw new BackupError(
    `The copy that arrived differs from the one that was sent: ${arrived.bytes} bytes, sha256 ${arrived.sha256}.`,
    {
      hint: 'Do not trust that mount with backups before you know why.',
      details: { expected, arrived },
    },
  );
}
