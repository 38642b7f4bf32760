/** Reads ATTACH, DETACH and VACUUM INTO: which files a text brings in, lets go, or writes. */
import type { Refused, WrittenAttach, WrittenCopy } from './decision';
import { foldCase, isKeyword, nameOf } from './names';
import type { Statement } from './statements';
import type { Token } from './tokenizer';

const attachByMethod = 'Use `db.attach(file, name)`: it takes any string and protects the database at once.';

/** Reads the ATTACH statement whose keyword is `tokens[at]`: the file and the name, or why it is refused. */
export function readAttach(sql: string, tokens: Statement, at: number): WrittenAttach | Refused {
  let next = at + 1;
  if (isKeyword(sql, tokens[next], 'database')) next++;
  const fileToken = tokens[next];
  const nameToken = tokens[next + 2];
  if (!isKeyword(sql, tokens[next + 1], 'as') || !isLiteral(sql, fileToken)) {
    return refusedName(sql, tokens, at, isLiteral(sql, fileToken) ? next + 1 : next, 'file');
  }
  if (!isLiteral(sql, nameToken) || !endsAt(sql, tokens, next + 3)) {
    return refusedName(sql, tokens, at, isLiteral(sql, nameToken) ? next + 3 : next + 2, 'name');
  }
  const file = nameOf(sql, fileToken);
  if (foldCase(file).startsWith('file:')) {
    return refusedAt(
      sql,
      'ATTACH',
      fileToken,
      'a URI name can choose another locking protocol (`vfs`, `nolock`, `immutable`) than other programs use for the file',
      'Name the file by its path.',
    );
  }
  return { file, schema: nameOf(sql, nameToken) };
}

/** The file that the ATTACH statement whose keyword is `tokens[at]` names; `null` when it is computed or bound. */
export function fileOfAttach(sql: string, tokens: Statement, at: number): string | null {
  const file = tokens[isKeyword(sql, tokens[at + 1], 'database') ? at + 2 : at + 1];
  return isLiteral(sql, file) ? nameOf(sql, file) : null;
}

/** Reads the DETACH statement whose keyword is `tokens[at]`: the schema name, or why it is refused. */
export function readDetach(sql: string, tokens: Statement, at: number): string | Refused {
  const next = isKeyword(sql, tokens[at + 1], 'database') && !isEnd(tokens[at + 2]) ? at + 2 : at + 1;
  const name = tokens[next];
  if (isLiteral(sql, name) && isEnd(tokens[next + 1])) return nameOf(sql, name);
  const offending = tokens[isLiteral(sql, name) ? next + 1 : next] ?? tokens[at];
  return refusedAt(
    sql,
    'DETACH',
    offending,
    'the name of this DETACH is not one plain name, so that nobody can say before it runs which database it lets go',
    'Use `db.detach(name)`: it takes any string.',
  );
}

/** Reads the VACUUM statement whose keyword is `tokens[at]`: where its copy goes, or why it is refused; `null` without INTO. */
export function readVacuumInto(sql: string, tokens: Statement, at: number): WrittenCopy | Refused | null {
  const into = [at + 1, at + 2].find(each => isKeyword(sql, tokens[each], 'into'));
  if (into === undefined) return null;
  const file = tokens[into + 1];
  if (file !== undefined && isEnd(tokens[into + 2])) {
    if (file.kind === 'variable') return { parameter: sql.slice(file.start, file.end) };
    if (isLiteral(sql, file)) return { file: nameOf(sql, file) };
  }
  return refusedAt(
    sql,
    'VACUUM INTO',
    file ?? tokens[at],
    'its file is an expression, so that nobody can say before it runs which file it writes',
    'Write the file as one string or bind it to one parameter (`VACUUM INTO ?`), or use `db.backup(file)`.',
  );
}

/** These words are values and not names, so that SQLite would attach what they evaluate to. */
const valueWords = new Set(['null', 'current_date', 'current_time', 'current_timestamp']);

/** A single token that means its own text: ATTACH and DETACH take a name for a string (attach.c, `resolveAttachExpr`). */
function isLiteral(sql: string, token: Token | undefined): token is Token {
  if (token === undefined) return false;
  if (token.kind === 'word') return !valueWords.has(foldCase(sql.slice(token.start, token.end)));
  return token.kind === 'string' || token.kind === 'quoted-name';
}

function isEnd(token: Token | undefined): boolean {
  return token === undefined || token.kind === 'semicolon';
}

/** True where the name of ATTACH is complete; better-sqlite3's SQLite reads the KEY clause and does nothing with it. */
function endsAt(sql: string, tokens: Statement, at: number): boolean {
  return isEnd(tokens[at]) || isKeyword(sql, tokens[at], 'key');
}

function refusedName(sql: string, tokens: Statement, at: number, offending: number, what: string): Refused {
  return refusedAt(
    sql,
    'ATTACH',
    tokens[offending] ?? tokens[at],
    `the ${what} of this ATTACH is not one plain name, so that nobody can say before it runs which file it brings in`,
    attachByMethod,
  );
}

function refusedAt(
  sql: string,
  statement: Refused['statement'],
  token: Token | undefined,
  reason: string,
  instead: string,
): Refused {
  const position = token?.start ?? 0;
  return {
    verdict: 'refused',
    statement,
    token: sql.slice(position, token?.end ?? 0),
    position,
    reason,
    instead,
    pragma: null,
  };
}
