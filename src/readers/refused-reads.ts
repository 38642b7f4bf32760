/** Says why a reader refuses a statement, and what to run instead. */
import { readingPragmas, type ReadRefusal } from '../sql/read-only';

interface Refused {
  /** The end of a sentence that begins with "The statement". */
  readonly why: string;
  readonly hint: string;
}

const transactions =
  'Several reads of one state are `db.reader.snapshot()`; a transaction that writes runs in `db.write()` or `db.transaction()`.';
const attached =
  'A reader has the main database only. Read the other file through a handle of its own, `openDatabase(file).reader`; ' +
  'a query over both runs on the connection that has attached it, with `db.prepare()`.';

export const refusedReads: Readonly<Record<ReadRefusal, Refused>> = {
  begin: { why: 'begins a transaction', hint: transactions },
  savepoint: { why: 'begins a transaction', hint: transactions },
  commit: { why: 'ends a transaction', hint: transactions },
  release: { why: 'ends a transaction', hint: transactions },
  rollback: { why: 'ends a transaction', hint: transactions },
  'rollback-to': { why: 'undoes part of a transaction', hint: transactions },
  checkpoint: { why: 'checkpoints', hint: 'Use `db.checkpoint()`, which runs off the event loop too.' },
  'vacuum-into': {
    why: 'writes a file',
    hint: 'Use `db.backup()`, which runs off the event loop too, or run it on the database itself with `db.exec()`.',
  },
  attach: { why: 'attaches a database', hint: attached },
  detach: { why: 'detaches a database', hint: attached },
  'pragma-of-file': {
    why: 'is a pragma that changes the database',
    hint: 'Run it on the database itself, with `db.pragma()`.',
  },
  'pragma-of-connection': {
    why: 'is a pragma that changes a setting of its connection',
    hint:
      'Each reader has settings of its own, which the module of `readers.setup` can set (`cache_size` for example); ' +
      'its protections stay, `query_only` among them. `db.pragma()` sets those of the connection of this handle.',
  },
  'pragma-unknown': {
    why: 'is a pragma with an argument, and not one that is known to only read',
    hint: `Check its name. These take an argument and only read: ${[...readingPragmas].join(', ')}.`,
  },
  write: {
    why: 'writes',
    hint: 'Run it on the database itself: with `db.write()`, `db.exec()` or a statement of `db.prepare()`.',
  },
  'no-rows': {
    why: 'returns no rows',
    hint: 'A reader is for what returns rows. If it is a pragma, check its name: SQLite ignores one that it does not know.',
  },
};
