/**
 * Tests the judgement of final names of Windows; the pairs are what `realpathSync.native` is documented and reported to
 * give.
 */
import { test, describe } from 'node:test';
import assert from 'node:assert/strict';
import { classifyWindowsPath } from '../../../dist/filesystem/windows/path.js';

const rows = [
  // as given, final name, class, verdict, root
  ['C:\\app\\x.db', 'C:\\app\\x.db', 'local', 'wal', 'C:\\'],
  ['S:\\x.db', 'C:\\substituted\\x.db', 'local', 'wal', 'C:\\'],
  ['Z:\\x.db', '\\\\server\\share\\x.db', 'network', 'refuse', '\\\\server\\share'],
  ['\\\\server\\share\\x.db', null, 'network', 'refuse', '\\\\server\\share'],
  ['\\\\wsl$\\Ubuntu\\home\\x.db', '\\\\wsl$\\Ubuntu\\home\\x.db', 'vm-share', 'refuse', '\\\\wsl$\\Ubuntu'],
  ['\\\\wsl.localhost\\Ubuntu\\x.db', null, 'vm-share', 'refuse', '\\\\wsl.localhost\\Ubuntu'],
  ['D:\\x.db', null, 'unknown', 'refuse', null],
  ['\\\\?\\Volume{1234}\\x.db', '\\\\?\\Volume{1234}\\x.db', 'unknown', 'refuse', null],
] as const;

describe('classifyWindowsPath', () => {
  for (const [full, real, kind, verdict, root] of rows) {
    test(`${full} is ${real}: ${verdict}`, () => {
      const ground = classifyWindowsPath(full, real);
      assert.equal(ground.class, kind);
      assert.equal(ground.verdict, verdict);
      assert.equal(ground.root, root);
    });
  }
  test('OneDrive is warned of', () => {
    const path = 'C:\\Users\\ada\\OneDrive - Example\\x.db';
    assert.equal(classifyWindowsPath(path, path).warnings[0]?.code, 'synchronised-folder');
  });
});
