/** Asks the operating system why SQLite could not open or write a database or its sidecars, for the hint of its error. */
import { accessSync, constants, existsSync, statSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';
import { performance } from '../base/clock';
import { attributeAdvice } from '../base/file-attributes';
import { errorCode } from '../base/foreign-error';
import { accessError } from './access-error';
import { attributedAmong } from './linux/attributes';
import { shellWord } from '../base/terminal-text';
import { isSqliteFailure, translateError } from '../errors/translate';
import { readSpace } from './space';

/** What SQLite says where a file cannot be created, opened or written; also ENOSPC of a file that it cannot create. */
const families = [
  'SQLITE_CANTOPEN',
  'SQLITE_READONLY',
  'SQLITE_FULL',
  'SQLITE_PERM',
  'SQLITE_IOERR_SHMOPEN',
  // A journal, and a -wal at the last close.
  'SQLITE_IOERR_DELETE',
];

/**
 * Returns what the operating system says about the files that a failure of SQLite may concern: the first that it
 * refuses. SQLite names none of them, and an attached file or a copy may be on another disk than the database.
 */
export function adviceOf(error: unknown, ...files: readonly (string | null)[]): { hint?: string } {
  if (!isSqliteFailure(error)) return {};
  for (const file of files) {
    const hint = file === null || file === '' ? null : refusedFileHint(error.code, file);
    if (hint !== null) return { hint };
  }
  return {};
}

/** Returns `error` as the failure of an operation on `file`, if the operating system refuses that file; else unchanged. */
export function withAdvice(error: unknown, file: string, operation: string): unknown {
  const advice = adviceOf(error, file);
  return advice.hint === undefined ? error : translateError(error, { file, operation, ...advice });
}

/** True if this failure may concern another file than the database, so that the others are worth a look. */
export function isRefusal(error: unknown): boolean {
  return isSqliteFailure(error) && families.some(family => error.code.startsWith(family));
}

/** The advice for a failure of SQLite with this code on `file`; null where the system has no more to say than SQLite. */
export function refusedFileHint(code: string, file: string): string | null {
  if (!families.some(family => code.startsWith(family))) return null;
  const hint = noInodeHint(file);
  if (hint !== null) return `${hint} SQLite must create ${file}-wal or ${file}-journal.`;
  return code.startsWith('SQLITE_FULL') ? null : (attributesHint(file) ?? ownerHint(file));
}

/** The advice if no file can be created beside `file`; null if one can, and where this cannot be asked. */
export function noInodeHint(file: string): string | null {
  const folder = dirname(file);
  try {
    const { totalInodes, freeInodes } = readSpace(folder);
    if (totalInodes === 0 || freeInodes > 0) return null;
  } catch {
    return null; // What cannot be asked is no reason.
  }
  return `The filesystem of ${folder} has no free inode, so no file can be created there, though there may be room (\`df -i ${shellWord(folder)}\`): delete files that are not needed.`;
}

/** The files and the folder that chattr(1) made append-only or immutable: their mode and access(2) say nothing of it. */
function attributesHint(file: string): string | null {
  // Each question starts processes: a service whose every request fails must not ask at each.
  if (asked.file === file && performance.now() - asked.at < askAgainMs) return asked.hint;
  const found = attributedAmong([...['', '-wal', '-shm', '-journal'].map(suffix => file + suffix), dirname(file)]);
  asked = { file, at: performance.now(), hint: found.length === 0 ? null : attributeAdvice(found) };
  return asked.hint;
}

/** Milliseconds for which an answer about a file serves. */
const askAgainMs = 1000;
let asked: { readonly file: string; readonly at: number; readonly hint: string | null } = {
  file: '',
  at: Number.NEGATIVE_INFINITY,
  hint: null,
};

/** The files that this user may not write, or not read, and the command that gives them to the user of the database. */
function ownerHint(file: string): string | null {
  const user = process.geteuid?.();
  const database = statOf(file);
  if (user === undefined) return null;
  const refused = ['', '-wal', '-shm', '-journal'].flatMap(suffix => {
    const path = file + suffix;
    const stats = statOf(path);
    return stats !== null && isRefused(path) ? [{ path, stats }] : [];
  });
  if (refused.length === 0) return null;
  const facts = refused.map(({ path, stats }) => `${path} belongs to user ${stats.uid} (mode ${octal(stats.mode)})`);
  const isOwn = database !== null && refused[0]?.path !== file;
  const owner = isOwn ? database : { uid: user, gid: process.getegid?.() ?? user };
  const paths = refused.map(({ path }) => shellWord(path)).join(' ');
  return `${facts.join(', ')}, and this process runs as user ${user}. Delete nothing. Give ${refused.length === 1 ? 'it' : 'them'} to the user of the database, as root: \`chown ${owner.uid}:${owner.gid} ${paths}\`.`;
}

function octal(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, '0');
}

function isRefused(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return false;
  } catch (error) {
    // A mount that is read-only is no matter of owners.
    const code = errorCode(error);
    return code === 'EACCES' || code === 'EPERM';
  }
}

function statOf(path: string): Stats | null {
  try {
    return statSync(path, { throwIfNoEntry: false }) ?? null;
  } catch {
    return null;
  }
}

/** What decides whether a file in WAL format can be read where it stands. */
export function readonlyGroundOf(file: string): {
  readonly file: string;
  readonly shmExists: boolean;
  readonly isReadable: boolean;
  readonly folderWriteError: string | null;
} {
  return {
    file,
    shmExists: existsSync(`${file}-shm`),
    isReadable: accessError(file, constants.R_OK) === null && !existsSync(`${file}-journal`),
    folderWriteError: accessError(dirname(file), constants.W_OK | constants.X_OK),
  };
}
