/** Tries whether symbolic links can be made: Windows lets administrators and developers do it, and Wine imitates them. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Why a test is skipped that makes symbolic links; false where they lead to their targets. */
export const noLinks = ((): string | false => {
  if (process.platform !== 'win32') return false;
  const folder = mkdtempSync(join(tmpdir(), 'safe-sqlite-links-'));
  try {
    const target = join(folder, 'target');
    mkdirSync(target);
    writeFileSync(join(target, 'file'), '');
    symlinkSync(join(target, 'file'), join(folder, 'file'));
    symlinkSync(target, join(folder, 'junction'), 'junction');
    if (existsSync(join(folder, 'file')) && existsSync(join(folder, 'junction', 'file'))) return false;
    return 'symbolic links lead nowhere here: this is Wine';
  } catch (error) {
    return `symbolic links cannot be made here: ${String(error)}`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
})();
