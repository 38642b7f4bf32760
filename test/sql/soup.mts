/** Generators of SQL text: token soup, and the many ways in which one pragma can be spelt. */
import fc from 'fast-check';

const pieces = [
  ' ', '\t', '\n', '\f', '\r', '\v', '\ufeff', '\0', '--', '-- note\n', '/*', '*/', '/* note */', '/**/', '/*/', "'", "''", "'text'",
  '"', '""', '"name"', '`', '`name`', '[', ']', '[name]', 'x', "x'", "x'00'", "X'0'", "x'0g'", '0x', '0x1F', '0x_1', '1', '1_0', '1__', '1.',
  '.5', '1.5e', '1e5', '1e+', '1E-3_0', '1a', '?', '?12', '?a', ':', ':a', ':a::b', '@a', '$', '$a', '$a(b)', '#', '#1', '->', '->>', '-',
  '<', '<=', '<>', '<<', '>', '>=', '>>', '=', '==', '!=', '!', '|', '||', ',', '.', '&', '~', '+', '*', '/', '%', '(', ')', ';', '\\', '^',
  '{', '}', '\u007f', '\u0001', 'é', '\u{1f600}', '\ud800', '\u212a', 'a', '_a$1', 'SELECT', 'pragma', 'end', 'create', 'trigger', 'temp',
  'begin', 'case', 'explain', 'window', 'over', 'filter',
]; // prettier-ignore

/** Any text made of what is special to a tokenizer, and some that is not. */
export const tokenSoup = fc
  .array(fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...pieces) }, fc.string({ unit: 'binary', maxLength: 3 })), {
    maxLength: 14,
    size: 'max',
  })
  .map(parts => parts.join(''));

/** What may stand between two tokens without changing anything. */
export const gap = fc
  .array(
    fc.constantFrom(
      ' ',
      '\t',
      '\n',
      '\r\n',
      '\f',
      ' \v',
      '\ufeff',
      '/**/',
      "/* ' */",
      '/* ; */',
      '-- "\n',
      '--;\n',
      '/*/ */',
    ),
    { minLength: 1, maxLength: 3 },
  )
  .map(parts => parts.join(''));

const noGap = fc.oneof(fc.constant(''), gap);

/** `word` in some mixture of upper and lower case. */
export function anyCase(word: string): fc.Arbitrary<string> {
  return fc.infiniteStream(fc.boolean()).map(upper => {
    let text = '';
    for (const character of word) text += upper.next().value === true ? character.toUpperCase() : character;
    return text;
  });
}

/** `name` bare or in any of the quotes that SQLite takes for a name. */
export function quotedAnyhow(name: string): fc.Arbitrary<string> {
  return fc
    .tuple(anyCase(name), fc.constantFrom('', '', '"', "'", '`', '['))
    .map(([text, quote]) => (quote === '[' ? `[${text}]` : quote + text + quote));
}

function valueAnyhow(value: string): fc.Arbitrary<string> {
  if (/^[0-9]/.test(value)) return fc.oneof(fc.constantFrom(value, `+${value}`, `- ${value}`), quotedAnyhow(value));
  if (/[\\/]/.test(value)) return fc.constantFrom(`'${value}'`, `"${value}"`, `[${value}]`); // A path keeps its case.
  return value === '' ? fc.constantFrom("''", '""', '[]') : quotedAnyhow(value);
}

export interface Spelling {
  readonly sql: string;
  /** The same without EXPLAIN and PRAGMA, as `db.pragma()` takes it. */
  readonly afterKeyword: string;
}

/** One PRAGMA statement that sets `name` to one of `values`, spelt in any way that SQLite reads as such, or nearly so. */
export function spelling(name: string, values: readonly string[]): fc.Arbitrary<Spelling> {
  return fc
    .record({
      before: fc.oneof(fc.constant(''), gap, fc.constantFrom(';;', '\v', ' ; \v', '\ufeff;')),
      explain: fc.oneof(
        { weight: 6, arbitrary: fc.constant('') },
        anyCase('explain '),
        anyCase('explain/**/query plan '),
      ),
      keyword: anyCase('pragma'),
      first: gap,
      schema: fc.oneof({ weight: 2, arbitrary: fc.constant('') }, quotedAnyhow('main'), quotedAnyhow('temp')),
      name: quotedAnyhow(name),
      gaps: fc.array(noGap, { minLength: 5, maxLength: 5 }),
      form: fc.constantFrom('=', '=', '==', '(', '(unclosed'),
      value: fc.constantFrom(...values).chain(valueAnyhow),
      after: fc.constantFrom(
        '',
        '',
        ';',
        ' ;;',
        ' -- end',
        ' /* end',
        ' nonsense',
        ' !',
        ' \0 nonsense',
        '; SELECT 1',
        '\0',
      ),
    })
    .map(({ before, explain, keyword, first, schema, name: spelt, gaps, form, value, after }) => {
      const [a = '', b = '', c = '', d = '', e = ''] = gaps;
      const left = (schema === '' ? '' : schema + a + '.' + b) + spelt + c;
      const right = form === '=' || form === '==' ? form + d + value : `(${d}${value}${form === '(' ? `${e})` : ''}`;
      const afterKeyword = left + right + after;
      return { sql: before + explain + keyword + first + afterKeyword, afterKeyword };
    });
}
