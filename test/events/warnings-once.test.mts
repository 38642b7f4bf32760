/** Tests that a warning that comes up at every open is logged once, and that a terminal gets one readable line. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import Database from 'safe-sqlite';
import { terminalLine } from '../../dist/events/terminal-line.js';

const folder = mkdtempSync(join(tmpdir(), 'safe-sqlite-once-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function recorder() {
  const messages: string[] = [];
  const log = (_facts: object, message: string): void => void messages.push(message);
  return { messages, logger: { debug() {}, info() {}, warn: log, error: log, fatal: log } };
}

test('a weaker pragma is logged once for each logger, told to each listener, and kept in the health of each database', () => {
  const silent = new Database(join(folder, 'silent.db'), { logger: false });
  silent.pragma('synchronous = NORMAL');
  silent.close();
  const { messages, logger } = recorder();
  for (const name of ['a.db', 'b.db']) {
    const heard: string[] = [];
    const db = new Database(join(folder, name), { logger });
    db.events.on('warning', ({ code }) => heard.push(code));
    for (let round = 0; round < 3; round += 1) db.pragma('synchronous = NORMAL');
    db.pragma('mmap_size = 1000000');
    assert.deepEqual(heard, ['weaker-pragma-kept', 'weaker-pragma-kept']);
    const kept = db.health().warnings.filter(({ code }) => code === 'weaker-pragma-kept');
    assert.equal(kept.length, 2);
    assert.match(kept[0]?.message ?? '', /PRAGMA synchronous = NORMAL.*stays.*db\.write.*explain weaker-pragma-kept/);
    db.close();
  }
  assert.equal(messages.filter(message => message.includes('synchronous')).length, 1);
  assert.equal(messages.filter(message => message.includes('mmap_size')).length, 1);
});

test('trusted_schema = ON is granted, warned of once, and set back by OFF; registering a function warns of nothing', () => {
  const { messages, logger } = recorder();
  for (const name of ['trusted.db', 'trusted-too.db']) {
    const db = new Database(join(folder, name), { logger });
    const heard: object[] = [];
    db.events.on('warning', warning => heard.push(warning));
    assert.equal(db.pragma('trusted_schema', { simple: true }), 0);
    db.pragma('trusted_schema = ON');
    assert.equal(db.pragma('trusted_schema', { simple: true }), 1);
    db.exec('PRAGMA trusted_schema = 1');
    assert.deepEqual(
      heard.map(warning => Reflect.get(warning, 'code')),
      ['weaker-pragma-granted'],
    );
    const { warnings } = db.health();
    const message = warnings.find(({ code }) => code === 'weaker-pragma-granted')?.message ?? '';
    assert.match(
      message,
      /PRAGMA trusted_schema = ON.*is granted.*functions with side effects.*npx safe-sqlite explain weaker-pragma-granted/,
    );
    // Another pragma afterwards sets the protections again, and leaves what was asked for.
    db.pragma('synchronous = OFF');
    assert.equal(db.pragma('trusted_schema', { simple: true }), 1);
    db.pragma('trusted_schema = OFF');
    assert.equal(db.pragma('trusted_schema', { simple: true }), 0);
    db.close();
  }
  assert.equal(messages.filter(message => message.includes('trusted_schema')).length, 1);
  const own = new Database(join(folder, 'function.db'), { logger });
  own.function('mine', () => 1);
  assert.equal(own.health().warnings.filter(({ code }) => code.startsWith('weaker')).length, 0);
  own.close();
  const strict = new Database(join(folder, 'strict.db'), { logger, weakerPragmas: 'throw' });
  assert.throws(() => strict.pragma('trusted_schema = ON'), { code: 'SAFE_SQLITE_UNSAFE_STATEMENT' });
  assert.equal(strict.pragma('trusted_schema', { simple: true }), 0);
  strict.close();
});

test('a warning about the filesystem is logged once for it, and is in the health of each database', async () => {
  const { messages, logger } = recorder();
  const counts: number[] = [];
  for (const name of ['c.db', 'd.db', 'e.db']) {
    const db = new Database(join(folder, name), { logger });
    const heard: string[] = [];
    db.events.on('warning', ({ message }) => heard.push(message));
    await new Promise(resolve => setImmediate(resolve));
    const { filesystem } = db.plan;
    const ofFilesystem = filesystem?.warnings ?? [];
    for (const { message } of ofFilesystem) {
      assert.ok(heard.includes(message), 'each listener hears it');
      assert.ok(
        db.health().warnings.some(each => each.message === message),
        'each health has it',
      );
      assert.equal(messages.filter(line => line.includes(message)).length, 1, 'and the log has it once');
    }
    counts.push(ofFilesystem.length);
    db.close();
  }
  assert.equal(new Set(counts).size, 1);
});

test('a terminal gets time, level, message and where to read on', () => {
  const line = JSON.stringify({
    level: 40,
    time: Date.UTC(2026, 0, 2, 3, 4, 5),
    name: 'safe-sqlite',
    msg: 'warning: x\u001b[2J',
  });
  assert.equal(
    terminalLine(`${line}\n`),
    '03:04:05 WARN safe-sqlite: warning: x\\x1b[2J (npx safe-sqlite explain alerts)\n',
  );
  const coded = line.replace('"msg"', '"code":"wal-above-limit","msg"');
  assert.match(terminalLine(coded), /\(npx safe-sqlite explain wal-above-limit\)\n$/);
  assert.equal(terminalLine('no JSON'), 'no JSON');
});

const noScript = spawnSync('script', ['--version']).status === 0 ? false : 'needs script (util-linux)';

test('a program at a real terminal writes such lines, and JSON into a file', { skip: noScript }, () => {
  const root = JSON.stringify(join(import.meta.dirname, '../..'));
  const program = `const db = require(require('module').createRequire(${root} + '/x.js').resolve('safe-sqlite'))(process.argv[1]);
    db.pragma('synchronous = NORMAL'); db.pragma('synchronous = NORMAL'); db.close();`;
  const file = join(folder, 'terminal.db');
  const shell = [process.execPath, '-e', program, file].map(word => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
  const shown = spawnSync('script', ['-qec', shell, '/dev/null'], { encoding: 'utf8' }).stdout.split('\r\n');
  const lines = shown.filter(line => line.includes('synchronous'));
  assert.equal(lines.length, 1, shown.join('\n'));
  assert.match(
    lines[0] ?? '',
    /^\d\d:\d\d:\d\d WARN safe-sqlite: warning: .*stays as it is.*\(npx safe-sqlite explain weaker-pragma-kept\)$/,
  );
  const piped = spawnSync(process.execPath, ['-e', program, file], { encoding: 'utf8' }).stderr.trim().split('\n');
  const facts = piped.map(line => JSON.parse(line) as Record<string, unknown>);
  assert.equal(facts.filter(({ code }) => code === 'weaker-pragma-kept').length, 1);
});

const onTmpfs = existsSync('/dev/shm') && statfsSync('/dev/shm').type === 0x01021994;
const noTmpfs = onTmpfs ? false : 'needs a tmpfs at /dev/shm (Linux)';

/** A pool of worker threads; each of them opens databases of its own, several at a time. */
const pool = `
  const { Worker, isMainThread, parentPort, workerData } = require('node:worker_threads');
  const Database = require(process.argv[2]);
  const { join } = require('node:path');
  const { once } = require('node:events');
  if (isMainThread) main(); else serve();

  async function main() {
    const reports = [];
    const start = index => new Worker(__filename, { argv: process.argv.slice(2), workerData: index });
    // Four at a time, then two more when those have ended, and the main thread last.
    for (const indexes of [[0, 1, 2, 3], [4, 5]]) {
      const workers = indexes.map(start);
      await Promise.all(workers.map(async worker => {
        const [report] = await once(worker, 'message');
        reports.push(report);
        await worker.terminate();
      }));
    }
    reports.push(await use(6));
    process.stdout.write(JSON.stringify(reports));
  }

  async function serve() {
    parentPort.postMessage(await use(workerData));
    setInterval(() => {}, 1000);
  }

  async function use(index) {
    const lines = [];
    const log = (_facts, message) => lines.push(message);
    const logger = { debug() {}, info() {}, warn: log, error: log, fatal: log };
    const silent = new Database(join(process.argv[3], index + '-silent.db'), { logger: false });
    silent.pragma('synchronous = OFF');
    const kept = [];
    const heard = [];
    for (const name of ['a', 'b']) {
      for (const options of [{}, { logger }]) {
        const db = new Database(join(process.argv[3], index + name + Object.keys(options) + '.db'), options);
        db.events.on('warning', ({ code }) => heard.push(code));
        db.pragma('synchronous = OFF');
        await new Promise(resolve => setImmediate(resolve));
        kept.push(db.health().warnings.map(({ code }) => code));
        db.close();
      }
    }
    silent.close();
    return { lines, kept, heard };
  }`;

