/** The program of the fault tests of restore. */
import { restoreDatabase } from '../../dist/backup/restore.js';
import { serve } from '../faults/scenario.mts';

serve({
  restore: ({ from, to }: { from: string; to: string }) => restoreDatabase({ from, to }, { isOpenHere: () => false }),
});
