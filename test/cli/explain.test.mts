// `safe-sqlite explain`: every code that a user can meet has an explanation, from the package alone.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { main } from '../../dist/cli/main.js';
import { findingCodes } from '../../dist/doctor/finding-codes.js';
import { refusalCodes } from '../../dist/errors/refusal-codes.js';
import { resultCodes } from '../../dist/errors/result-codes.js';
import { root } from '../../scripts/pack.mjs';

async function explain(...line: string[]) {
  const said = { out: '', err: '' };
  const code = await main(['explain', ...line], {
    out: text => void (said.out += text),
    err: text => void (said.err += text),
    isInteractive: false,
    hasColours: false,
    signal: new AbortController().signal,
  });
  return { code, ...said };
}

/** Codes of warnings and events, from the first column of the tables of docs/alerts.md. */
function warningCodes(): readonly string[] {
  const page = readFileSync(join(root, 'docs/alerts.md'), 'utf8');
  const cells = page.split('\n').flatMap(line => (line.startsWith('| `') ? (line.split('|')[1] ?? '') : []));
  return cells.flatMap(cell => [...cell.matchAll(/`([a-zA-Z-]+)`/g)].map(([, code = '']) => code));
}

test('every code of SQLite, of the library, of a finding and of a warning', async () => {
  const codes = [
    ...resultCodes.keys(),
    ...Object.values(refusalCodes).map(({ code }) => code),
    ...Object.keys(findingCodes),
    ...warningCodes(),
  ];
  assert.ok(codes.length > 200, String(codes.length));
  for (const code of codes) {
    const { code: exit, out, err } = await explain(code);
    assert.deepEqual([exit, err], [0, ''], code);
    assert.ok(out.startsWith(`${code}: `) && out.includes('\ndo:'), out);
    assert.doesNotMatch(out.split('\n# ')[0] ?? '', /\]\([a-z]+\.md/, 'no link that a terminal cannot follow');
  }
});

test('by number, without the prefix, in any case; the code of a fence with its page', async () => {
  assert.match((await explain('522')).out, /^SQLITE_IOERR_SHORT_READ: result code 522 of SQLite, thrown as /);
  assert.match((await explain('busy')).out, /^SQLITE_BUSY: result code 5 /);
  assert.match(
    (await explain('safe_sqlite_fenced')).out,
    /^SAFE_SQLITE_FENCED: [\s\S]*Copy the database and its\s+`-wal`/,
  );
  assert.match((await explain('fenced')).out, /Three in the morning/);
  const json = JSON.parse((await explain('SQLITE_FULL', '--json')).out) as { ok: boolean; meaning: string };
  assert.ok(json.ok && json.meaning.length > 10);
});

