/** The commands about files that hints and the doctor give: in the words of the system, and they do what they say. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileCommands, posixCommands, windowsCommands } from '../../dist/base/file-commands.js';
import { shellWord } from '../../dist/base/terminal-text.js';

const onWindows = process.platform === 'win32';

test(
  'each command in the words of a POSIX shell',
  { skip: onWindows && 'the names in them are words of Windows there' },
  () => {
    const files = ['/a b/app.db', '/a b/app.db-wal'];
    const { list, listByTime, listItself, copy, move, remove, find, freeSpace } = posixCommands;
    assert.deepEqual(
      [list('/a b'), listByTime('/a b'), listItself('/a b'), remove('/a b/x'), find('/', 'x y'), freeSpace('/a b')],
      ["ls -la '/a b'", "ls -lat '/a b'", "ls -ld '/a b'", "rm '/a b/x'", "find / -xdev -name 'x y'", "df -h '/a b'"],
    );
    assert.deepEqual(copy(files, '<to>'), ["cp -a '/a b/app.db' '/a b/app.db-wal' <to>"]);
    assert.deepEqual(move(files, '<to>'), ["mv '/a b/app.db' '/a b/app.db-wal' <to>"]);
  },
);

test('each command in the words of Windows', () => {
  const windows = windowsCommands;
  const named = [String.raw`C:\a b\app.db`, String.raw`C:\a b\app.db-wal`];
  assert.deepEqual(
    [windows.list('C:\\a'), windows.listByTime('C:\\a'), windows.listItself('C:\\a'), windows.remove('C:\\a\\x')],
    ['dir C:\\a', 'dir C:\\a', 'dir C:\\a', 'del C:\\a\\x'],
  );
  assert.deepEqual(
    [windows.find('C:\\', 'x y'), windows.freeSpace('C:\\a b\\c')],
    ['where.exe /r C:\\ "x y"', 'fsutil volume diskfree C:\\'],
  );
  assert.deepEqual(windows.copy(named, '<to>'), [
    String.raw`copy "C:\a b\app.db" <to>`,
    String.raw`copy "C:\a b\app.db-wal" <to>`,
  ]);
  assert.deepEqual(windows.move(named, '<to>'), [
    String.raw`move "C:\a b\app.db" <to>`,
    String.raw`move "C:\a b\app.db-wal" <to>`,
  ]);
});

/** Runs a line as a user types it, and returns what it prints. */
function run(line: string): string {
  const { status, stdout, stderr } = onWindows
    ? spawnSync('cmd.exe', ['/d', '/s', '/c', `"${line}"`], { encoding: 'utf8', windowsVerbatimArguments: true })
    : spawnSync('sh', ['-c', line], { encoding: 'utf8' });
  assert.equal(status, 0, `${line}: ${stderr}`);
  return stdout;
}

test('the shell of this system has them', t => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'safe-sqlite-file commands-')));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const [from, to] = [join(folder, 'from'), join(folder, 'to')];
  for (const made of [from, to]) mkdirSync(made);
  const files = [join(from, 'app.db'), join(from, 'app.db-wal')];
  for (const file of files) writeFileSync(file, 'x');
  for (const line of [fileCommands.list(from), fileCommands.listByTime(from)]) assert.match(run(line), /app\.db-wal/);
  run(fileCommands.listItself(from));
  for (const line of fileCommands.copy(files, shellWord(to))) run(line);
  assert.deepEqual(readdirSync(to).toSorted(), ['app.db', 'app.db-wal']);
  for (const name of ['app.db', 'app.db-wal']) run(fileCommands.remove(join(to, name)));
  assert.deepEqual(readdirSync(to), []);
  for (const line of fileCommands.move(files, shellWord(to))) run(line);
  assert.deepEqual([readdirSync(from), readdirSync(to).toSorted()], [[], ['app.db', 'app.db-wal']]);
  // In Wine where.exe and fsutil.exe do nothing.
  if (onWindows) return;
  assert.match(run(fileCommands.find(folder, 'app.db-wal')), /to\/app\.db-wal/);
  assert.match(run(fileCommands.freeSpace(to)), /%/);
});
