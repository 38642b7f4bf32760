// health() reports a filesystem that can lose the file, also where an option accepts it; on a durable one health() is silent.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { inspectFilesystem, openDatabase, type Options } from 'safe-sqlite';
import { makeLab, whyNoMounts } from '../mounts/lab.mts';
import { acceptedGround } from '../support/accepted-ground.mts';

const skip = whyNoMounts('mkfs.ext4');

describe('health() on storage that loses files', { skip }, () => {
  const lab = skip === false ? makeLab() : null;
  const healthOn = (folder: string, options: Options = {}) => {
    using db = openDatabase(join(folder, 'app.db'), { logger: false, ...options });
    db.exec('CREATE TABLE IF NOT EXISTS t (a)');
    const { status, reasons, next } = db.health();
    return { status, reasons, next, codes: db.plan.warnings.map(({ code }) => code) };
  };

  test('tmpfs: degraded with the reason and the next command; accepted in words: ok, and the sentence is a warning', () => {
    const folder = lab?.mount('-t', 'tmpfs', 'none') ?? '';
    const told = healthOn(folder);
    assert.equal(told.status, 'degraded');
    assert.match(told.reasons.join(), /^The filesystem is not durable: tmpfs keeps files in memory/);
    assert.equal(told.next, `npx safe-sqlite doctor ${join(folder, 'app.db')}`);
    const accepted = healthOn(folder, { dangerously: acceptedGround });
    assert.deepEqual([accepted.status, accepted.reasons, accepted.next], ['ok', [], null]);
    assert.ok(accepted.codes.includes('non-durable-filesystem-allowed'));
  });

  test('ext4 without a journal is degraded, with one it is ok and the permission says nothing', () => {
    const without = lab?.mount('-o', 'loop', lab.image(32 << 20, 'mkfs.ext4', '-q', '-O', '^has_journal')) ?? '';
    assert.match(healthOn(without).reasons.join(), /not durable: .* is ext4 without a journal/);
    const durable = lab?.mount('-o', 'loop', lab.image(32 << 20, 'mkfs.ext4', '-q')) ?? '';
    // The image is as durable as the disk of this machine.
    const expected = inspectFilesystem(lab?.root ?? '').durable
      ? ['ok', []]
      : ['degraded', ['nested-filesystem', 'non-durable-filesystem-allowed']];
    assert.deepEqual([healthOn(durable).status, healthOn(durable, { dangerously: acceptedGround }).codes], expected);
    assert.doesNotMatch(healthOn(durable).reasons.join(), new RegExp(`${durable} is ext4 without a journal`));
  });
});