test('a pasted message has its section', async () => {
  const { code, out } = await explain('database is locked');
  assert.equal(code, 0);
  assert.match(out, /### database is locked\n[\s\S]*SQLITE_BUSY/);
});

/** As people pasted them into issues of better-sqlite3 and of programs that use it, with the heading of the answer. */
const pasted: readonly (readonly [message: string, heading: string])[] = [
  [
    'SqliteError: database is locked\n    at Database.exec (/app/node_modules/better-sqlite3/lib/methods/wrappers.js:9:14)',
    'database is locked',
  ],
  [
    "Error: /lib/aarch64-linux-gnu/libm.so.6: version `GLIBC_2.38' not found (required by /Users/myproject/node_modules/better-sqlite3/prebuilds/linux-arm64.node)",
    'not found (required by',
  ],
  [
    "Error: /lib/x86_64-linux-gnu/libm.so.6: version `GLIBC_2.29' not found (required by /tmp/jwbayK/node_modules/better-sqlite3/build/Release/better_sqlite3.node)",
    'not found (required by',
  ],
  [
    "Error: The module '/app/node_modules/better-sqlite3/build/Release/better_sqlite3.node' was compiled against a different Node.js version using NODE_MODULE_VERSION 108.",
    'was compiled against',
  ],
  [
    'Error: Could not locate the bindings file. Tried: → /app/node_modules/better-sqlite3/build/better_sqlite3.node',
    'Could not locate the bindings file',
  ],
  [
    'Error: /app/node_modules/better-sqlite3/build/Release/better_sqlite3.node: invalid ELF header',
    'invalid ELF header',
  ],
  [
    "dlopen(better_sqlite3.node, 0x0001): tried: '…' (mach-o file, but is an incompatible architecture (have 'x86_64', need 'arm64'))",
    'incompatible architecture',
  ],
  ['SqliteError: no such column: "data" - should this be a string literal in single-quotes?', 'no such column'],
  ['SqliteError: no such column: guild', 'no such column'],
  [
    'RangeError: Too few parameter values were provided\n    at Player.mapSetExists (player.js:17:96)',
    'Too few parameter values',
  ],
  ['RangeError: Too many parameter values were provided', 'Too many parameter values'],
  ['SqliteError: UNIQUE constraint failed: users.email', 'UNIQUE constraint failed'],
  ['SqliteError: NOT NULL constraint failed: messages.id', 'NOT NULL constraint failed'],
  ['TypeError: SQLite3 can only bind numbers, strings, bigints, buffers, and null', 'SQLite3 can only bind'],
  ['SqliteError: attempt to write a readonly database', 'attempt to write a readonly database'],
  ['SqliteError: database disk image is malformed', 'database disk image is malformed'],
  ['TypeError: Cannot open database because the directory does not exist', 'Cannot open database because'],
  ['SqliteError: near "order": syntax error', 'syntax error'],
  ['npm ERR! gyp ERR! node-gyp -v v9.1.0', 'node-gyp'],
  [
    'prebuild-install WARN install No prebuilt binaries found (target=20.0.0 runtime=node arch=x64)',
    'No prebuilt binaries found',
  ],
  [
    "Error: Cannot find module '/app/node_modules/better-sqlite3/build/Release/better_sqlite3.node'",
    'Cannot find module',
  ],
  ['TypeError: The database connection is not open', 'The database connection is not open'],
];

test('a message as it is pasted, with its class, values and stack, finds its section', async () => {
  for (const [message, heading] of pasted) {
    const { code, out } = await explain(message);
    assert.equal(code, 0, message);
    assert.ok(out.includes(`### ${heading}`), `${message}:\n${out}`);
  }
});

test('what is not known has the nearest name, and exit code 2', async () => {
  const { code, out, err } = await explain('SQLITE_BUSSY');
  assert.deepEqual([code, out], [2, '']);
  assert.match(err, /Nothing is known under `SQLITE_BUSSY`\. Did you mean `SQLITE_BUSY`\?\n$/);
  assert.match((await explain('wal-crashd')).err, /Did you mean `wal-crashed`\?\n$/);
  assert.doesNotMatch((await explain('xxxxxxxxxxxxxxxx')).err, /Did you mean/);
  assert.doesNotMatch((await explain('SQLITE_FOO')).err, /Did you mean `SQLITE_OK`/);
});

test('no hint and no page of the command line sends a reader to a file that is not in the package', () => {
  const pages = new Set(readdirSync(join(root, 'docs')));
  for (const name of readdirSync(join(root, 'dist/cli')).filter(each => each.endsWith('.js'))) {
    const source = readFileSync(join(root, 'dist/cli', name), 'utf8');
    for (const [, page = ''] of source.matchAll(/docs\/([a-z-]+\.md)/g)) assert.ok(pages.has(page), `${name}: ${page}`);
  }
});

test('no message or hint names a file of docs/: each names the command, and what it names is explained', async () => {
  const source = join(import.meta.dirname, '../../src');
  const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.ts'));
  const commands = new Set<string>();
  for (const name of files) {
    const text = readFileSync(join(source, name), 'utf8')
      .replaceAll(/\/\*[\s\S]*?\*\//g, '')
      .replaceAll(/^\s*\/\/.*$/gm, '');
    assert.doesNotMatch(text, /docs\/[\w-]+\.md/, name);
    for (const [, code = ''] of text.matchAll(/npx safe-sqlite explain ([\w-]+)/g)) commands.add(code);
  }
  assert.ok(commands.size > 5, [...commands].join());
  for (const code of commands) assert.equal((await explain(code)).code, 0, code);
});
