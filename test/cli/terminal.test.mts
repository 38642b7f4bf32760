// The program in a real terminal (tmux): colour there and nowhere else, a bar that is drawn and wiped.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { crashedWal, elsewhere, folder } from '../doctor/check-input.mts';

const bin = join(import.meta.dirname, '../../dist/cli/bin.js');
const skip = spawnSync('tmux', ['-V']).status === 0 ? false : 'needs tmux';

interface Screen {
  /** What the terminal shows, with the sequences of its colours. */
  readonly shown: () => string;
  readonly until: (pattern: RegExp) => Promise<string>;
}

/** Runs a shell line in a terminal of 100 by 60, which ends with the test. */
function terminal(t: TestContext, line: string): Screen {
  const socket = `safe-sqlite-${process.pid}-${Math.random().toString(36).slice(2)}`;
  const tmux = (...args: string[]): string =>
    spawnSync('tmux', ['-L', socket, '-f', '/dev/null', ...args], { encoding: 'utf8' }).stdout;
  t.after(() => tmux('kill-server'));
  const { NO_COLOR: _, FORCE_COLOR: __, NODE_TEST_CONTEXT: ___, ...env } = process.env;
  spawnSync(
    'tmux',
    [
      '-L',
      socket,
      '-f',
      '/dev/null',
      'new-session',
      '-d',
      '-x',
      '100',
      '-y',
      '60',
      `${line}; echo "exit $?"; sleep 1000`,
    ],
    { env: { ...env, TERM: 'xterm-256color' } },
  );
  const shown = (): string => tmux('capture-pane', '-e', '-p');
  const until = async (pattern: RegExp): Promise<string> => {
    for (;;) {
      const screen = shown();
      if (pattern.test(screen)) return screen;
      await delay(20);
    }
  };
  return { shown, until };
}

const quoted = (...words: string[]): string => words.map(word => `'${word}'`).join(' ');

describe('in a terminal', { skip }, () => {
  test('the report has colours; with NO_COLOR and in a pipe it has none', async t => {
    const file = join(folder(t), 'app.db');
    crashedWal(file);
    const doctor = quoted(process.execPath, bin, 'doctor', file);
    const coloured = await terminal(t, doctor).until(/exit \d/);
    assert.ok(coloured.includes('\u001b[1m\u001b[33mWARNING'), coloured);
    assert.match(coloured, /exit 3/);
    for (const plain of [`NO_COLOR=1 ${doctor}`, `${doctor} | cat`]) {
      const screen = await terminal(t, plain).until(/exit \d/);
      assert.match(screen, /^WARNING \(wal-(?:crashed|not-closed)\)/m);
      assert.ok(!screen.includes('\u001b['), plain);
    }
  });

  test('the bar moves, and leaves no trace', async t => {
    const home = folder(t);
    const file = join(home, 'app.db');
    elsewhere(
      file,
      `const db = new Native(file); db.exec('CREATE TABLE t(a); INSERT INTO t VALUES (zeroblob(4000000))'); db.close()`,
    );
    // A second is long enough to see it.
    const line = quoted(process.execPath, bin, 'backup', file, join(home, 'copy.db'), '--pages-per-second', '1000');
    const screen = terminal(t, line);
    await screen.until(/Copying \[#+-+\] +\d+ %/);
    const end = await screen.until(/exit \d/);
    assert.match(end, /exit 0/);
    assert.match(end, /sha256: [0-9a-f]{64}/);
    assert.doesNotMatch(end, /Copying/);
  });

  test('a bar is drawn on the terminal also when the answer goes into a file', async t => {
    const home = folder(t);
    const file = join(home, 'app.db');
    elsewhere(
      file,
      `const db = new Native(file); db.exec('CREATE TABLE t(a); INSERT INTO t VALUES (zeroblob(4000000))'); db.close()`,
    );
    writeFileSync(join(home, 'answer'), '');
    const backup = quoted(
      process.execPath,
      bin,
      'backup',
      file,
      join(home, 'copy.db'),
      '--json',
      '--pages-per-second',
      '1000',
    );
    const screen = terminal(t, `${backup} > ${quoted(join(home, 'answer'))}`);
    await screen.until(/Copying \[#+-+\]/);
    assert.match(await screen.until(/exit \d/), /exit 0/);
  });
});
