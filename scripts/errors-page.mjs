// Writes docs/errors.md from the tables in dist/errors: one heading for each code. A test compares page and tables.
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { format } from 'prettier';

const require = createRequire(import.meta.url);
const { refusalCodes } = require('../dist/errors/refusal-codes.js');
const { resultCodes, resolveCode } = require('../dist/errors/result-codes.js');
const { sqliteErrorClasses } = require('../dist/errors/sqlite-errors.js');

const head = `
# Errors

<!-- Written by scripts/errors-page.mjs from the tables in src/errors. Change those, then run the script. -->

Everything that this library throws by itself belongs to one of two families:

- **Refusals** of this library extend \`SafeSqliteError\`; their \`code\` begins with \`SAFE_SQLITE_\`. What was
  asked for was not done.
- **Failures of SQLite** extend \`SqliteResultError\`, which extends better-sqlite3's \`SqliteError\`; their \`code\` is
  SQLite's extended result code, as in better-sqlite3.

What your own functions throw comes out as the very object, also a SqliteError that they met in another database. The
\`TypeError\`s and \`RangeError\`s of better-sqlite3 about wrong arguments come through as well. The stack of every error
begins at the line that called, without the frames of this library (a bundle shows them).

| property        | what it says                                                                                          |
| --------------- | ----------------------------------------------------------------------------------------------------- |
| \`code\`          | Stable name; one heading below for each.                                                              |
| \`primaryCode\`   | Failures of SQLite only: the family, for example \`SQLITE_IOERR\` for \`SQLITE_IOERR_FSYNC\`.             |
| \`message\`       | What happened, to which file. It is for people: decide on \`code\`, on the class, or on the labels.     |
| \`hint\`          | What to do now.                                                                                       |
| \`retryable\`     | The same call, or the same transaction from its beginning, may succeed later by itself.               |
| \`fatal\`         | This connection, or this file in this process, cannot be trusted any more.                            |
| \`details\`       | Facts: \`file\`, \`operation\`, \`sql\` (the text that was prepared; bound values are never in it).         |
| \`cause\`         | The original error, for example the one that better-sqlite3 threw.                                    |
| \`commitOutcome\` | After a failed COMMIT, and after a failure with which SQLite has rolled back the whole transaction of a \`db.write\`: \`'rolled-back'\` (run it again if you like) or \`'unknown'\` (read first; over [several files](journal-modes.md#a-transaction-over-several-files) \`details.files\` names them). |

## What to do in a request handler

The first row that fits.

| error                                                    | answer                  | and then                                                                             |
| -------------------------------------------------------- | ----------------------- | ------------------------------------------------------------------------------------ |
| \`commitOutcome === 'unknown'\`                            | 500, and do **not** retry | Read whether the rows are there before anything runs again.                        |
| \`SqliteUniqueError\`                                      | 409                     | Or \`ON CONFLICT\` in the statement.                                                   |
| \`SqliteForeignKeyError\`                                  | 409 or 400              |                                                                                      |
| \`SqliteNotNullError\`, \`SqliteCheckError\`, other \`SqliteConstraintError\` | 400  | The message names the column.                                                        |
| \`SqliteTooBigError\`                                      | 413                     |                                                                                      |
| \`SqliteBusySnapshotError\`                                | run the transaction again | Waiting does not help; \`db.write\` and \`immediate\` transactions avoid it.           |
| \`SqliteBusyError\`, \`WriteQueueFullError\`, anything \`retryable\` | 503 with \`Retry-After\` | Often: look for long transactions.                                             |
| \`SqliteFullError\`                                        | 507                     | Free space outside the database; nothing is broken.                                  |
| anything \`fatal\`                                         | 503                     | Let the readiness check fail and wake an operator; do not restart in a loop.            |
| everything else                                          | 500                     | A bug in the program or its settings: log \`code\`, \`message\` and \`hint\`.              |

\`\`\`js
const { SqliteUniqueError } = require('safe-sqlite');

app.post('/users', (request, response, next) => {
  try {
    insertUser.run(request.body);
    response.sendStatus(201);
  } catch (error) {
    if (error.commitOutcome === 'unknown') response.sendStatus(500);
    else if (error instanceof SqliteUniqueError) response.sendStatus(409);
    else if (error.retryable) response.set('Retry-After', '1').sendStatus(503);
    else next(error);
  }
});
\`\`\`

## Things to know

- \`instanceof\` holds across copies of this package in one process, and \`instanceof Database.SqliteError\` holds for
  every failure of SQLite. The \`name\` of these is \`'SqliteError'\`, because programs check it; the class is
  \`error.constructor\`, and \`console.log\` shows both: \`SqliteUniqueError [SqliteError]: …\`.
- The message of SQLite stands first. Where it speaks of the file and not of the statement, what SQLite does not say
  follows: \`database is locked (SQLITE_BUSY at commit in /data/app.db)\`. Messages about a statement
  (\`UNIQUE constraint failed: users.email\`) are left exactly as they are, because libraries read names out of them.
- The algorithm of structured clones (\`postMessage\`, \`structuredClone\`) keeps \`message\`, \`stack\` and \`cause\` of an
  error and nothing else. Send \`code\` and \`hint\` beside it when an error has to leave its thread.
- A code that is newer than this library has the class of its family, and \`UNKNOWN_SQLITE_ERROR_<number>\`, which
  better-sqlite3 gives to codes that it does not know, is resolved to the name where there is one.
`;

