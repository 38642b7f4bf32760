/** File names as words of cmd.exe and PowerShell, in the commands that hints and the doctor give on Windows. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { shellWord, windowsWord } from '../../dist/base/terminal-text.js';

const words: readonly [name: string, word: string][] = [
  [String.raw`C:\data\app.db`, String.raw`C:\data\app.db`],
  [String.raw`C:\Program Files\it's\app.db`, String.raw`"C:\Program Files\it's\app.db"`],
  [String.raw`C:\a & b\app.db`, String.raw`"C:\a & b\app.db"`],
  ['C:\\a b\\', '"C:\\a b\\\\"'],
  ['-rf', String.raw`.\-rf`],
  [String.raw`\\server\share\a,b.db`, String.raw`"\\server\share\a,b.db"`],
  // Only PowerShell has a way to write these.
  [String.raw`C:\%TEMP%\it's.db`, String.raw`'C:\%TEMP%\it''s.db'`],
  ['C:\\$x\u202e.db', '"C:\\`$x`u{202e}.db"'],
];

test('a name of Windows is one word', () => {
  for (const [name, word] of words) assert.equal(windowsWord(name), word);
});

test('cmd.exe hands on what was written', { skip: process.platform !== 'win32' && 'needs cmd.exe' }, () => {
  const printed = JSON.stringify(process.execPath);
  for (const name of [
    String.raw`C:\data\app.db`,
    String.raw`C:\Program Files\it's\app.db`,
    String.raw`C:\a b\app.db`,
  ]) {
    const line = `"${printed} -p process.argv[1] ${shellWord(name)}"`;
    const { stdout, stderr } = spawnSync('cmd.exe', ['/d', '/s', '/c', line], {
      encoding: 'utf8',
      windowsVerbatimArguments: true,
    });
    assert.equal(stdout.trim(), name, stderr);
  }
});
