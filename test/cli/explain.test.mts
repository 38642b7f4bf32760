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
