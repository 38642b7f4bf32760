/** Removes what a test left open on Windows when its process ends: Windows removes no open file, and Linux does. */
import fs, { type PathLike, type RmOptions } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { isMainThread } from 'node:worker_threads';

/** `after` hooks run in the order in which they were added: the folder is removed before its databases are closed. */
export function removeFoldersAtExit(): void {
  const { rmSync } = fs;
  const left = new Set<string>();
  fs.rmSync = (path: PathLike, options?: RmOptions) => {
    try {
      rmSync(path, options);
    } catch (error) {
      if (options?.recursive !== true || !String(path).startsWith(tmpdir())) throw error;
      left.add(String(path));
    }
  };
  syncBuiltinESMExports();
  process.on('exit', () => {
    for (const path of left) {
      try {
        rmSync(path, { recursive: true, force: true });
      } catch {
        // Open to the end: the next start of Windows clears its temporary folder.
      }
    }
  });
}

if (process.platform === 'win32' && isMainThread) removeFoldersAtExit();
