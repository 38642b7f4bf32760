/** The program of the fault tests of restore. */
import { restoreDatabase } from '../../../dist/backup/restore/restore.js';
import { serve } from '../../support/fault-scenario.mts';

serve({
  restore: ({ from, to }: { from: string; to: string }) => restoreDatabase({ from, to }, { isOpenHere: () => false }),
});
