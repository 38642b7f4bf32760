/** `safe-sqlite checkpoint`: takes the WAL into the database, once. */
import { missingHint } from '../backup/place';
import { count, formatBytes, formatDuration } from '../base/figures';
import { diagnose } from '../doctor/diagnose';
import { SqliteCantOpenError } from '../errors/sqlite-errors';
import type { CheckpointResult } from '../maintenance/messages';
import { Database } from '../database/database';
import type { Answer, Command } from './command';

export const checkpointCommand: Command = {
  name: 'checkpoint',
  summary: 'Take the -wal into the database, once, and say what became of it.',
  operands: ['<database>'],
  options: { truncate: { type: 'boolean' } },
  about: [
    'Copies what is committed in the -wal into the database file. It works beside programs that use the database, and waits for none of them: a reader can keep it from going to the end, which the answer says.',
    'It does not run on a fenced database, nor on one whose filesystem is not safe for WAL.',
  ],
  help: [['--truncate', 'also shorten the -wal to nothing; needs a moment without any reader']],
  examples: ['checkpoint app.db', 'checkpoint app.db --truncate'],
  exits: [
    [0, 'everything is in the database (also when there was nothing to do)'],
    [1, 'failed or refused'],
    [3, 'not complete: a reader, a writer or another checkpoint was in the way'],
  ],
  async run([file = ''], options, { signal }) {
    // Looked at from outside first: opening it would change the journal mode of a database that has no WAL.
    const { facts } = await diagnose(file, { signal });
    const mode = options['truncate'] === true ? 'truncate' : 'passive';
    if (facts.files?.preflight.kind === null && facts.files.preflight.sidecars.length === 0) throw missing(file);
    if (facts.header?.journalMode === 'rollback') return withoutWal(`${file} has a rollback journal`);
    if (facts.header?.kind === 'empty' && facts.files?.preflight.sidecars.length === 0) {
      return withoutWal(`${file} is empty`);
    }
    const database = new Database(file, {
      fileMustExist: true,
      journalMode: 'wal',
      checkpoint: 'off',
      sentinel: 'off',
      logger: false,
    });
    try {
      const result = await database.checkpoint(mode);
      return { exit: result.complete ? 0 : 3, json: result, text: describe(database.name, result) };
    } finally {
      database.close();
    }
  },
};

function missing(file: string): SqliteCantOpenError {
  return new SqliteCantOpenError(`There is no database at ${file}.`, 'SQLITE_CANTOPEN', {
    hint: missingHint,
    details: { file },
  });
}

function withoutWal(why: string): Answer {
  const result: CheckpointResult = {
    mode: 'passive',
    complete: true,
    busy: false,
    walFrames: 0,
    checkpointedFrames: 0,
    walBytes: 0,
    durationMs: 0,
  };
  return { exit: 0, json: result, text: `${why}: there is no -wal to take in.` };
}

function describe(file: string, result: CheckpointResult): string {
  const { complete, walFrames, checkpointedFrames, walBytes, durationMs } = result;
  if (complete) {
    const size = walBytes === 0 ? 'empty' : formatBytes(walBytes);
    return `${file}: everything is in the database (${count(checkpointedFrames, 'frame')}, ${formatDuration(durationMs)}); the -wal is ${size}.`;
  }
  return [
    `${file}: NOT COMPLETE: ${checkpointedFrames} of ${count(walFrames, 'frame')} ${walFrames === 1 ? 'is' : 'are'} in the database (${formatDuration(durationMs)}).`,
    '  A reader, a writer or another checkpoint was in the way. Nothing is lost; the rest stays in the -wal.',
    `  npx safe-sqlite doctor ${file}   names the processes`,
  ].join('\n');
}
