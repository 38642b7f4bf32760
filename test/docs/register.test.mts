import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { blocksOf, programFolder } from './page.mts';

// The page's blocks, in their order: two commands, their program, and two more programs.
const [byFlag, byEnvironment, app, inCode, jest, ...more] = blocksOf('register.md');

describe('docs/register.md', () => {
  test('has the blocks that are run here, and no other', () => {
    const languages = [byFlag, byEnvironment, app, inCode, jest].map(block => block?.language);
    assert.deepEqual(languages, ['sh', 'sh', 'js', 'js', 'js']);
    assert.deepEqual(more, []);
  });

  for (const command of [byFlag, byEnvironment]) {
    test(command?.text.trim() ?? '', { skip: process.platform === 'win32' && 'the page speaks POSIX shell' }, t => {
      const folder = programFolder(t, { 'app.js': app?.text ?? '' });
      const printed = execFileSync('sh', ['-c', command?.text ?? ''], { cwd: folder, encoding: 'utf8', stdio: 'pipe' });
      assert.match(printed, /^(wal|delete)$/m);
    });
  }

  test('registering in code', t => {
    const check = `console.log(Database === require('safe-sqlite'));`;
    const folder = programFolder(t, { 'app.js': `${inCode?.text ?? ''}${check}` });
    assert.equal(execFileSync(process.execPath, ['app.js'], { cwd: folder, encoding: 'utf8' }), 'true\n');
  });

  // Run by Jest itself in test/consumers.
  test('the resolver for Jest redirects every package but this one', t => {
    const check = `
      const asked = basedir => module.exports('better-sqlite3', { basedir, defaultResolver: name => name });
      console.log([asked(__dirname), asked(own), asked(own + '/native')].join());`;
    const folder = programFolder(t, { 'jest-resolver.js': `${jest?.text ?? ''}${check}` });
    const printed = execFileSync(process.execPath, ['jest-resolver.js'], { cwd: folder, encoding: 'utf8' });
    assert.equal(printed, 'safe-sqlite,better-sqlite3,better-sqlite3\n');
  });
});
