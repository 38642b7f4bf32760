/** Resolves the first argument of an open into the database that it names. */
import { InvalidOptionError } from '../errors/refusals';
import type { Source } from './resolved';

/** Reads `filename` as better-sqlite3 does (trimmed; empty is a temporary database) and rejects what is never safe. */
export function resolveSource(filename: unknown): Source {
  if (filename === undefined || filename === null) return { kind: 'temporary', filename: '' };
  if (Buffer.isBuffer(filename)) return { kind: 'buffer', buffer: filename };
  if (typeof filename === 'number') {
    throw new InvalidOptionError(`A database cannot be opened from the file descriptor ${filename}.`, {
      hint: 'Pass the path of the file: closing a descriptor of the file cancels the locks of SQLite on it.',
      details: { filename },
    });
  }
  if (typeof filename !== 'string') {
    throw new InvalidOptionError(`Expected first argument to be a string, got ${typeof filename}.`, {
      hint: 'Pass the path of the database file, `:memory:`, or a Buffer with a serialized database.',
    });
  }
  if (filename.includes('\0')) {
    throw new InvalidOptionError(
      'The file name of the database contains a NUL character; SQLite would cut it off there.',
      {
        hint: 'Remove the NUL character from the path.',
      },
    );
  }
  const trimmed = filename.trim();
  if (trimmed === '') return { kind: 'temporary', filename };
  if (trimmed === ':memory:') return { kind: 'memory', filename };
  if (/^file:/i.test(trimmed)) {
    throw new InvalidOptionError(
      `The file name \`${trimmed}\` is a URI, which better-sqlite3 would take as a literal file name.`,
      {
        hint: 'Pass a plain path, for example with `fileURLToPath()`; `readonly` is an option.',
        details: { filename: trimmed },
      },
    );
  }
  return { kind: 'file', filename };
}
