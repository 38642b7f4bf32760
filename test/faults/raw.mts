/** The subject `raw`: better-sqlite3 as it comes, with the journal mode and synchronous that the test asks for. */
import Database from 'better-sqlite3';
import type { Connection, OpenSettings, Subject } from './subject.mts';

export const raw: Subject = { name: 'raw', open };

function open(file: string, settings: OpenSettings): Connection {
  const handle = new Database(file, { timeout: settings.timeout ?? 50 });
  try {
    handle.pragma(`journal_mode=${settings.journal}`);
    // Set explicitly: better-sqlite3's build falls back to NORMAL at the first write in WAL mode.
    handle.pragma(`synchronous=${settings.synchronous ?? 'FULL'}`);
    if (settings.autocheckpoint !== undefined) handle.pragma(`wal_autocheckpoint=${settings.autocheckpoint}`);
  } catch (error) {
    handle.close();
    throw error;
  }
  return {
    handle,
    checkpoint(mode) {
      const [row] = handle.pragma(`wal_checkpoint(${mode})`) as [{ busy: number; log: number; checkpointed: number }];
      return { busy: row.busy !== 0, complete: row.busy === 0 && row.log === row.checkpointed };
    },
    attach(second, name) {
      handle.prepare(`ATTACH ? AS ${name}`).run(second);
    },
    async backup(destination) {
      await handle.backup(destination);
    },
    close() {
      handle.close();
    },
  };
}
