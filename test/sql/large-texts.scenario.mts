/** Judges one text of many megabytes in the little heap that its starter gives it, and says what it is. */
import { tokenAt } from '../../dist/sql/tokenizer.js';
import { inspectSql } from '../../dist/sql/guard.js';
import { piecesOf } from '../../dist/sql/script.js';
import { endsTransaction, statementKinds } from '../../dist/sql/statement-kind.js';

const megabyte = 1024 * 1024;
/** As often as it fits into so many megabytes. */
const repeated = (part: string, megabytes: number): string => part.repeat((megabytes * megabyte) / part.length);

/** MB of most texts: what is quadratic does not end with the short ones either. */
const most = process.env['LONG_TESTS'] === undefined ? 3 : 8;

const texts: Readonly<Record<string, () => string>> = {
  'a guarded word in a string of one long INSERT': () =>
    `INSERT INTO t VALUES ('vacuum end')${repeated(", ('a', 1, x'00')", 8)}`,
  'one string of 50 MB': () => `INSERT INTO t VALUES ('vacuum end ${repeated("it''s ", 50)}')`,
  'a dump of many statements': () => `-- vacuum, end\n${repeated("INSERT INTO t VALUES ('a;b', 1);\n", most)}`,
  'a trigger with a long body': () =>
    `CREATE TRIGGER tr AFTER INSERT ON t BEGIN /* vacuum */ ${repeated('DELETE FROM u; ', most)}END;`,
  'a trigger that never ends': () => `CREATE TRIGGER tr AFTER INSERT ON vacuum BEGIN ${repeated('ROLLBACK; ', most)}`,
  'semicolons alone': () => `${repeated(';', most)}VACUUM`,
  'comments alone': () => repeated('/* vacuum; end */', most),
  'what SQLite cannot read': () => `${repeated('\v\u0001', most)}vacuum end`,
  'an open string': () => `SELECT 'vacuum end ${repeated('x', most)}`,
  'one long ATTACH': () => `ATTACH ${repeated("'a' || ", most)}'b' AS c`,
  'nested parentheses': () => `ATTACH ${'('.repeat((most / 2) * megabyte)}'b'${')'.repeat((most / 2) * megabyte)} AS c`,
  'many rollbacks': () => `${repeated('ROLLBACK TO a;', most)}-- vacuum`,
  'lines before what is refused': () => `${repeated('\n', most)}PRAGMA writable_schema = 1`,
};

const context = {
  storage: 'file',
  walAllowed: true,
  synchronous: 'full',
  platform: 'linux',
  allowUnsyncedCommits: false,
} as unknown as Parameters<typeof inspectSql>[1];

const [name = '', mechanism = ''] = process.argv.slice(2);
const sql = texts[name]?.() ?? '';
if (mechanism === 'all-tokens') {
  const tokens = [];
  for (let at = 0; at < sql.length;) {
    const token = tokenAt(sql, at);
    tokens.push(token);
    at = token.end;
  }
  process.stdout.write(String(tokens.length));
} else {
  let pieces = 0;
  for (const _piece of piecesOf(sql, () => false)) pieces++;
  process.stdout.write(
    JSON.stringify({
      verdict: inspectSql(sql, context).verdict,
      ends: endsTransaction(sql),
      kinds: [...statementKinds(sql)].length,
      pieces: pieces > 0,
    }),
  );
}
