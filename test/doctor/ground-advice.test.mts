/** Checks that the advice of the doctor about a filesystem never takes the running system away from under its user. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { nextCommand } from '../../dist/doctor/judge/next.js';
import { groundAdvice } from '../../dist/doctor/judge/ground-advice.js';
import { storageCommands } from '../../dist/doctor/judge/storage-commands.js';
import type { FilesystemReport } from '../../dist/filesystem/report.js';

const codes = [
  'non-durable-filesystem',
  'container-layer',
  'pod-lifetime',
  'volatile-overlay',
  'no-write-barrier',
  'no-journal',
  'asynchronous-journal',
  'nested-filesystem',
  'crash-unsafe-filesystem',
  'sync-setting-unseen',
  'stacked-filesystem',
  'single-sandbox',
  'mount-not-visible',
  'synchronised-folder',
  'network-mount-options',
  'filesystem-failed',
  'new',
];

function report(mountPoint: string | null, type = 'ext4'): FilesystemReport {
  return { type, mountPoint, source: '/dev/sda1', platform: 'linux' } as FilesystemReport;
}

/** Whatever needs the filesystem unmounted, or takes it away. */
const takesAway = /umount|e2fsck -f |has_journal|xfs_repair(?! -n)|mkfs/;

describe('advice about a filesystem', () => {
  for (const mount of ['/', null]) {
    test(`at ${mount}: nothing unmounts it or repairs it where it is mounted`, () => {
      for (const code of codes) {
        const { commands = [], action } = groundAdvice(code, report(mount), null);
        for (const command of commands) assert.doesNotMatch(command, takesAway, code);
        assert.doesNotMatch(action ?? '', /unmount \/|unmount it and/, code);
      }
      for (const type of ['ext4', 'xfs', 'btrfs', 'f2fs', 'zfs']) {
        for (const command of storageCommands(report(mount, type), null))
          assert.doesNotMatch(command, /umount|is unmounted/, type);
      }
    });
  }

  test('the log of each system, its disks and its filesystem; the log is read first', () => {
    const at = (platform: string, mountPoint: string) =>
      storageCommands({ ...report(mountPoint, 'ntfs'), platform } as FilesystemReport, null).map(
        command => command.split(' ')[0],
      );
    assert.deepEqual(at('win32', 'C:\\'), ['wevtutil', 'powershell', 'chkdsk']);
    assert.deepEqual(at('win32', '\\\\server\\share'), ['wevtutil', 'powershell']);
    assert.deepEqual(at('darwin', '/Volumes/a b'), ['log', 'diskutil', 'diskutil']);
    assert.deepEqual(at('linux', '/data').slice(0, 2), ['dmesg', 'journalctl']);
    const fenced = { level: 'problem', code: 'fenced', what: '', commands: ['x'] } as never;
    for (const platform of ['win32', 'darwin', 'linux']) {
      const commands = storageCommands({ ...report('C:\\'), platform } as FilesystemReport, null);
      assert.equal(nextCommand([fenced], commands), commands[0]);
    }
  });

  test('elsewhere the steps are there, and the one that is offered as the next only looks', () => {
    const { commands = [] } = groundAdvice('no-journal', report('/data'), null);
    assert.ok(commands.includes('umount /data'));
    for (const code of codes) {
      const advice = groundAdvice(code, report('/data'), null);
      const finding = { level: 'warning', code, what: '', commands: [], ...advice } as never;
      assert.doesNotMatch(nextCommand([finding], []) ?? '', takesAway, code);
    }
  });
});
