/** The program of the tests of syncs: what saves or marks, one call a question, in a process whose syncs fail. */
import NativeDatabase from 'better-sqlite3';
import { removeFenceMarker, writeFenceMarker } from '../../dist/filesystem/fence-marker.js';
import { restoreDatabase } from '../../dist/backup/restore/restore.js';
import { rescue } from '../../dist/sentinel/rescue.js';
import { backUp } from '../backup/fixture.mts';
import { serve } from '../support/fault-scenario.mts';

serve({
  backup: async ({
    from,
    to,
    method,
    overwrite,
  }: Record<'from' | 'to', string> & { method: 'online'; overwrite: boolean }) => {
    const db = new NativeDatabase(from);
    try {
      return await backUp(db, to, { method, overwrite });
    } finally {
      db.close();
    }
  },
  restore: ({ from, to }: { from: string; to: string }) => restoreDatabase({ from, to }, { isOpenHere: () => false }),
  rescue: ({ from, folder }: { from: string; folder: string }) => {
    const db = new NativeDatabase(from);
    try {
      return rescue(db, { schema: 'main', name: 'a.db', directories: [folder] }, new Date());
    } finally {
      db.close();
    }
  },
  fence: (file: string) =>
    writeFenceMarker({
      file,
      time: '2026-01-01T00:00:00.000Z',
      code: 'SQLITE_IOERR_FSYNC',
      operation: 'commit',
      message: 'x',
    })?.message ?? null,
  unfence: (file: string) => removeFenceMarker(file),
});