/** The whole page. */
export async function errorsPage() {
  const text = [
    head.trim(),
    '## Classes',
    `\`\`\`text\n${tree()}\n\`\`\``,
    '## Refusals of this library',
    ...Object.entries(refusalCodes).map(refusal),
    '## Failures of SQLite',
    'Each family begins with its primary code. The numbers are those of sqlite3.h.',
    ...byFamily(([, row]) => isFailure(row)).map(failure),
    '## Result codes that are no failures',
    'They complete the table; no call throws them.',
    ...byFamily(([, row]) => !isFailure(row)).map(([code, row]) => `### ${code}\n\n${row.number}. ${row.meaning}`),
  ].join('\n\n');
  return format(text, { parser: 'markdown', printWidth: 120, singleQuote: true });
}

function refusal([className, row]) {
  return `### ${row.code}\n\n\`${className}\`${labels(row)}. ${row.meaning}\n\n**Do:** ${row.hint}`;
}

function failure([code, row]) {
  return `### ${code}\n\n${row.number}, \`${row.errorClass}\`${labels(row)}. ${row.meaning}\n\n**Do:** ${row.hint}`;
}

function labels(row) {
  return [row.retryable ? ' · retryable' : '', row.fatal ? ' · **fatal**' : ''].join('');
}

function isFailure(row) {
  return !row.hint.startsWith('If you see this as an error');
}

/** Primary codes by number, each followed by its extended codes. */
function byFamily(wanted) {
  const primary = ([code]) => resultCodes.get(resolveCode(code).primaryCode)?.number ?? 0;
  return [...resultCodes]
    .filter(wanted)
    .toSorted((left, right) => primary(left) - primary(right) || left[1].number - right[1].number);
}

/** The classes of both families, indented below their parents. */
function tree() {
  const lines = ['Error', '├─ SafeSqliteError'];
  const refusals = Object.keys(refusalCodes);
  refusals.forEach((name, index) => {
    const also = ['InvalidOptionError', 'ClosedDatabaseError'].includes(name) ? ' (also a TypeError)' : '';
    lines.push(`│  ${index === refusals.length - 1 ? '└─' : '├─'} ${name}${also}`);
  });
  lines.push('└─ SqliteError (better-sqlite3)', '   └─ SqliteResultError');
  branch(sqliteErrorClasses.SqliteResultError, '      ', lines);
  return lines.join('\n');
}

function branch(parent, indent, lines) {
  const children = Object.entries(sqliteErrorClasses).filter(([, value]) => Object.getPrototypeOf(value) === parent);
  children.forEach(([name, value], index) => {
    const last = index === children.length - 1;
    lines.push(`${indent}${last ? '└─' : '├─'} ${name}`);
    branch(value, `${indent}${last ? '   ' : '│  '}`, lines);
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(fileURLToPath(new URL('../docs/errors.md', import.meta.url)), await errorsPage());
}