test(
  'a pool of threads logs a warning once, also by loggers of the application; health and listeners have all',
  { skip: noTmpfs },
  () => {
    const place = mkdtempSync('/dev/shm/safe-sqlite-once-');
    after(() => rmSync(place, { recursive: true, force: true }));
    const program = join(folder, 'pool.cjs');
    writeFileSync(program, pool);
    const library = createRequire(import.meta.url).resolve('safe-sqlite');
    const run = spawnSync(process.execPath, [program, library, place], { encoding: 'utf8' });
    assert.equal(run.status, 0, run.stderr);
    const codes = ['non-durable-filesystem', 'weaker-pragma-kept'];
    const logged = run.stderr.trim().split('\n');
    assert.deepEqual(logged.map(line => (JSON.parse(line) as { code: string }).code).toSorted(), codes, run.stderr);
    const reports = JSON.parse(run.stdout) as { lines: string[]; kept: string[][]; heard: string[] }[];
    assert.equal(reports.length, 7);
    assert.equal(reports.flatMap(({ lines }) => lines).length, 2, 'by the loggers of the application');
    for (const { kept, heard } of reports) {
      assert.equal(heard.length, 8);
      for (const each of kept) assert.deepEqual(each.toSorted(), codes);
    }
  },
);

test('each code that a warning or a hint sends to `npx safe-sqlite explain` is explained', () => {
  const root = join(import.meta.dirname, '../..');
  const sources = globSync('src/**/*.ts', { cwd: root }).map(file => readFileSync(join(root, file), 'utf8'));
  const named = sources.flatMap(text =>
    [...text.matchAll(/npx safe-sqlite explain ([\w-]+)/g), ...text.matchAll(/'(weaker-pragma-[\w-]+)'/g)].map(
      ([, code]) => code ?? '',
    ),
  );
  const codes = new Set(named);
  assert.ok(codes.has('weaker-pragma-kept') && codes.has('weaker-pragma-granted'), [...codes].join(' '));
  for (const code of codes) {
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'dist/cli/bin.js'), 'explain', code], {
      encoding: 'utf8',
    });
    assert.equal(status, 0, `${code}: ${stderr}`);
    assert.match(stdout, /\S{3}/);
  }
});
