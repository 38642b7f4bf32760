/** Finds a `-journal` of a transaction over several databases whose super-journal is not where the journal names it. */
import { closeSync, constants, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { performance } from '../base/clock';
import { errorCode } from '../base/foreign-error';
import { journalMagic, superJournalBytes, superJournalIn } from '../base/journal-trailer';
import { sleepSync } from '../base/sleep';

/**
 * SQLite takes a transaction for committed when its super-journal is gone, and then deletes the `-journal` without playing
 * it back. The journal names the super-journal by its full path: where the folder is now elsewhere (another mount, another
 * container, a copy) or cannot be searched, SQLite finds none, and half of the transaction stays in the database.
 * https://sqlite.org/atomiccommit.html#_multi_file_commit
 */
export interface MissingSuperJournal {
  readonly journal: string;
  /** The path in the journal. */
  readonly name: string;
  /**
   * `'elsewhere'`: it is beside the database. `'unreadable'`: its folder cannot be searched. `'main-missing'`: nor is the
   * database at its path to which it belongs, so nothing tells whether the transaction was committed.
   */
  readonly reason: 'elsewhere' | 'unreadable' | 'main-missing';
  /** Where it is, for `'elsewhere'`. */
  readonly beside: string | null;
  /** The system error for `'unreadable'`. */
  readonly systemError: string | null;
  /** The database to which the super-journal belongs. */
  readonly main: string | null;
}

/** A name as stat(2) finds it: `'unknown'` where this process may not even ask. */
type Seen = 'there' | 'missing' | 'unknown' | { readonly systemError: string };

export interface SuperJournalFacts {
  readonly seen: Seen;
  /** One of the same name stands beside the database, at another path. */
  readonly isBeside: boolean;
  /** The database whose name it has; `null`: its name has not the form that SQLite gives it. */
  readonly mainSeen: Seen | null;
}

/** Pure. */
export function judgeSuperJournal({
  seen,
  isBeside,
  mainSeen,
}: SuperJournalFacts): MissingSuperJournal['reason'] | null {
  if (seen === 'there' || seen === 'unknown') return null;
  if (seen !== 'missing') return 'unreadable';
  if (isBeside) return 'elsewhere';
  // SQLite deletes the super-journal to commit, and leaves the database.
  return mainSeen === 'missing' ? 'main-missing' : null;
}

const pauseMs = 20;

/**
 * Looks at `${file}-journal`; null: none, or nothing is wrong with it, or it cannot be read. A process that sees the folder
 * at another path may be in the middle of a commit, so a finding counts when it lasts for `waitMs` milliseconds.
 */
export function missingSuperJournal(file: string, waitMs: number): MissingSuperJournal | null {
  const end = performance.now() + waitMs;
  for (;;) {
    const found = look(file);
    if (found === null || performance.now() >= end) return found;
    sleepSync(pauseMs);
  }
}

function look(file: string): MissingSuperJournal | null {
  const journal = `${file}-journal`;
  const named = nameIn(journal);
  if (named === null) return null;
  const name = named.toString();
  const beside = join(dirname(file), name.slice(Math.max(name.lastIndexOf('/'), name.lastIndexOf('\\')) + 1));
  const mainName = mainOf(named);
  const seen = see(named);
  const reason = judgeSuperJournal({
    seen,
    isBeside: beside !== name && see(Buffer.from(beside)) === 'there',
    mainSeen: mainName === null ? null : see(mainName),
  });
  if (reason === null) return null;
  return {
    journal,
    name,
    reason,
    beside: reason === 'elsewhere' ? beside : null,
    systemError: typeof seen === 'object' ? seen.systemError : null,
    main: mainName?.toString() ?? null,
  };
}

/** SQLite appends eight hexadecimal digits with a 9 among them. (vdbeaux.c, vdbeCommit) */
function mainOf(name: Buffer): Buffer | null {
  const suffix = /-mj[0-9A-F]{6}9[0-9A-F]{2}$/.exec(name.toString('latin1'));
  return suffix === null ? null : name.subarray(0, suffix.index);
}

/** SQLite takes an empty super-journal for none. (os_unix.c, unixAccess) */
function see(path: Buffer): Seen {
  try {
    return statSync(path).size > 0 ? 'there' : 'missing';
  } catch (error) {
    const code = errorCode(error) ?? 'unknown';
    if (code === 'ENOENT' || code === 'ENOTDIR') return 'missing';
    return code === 'ERR_ACCESS_DENIED' ? 'unknown' : { systemError: code };
  }
}

// A link is not followed, as in SQLite, and a pipe does not block. SQLite locks no journal, so closing it here costs no lock.
const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

function nameIn(journal: string): Buffer | null {
  let descriptor: number | null = null;
  try {
    if ((statSync(journal, { throwIfNoEntry: false })?.size ?? 0) === 0) return null;
    descriptor = openSync(journal, flags);
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) return null;
    const begin = read(descriptor, 0, journalMagic.length);
    // Anything else was finished (`journal_mode=PERSIST`), or never begun.
    if (!begin.equals(journalMagic)) return null;
    const from = Math.max(0, stats.size - superJournalBytes);
    return superJournalIn(read(descriptor, from, stats.size - from));
  } catch {
    return null; // SQLite reports why it cannot be read.
  } finally {
    if (descriptor !== null) closeSync(descriptor);
  }
}

function read(descriptor: number, position: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  return bytes.subarray(0, readSync(descriptor, bytes, 0, length, position));
}
