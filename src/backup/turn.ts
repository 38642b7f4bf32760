/** One scheduled backup of a database at a time, also when several processes of a cluster have the same schedule. */
import { randomBytes } from 'node:crypto';
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isAbandoned, ownerOf, processStart, temporaryName, thisOwner } from './owner';

/**
 * Takes the turn, and returns how to give it back; `null` when another living process has it.
 *
 * The turn is a file whose creation only one process wins, with its owner's name in it. The turn of a process that was
 * killed is taken over.
 */
export async function takeTurn(directory: string, name: string): Promise<(() => Promise<void>) | null> {
  const path = join(directory, `.${name}.backup-turn`);
  const mark = temporaryName(thisOwner(), randomBytes(6).toString('hex'));
  // Twice: the second time after the turn of a dead process was removed.
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      await writeFile(path, mark, { flag: 'wx' });
      return async () => rm(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      if (!(await isFree(path))) return null;
      await rm(path, { force: true });
    }
  }
  return null;
}

async function isFree(path: string): Promise<boolean> {
  try {
    const [owner, facts] = [ownerOf(await readFile(path, 'utf8')), await stat(path)];
    // Empty: its process was killed, or is just about to write its name.
    const age = Date.now() - facts.mtimeMs;
    return owner === null ? age > unwrittenMs : isAbandoned(owner, thisOwner(), age, processStart).abandoned;
  } catch (error) {
    // Given back since.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true;
    throw error;
  }
}

/** A turn without a name for this long, in milliseconds, was never going to get one. */
const unwrittenMs = 10_000;
