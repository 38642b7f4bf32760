/** Tests the judgement of final names and volumes of Windows; the pairs are what `realpathSync.native` is documented to return. */
import { test, describe } from 'node:test';
import assert from 'node:assert/strict';
import {
  classifyWindowsPath,
  namesShare,
  parseVolumeInfo,
  plainWindowsPath,
} from '../../../dist/filesystem/windows/path.js';

const rows = [
  // as given, final name, filesystem of the drive, class, verdict, root
  ['C:\\app\\x.db', 'C:\\app\\x.db', 'NTFS', 'local', 'wal', 'C:\\'],
  ['S:\\x.db', 'C:\\substituted\\x.db', 'ReFS', 'local', 'wal', 'C:\\'],
  ['E:\\x.db', 'E:\\x.db', 'FAT32', 'local', 'rollback', 'E:\\'],
  ['E:\\x.db', 'E:\\x.db', 'exFAT', 'local', 'rollback', 'E:\\'],
  ['E:\\x.db', 'E:\\x.db', 'CDFS', 'read-only', 'read-only', 'E:\\'],
  ['V:\\x.db', 'V:\\x.db', 'CSVFS', 'unknown', 'wal', 'V:\\'],
  ['V:\\x.db', 'V:\\x.db', null, 'unknown', 'wal', 'V:\\'],
  ['Z:\\x.db', '\\\\server\\share\\x.db', null, 'network', 'refuse', '\\\\server\\share'],
  ['\\\\server\\share\\x.db', null, null, 'network', 'refuse', '\\\\server\\share'],
  ['\\\\wsl$\\Ubuntu\\home\\x.db', '\\\\wsl$\\Ubuntu\\home\\x.db', null, 'vm-share', 'refuse', '\\\\wsl$\\Ubuntu'],
  ['\\\\wsl.localhost\\Ubuntu\\x.db', null, null, 'vm-share', 'refuse', '\\\\wsl.localhost\\Ubuntu'],
  ['\\\\?\\UNC\\server\\share\\x.db', null, null, 'network', 'refuse', '\\\\server\\share'],
  ['\\\\?\\UNC\\wsl$\\Ubuntu\\x.db', null, null, 'vm-share', 'refuse', '\\\\wsl$\\Ubuntu'],
  ['D:\\x.db', null, null, 'unknown', 'refuse', null],
  ['\\\\?\\Volume{1234}\\x.db', '\\\\?\\Volume{1234}\\x.db', null, 'unknown', 'refuse', null],
] as const;

describe('classifyWindowsPath', () => {
  for (const [full, real, type, kind, verdict, root] of rows) {
    test(`${full} is ${real} on ${type}: ${verdict}`, () => {
      const ground = classifyWindowsPath(full, real, type);
      assert.equal(ground.class, kind);
      assert.equal(ground.verdict, verdict);
      assert.equal(ground.root, root);
      assert.equal(
        ground.warnings.map(({ code }) => code).join(),
        verdict === 'rollback'
          ? 'crash-unsafe-filesystem'
          : verdict === 'wal' && kind === 'unknown'
            ? 'unknown-drive'
            : '',
      );
    });
  }

  for (const folder of [
    'OneDrive',
    'OneDrive - Example',
    'Dropbox',
    'Dropbox (Personal)',
    'iCloudDrive',
    'Google Drive',
  ]) {
    test(`${folder} is warned of, a folder whose name only ends so is not`, () => {
      const codes = (name: string) => {
        const path = `C:\\Users\\ada\\${name}\\x.db`;
        return classifyWindowsPath(path, path, 'NTFS').warnings.map(({ code }) => code);
      };
      assert.deepEqual(codes(folder), ['synchronised-folder']);
      assert.deepEqual(codes(`x${folder}`), []);
    });
  }
});

test('fsutil names the filesystem in any language; a label that looks like one is no filesystem', () => {
  const english =
    'Volume Name : exFAT backup\r\nVolume Serial Number : 0x1\r\nFile System Name : NTFS\r\nIs ReadWrite\r\n';
  const german = 'Volumename : Daten\r\nDateisystemname : ReFS\r\n';
  assert.equal(parseVolumeInfo(english), 'NTFS');
  assert.equal(parseVolumeInfo(german), 'ReFS');
  assert.equal(parseVolumeInfo('Error:  Access is denied.\r\n'), null);
  assert.equal(parseVolumeInfo(''), null);
});

describe('plainWindowsPath', () => {
  for (const [name, plain] of [
    ['a.db', 'a.db'],
    ['a.db.', 'a.db'],
    ['a.db . .', 'a.db'],
    ['.a', '.a'],
    ['null.db', 'null.db'],
    ['com10.db', 'com10.db'],
    ['console', 'console'],
    ['a.db:stream', null],
    ['a.db::$DATA', null],
    ['a.db-wal::$DATA', null],
    ['NUL', null],
    ['nul.db', null],
    ['con .db', null],
    ['COM1', null],
    ['lpt9.txt', null],
    ['CONIN$', null],
  ] as const) {
    test(`${name}: ${plain ?? 'objected to'}`, () => {
      const found = plainWindowsPath(`C:\\folder\\${name}`);
      if (plain === null) assert.ok('objection' in found);
      else assert.deepEqual(found, { path: `C:\\folder\\${plain}` });
    });
  }
});

describe('plainWindowsPath, the folders', () => {
  for (const [full, plain] of [
    ['C:\\dir.\\a.db', 'C:\\dir\\a.db'],
    ['C:\\dir.\\sub.\\a.db.', 'C:\\dir\\sub\\a.db'],
    ['C:\\.dir\\a.b\\a.db', 'C:\\.dir\\a.b\\a.db'],
    ['C:\\dir \\a.db', 'C:\\dir \\a.db'],
    ['\\\\.\\C:\\dir\\a.db', '\\\\.\\C:\\dir\\a.db'],
    ['\\\\?\\C:\\dir.\\a.db', '\\\\?\\C:\\dir\\a.db'],
    ['\\\\server\\share\\dir.\\a.db', '\\\\server\\share\\dir\\a.db'],
    ['C:\\dir..\\a.db', null],
    ['C:\\dir...\\sub\\a.db', null],
  ] as const) {
    test(`${full}: ${plain ?? 'objected to'}`, () => {
      const found = plainWindowsPath(full);
      if (plain === null) assert.ok('objection' in found);
      else assert.deepEqual(found, { path: plain });
    });
  }
});

test('a server is named by its share, in each of the ways to write it; a drive and a device are no server', () => {
  for (const share of ['server\\share', 'wsl$\\Ubuntu', '?\\UNC\\server\\share', '.\\unc\\server\\share'])
    assert.ok(namesShare(`\\\\${share}\\a.db`), share);
  for (const local of ['C:\\a.db', '\\\\?\\C:\\a.db', '\\\\.\\C:\\a.db', '\\\\?\\Volume{1}\\a.db', 'C:\\UNC\\a.db'])
    assert.equal(namesShare(local), false, local);
});
