import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { readableText, semicolonFrom, tokenAt, type Token } from '../../dist/sql/tokenizer.js';
import { beginningOf, wellFormed } from './sqlite.mts';
import { tokenSoup } from './soup.mts';

function shown(sql: string): string[] {
  return [...tokensOf(sql)].map(({ kind, start, end }) => `${kind} ${sql.slice(start, end)}`);
}

/** All tokens of a text, without a gap. */
function* tokensOf(sql: string): Generator<Token> {
  const text = readableText(sql);
  for (let at = 0; at < text.length;) {
    const token = tokenAt(text, at);
    yield token;
    at = token.end;
  }
}

describe('tokensOf', () => {
  const table: readonly (readonly [string, readonly string[]])[] = [
    ['', []],
    [' \t\v\n', ['space  \t\v\n']],
    ['\v ', ['illegal \v', 'space  ']],
    ['\ufeffa\ufeff', ['space \ufeff', 'word a\ufeff']],
    ['--a\nb', ['comment --a', 'space \n', 'word b']],
    ['/*', ['operator /', 'operator *']],
    ['/* ', ['comment /* ']],
    ['/*/ */a', ['comment /*/ */', 'word a']],
    ["'it''s'x", ["string 'it''s'", 'word x']],
    ["'open", ["illegal 'open"]],
    ['"a""b"`c`[d]]', ['quoted-name "a""b"', 'quoted-name `c`', 'quoted-name [d]', 'illegal ]']],
    ["x'0f'X'0'x'0g'", ["blob x'0f'", "illegal X'0'", "illegal x'0g'"]],
    [
      '1_0 0x1F .5 1.e3 1a',
      [
        'number 1_0',
        'space  ',
        'number 0x1F',
        'space  ',
        'number .5',
        'space  ',
        'number 1.e3',
        'space  ',
        'illegal 1a',
      ],
    ],
    ['?1a:b@c $d#', ['variable ?1', 'word a', 'variable :b', 'variable @c', 'space  ', 'variable $d', 'illegal #']],
    ['a->>b||c!=!', ['word a', 'operator ->>', 'word b', 'operator ||', 'word c', 'operator !=', 'illegal !']],
    ['a;b\0c', ['word a', 'semicolon ;', 'word b']],
  ];
  for (const [sql, expected] of table) {
    test(JSON.stringify(sql), () => assert.deepEqual(shown(sql), expected));
  }

  test('leaves no gap, whatever the text', () => {
    fc.assert(
      fc.property(tokenSoup, sql => {
        const nul = sql.indexOf('\0');
        assert.equal(
          [...tokensOf(sql)].map(({ start, end }) => sql.slice(start, end)).join(''),
          nul === -1 ? sql : sql.slice(0, nul),
        );
      }),
    );
  });

  test('a jump to the next semicolon ends where the tokens say', () => {
    fc.assert(
      fc.property(tokenSoup, soup => {
        const text = readableText(soup);
        const tokens = [...tokensOf(text)];
        for (const [index, { start }] of tokens.entries()) {
          const next = tokens.slice(index).find(({ kind }) => kind === 'semicolon' || kind === 'illegal');
          // Behind what SQLite cannot read it does not read on.
          if (next?.kind === 'illegal') continue;
          assert.equal(semicolonFrom(text, start), next?.start ?? text.length, JSON.stringify(soup));
        }
      }),
      { numRuns: 5000 },
    );
  });

  test('splits every text where SQLite splits it', () => {
    const db = new Database(':memory:');
    const seen = new Map<string, number>();
    const options = db.pragma('compile_options') as { compile_options: string }[];
    assert.ok(
      options.some(row => row.compile_options === 'OMIT_TCL_VARIABLE'),
      'variables are split as in this build',
    );
    fc.assert(
      fc.property(tokenSoup, soup => {
        const sql = wellFormed(soup);
        const tokens = [...tokensOf(sql)];
        for (const [index, token] of tokens.entries()) {
          const next = tokens.slice(index).find(({ kind }) => kind !== 'space' && kind !== 'comment');
          const expected =
            next === undefined
              ? 'nothing'
              : next.kind === 'semicolon'
                ? 'semicolon'
                : { token: sql.slice(next.start, next.end) };
          assert.deepEqual(beginningOf(db, sql.slice(token.start)), expected, JSON.stringify(sql));
          seen.set(token.kind, (seen.get(token.kind) ?? 0) + 1);
        }
      }),
      { numRuns: 10_000 },
    );
    db.close();
    const kinds = [
      'space',
      'comment',
      'string',
      'quoted-name',
      'word',
      'blob',
      'number',
      'variable',
      'operator',
      'semicolon',
      'illegal',
    ];
    for (const kind of kinds) assert.ok((seen.get(kind) ?? 0) >= 50, `only ${seen.get(kind)} tokens of kind ${kind}`);
  });
});
