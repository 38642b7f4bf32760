/** One scheduled backup of a database at a time, also when several processes of a cluster have the same schedule. */
import { randomBytes } from 'node:crypto';
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { wallClockNow } from '../base/clock';
import { isAbandoned, processIdOf, processStart, temporaryName, thisProcess } from './process-id';

/**
 * Takes the turn, and returns how to give it back; `null` when another living process has it.
 *
 * The turn is a file whose creation only one process wins, with its owner's name in it. The turn of a process that was
 * killed is taken over.
 */
export async function takeScheduleLock(directory: string, name: string): Promise<(() => Promise<void>) | null> {
  const path = join(directory, `.${name}.backup-turn`);
  const mark = temporaryName(thisProcess(), randomBytes(6).toString('hex'));
  if (!(await create(path, mark)) && !((await clearAbandoned(path)) && (await create(path, mark)))) return null;
  return async () => rm(path, { force: true });
}

/** False when there is such a file already. */
async function create(path: string, content: string): Promise<boolean> {
  try {
    await writeFile(path, content, { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Removes the turn of a process that is gone; false when it is not, or somebody else is about to.
 *
 * Of two that find the same dead turn, the slower one would remove the turn that the faster one has taken since: so only
 * the one that creates a second file may remove it, after another look at whose it is.
 */
async function clearAbandoned(path: string): Promise<boolean> {
  if (!(await isFree(path))) return false;
  const takeover = `${path}-takeover`;
  if (!(await create(takeover, ''))) {
    // It stands for the time of two calls; a kill between them leaves it there.
    if (await isOlder(takeover, unwrittenMs)) await rm(takeover, { force: true });
    return false;
  }
  try {
    if (!(await isFree(path))) return false;
    await rm(path, { force: true });
    return true;
  } finally {
    await rm(takeover, { force: true });
  }
}

async function isOlder(path: string, ageMs: number): Promise<boolean> {
  const facts = await stat(path).catch(() => null);
  return facts !== null && wallClockNow() - facts.mtimeMs > ageMs;
}

async function isFree(path: string): Promise<boolean> {
  try {
    const [owner, facts] = [processIdOf(await readFile(path, 'utf8')), await stat(path)];
    // Empty: its process was killed, or is just about to write its name.
    const age = wallClockNow() - facts.mtimeMs;
    return owner === null ? age > unwrittenMs : isAbandoned(owner, thisProcess(), age, processStart).abandoned;
  } catch (error) {
    // Given back since.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true;
    throw error;
  }
}

/** A turn without a name for this long, in milliseconds, was never going to get one. */
const unwrittenMs = 10_000;
