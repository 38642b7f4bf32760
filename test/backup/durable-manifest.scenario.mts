/** The program of the tests of manifests and locks: one call a question, in a process whose calls are held, counted or fail. */
import { dirname } from 'node:path';
import { establishDatabaseId } from '../../dist/backup/database-id.js';
import { writeManifest } from '../../dist/backup/manifest.js';
import { takeScheduleLock } from '../../dist/backup/schedule-lock.js';
import { FolderHandle } from '../../dist/filesystem/folder-handle.js';
import { serve } from '../support/fault-scenario.mts';

serve({
  async manifest(path: string) {
    const folder = FolderHandle.open(dirname(path));
    try {
      await writeManifest(folder, path, { format: 2, source: '/app.db' } as never);
    } finally {
      folder.close();
    }
  },
  establish: (file: string) => establishDatabaseId(file, []),
  lock: async (folder: string) => (await takeScheduleLock(folder, 'app')) !== null,
});
