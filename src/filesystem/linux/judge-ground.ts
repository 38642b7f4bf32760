/** Judges a mount, and what it stands on: the file of a loop device, the upper folder of an overlay, and so on down. */
import { exists } from '../../base/exists';
import { inspectBlockDevice, type BlockDeviceFacts } from './block-device';
import { judgeMount, type MountEvidence, type MountJudgement } from './judge-mount';
import { mountOf, type MountRow } from './mount-table';

/** The kernel stacks two overlays at most; loop devices can be stacked without a limit. */
const deepest = 8;

type GroundEvidence = Omit<MountEvidence, 'block'>;

/** `touched` is false where the mount must not be asked: then nothing below it is looked at. */
export function judgeGround(evidence: GroundEvidence, touched: boolean, depth = 0): MountJudgement {
  const { mount, table } = evidence;
  const block = touched ? inspectBlockDevice(mount, table) : null;
  const own = judgeMount({ ...evidence, block });
  const below = touched && depth < deepest ? folderBelow(mount, block) : null;
  const lower = below === null ? null : mountOf(table, below);
  // In a container the folder is one of the host, whose mounts the table does not list.
  if (below === null || lower === null || lower === mount) return own;
  const ground = judgeGround({ ...evidence, mount: lower, statfsType: null }, true, depth + 1);
  const notes = [...own.notes, ...ground.notes.map(note => `${below}: ${note}`)];
  const { durable, verdict, reason, warnings } = ground.judgement;
  if (durable && verdict !== 'refuse') return { judgement: own.judgement, notes };
  const why = durable ? reason : (warnings.find(({ code }) => loses.has(code))?.message ?? reason);
  const message = `${mount.mountPoint} stands on ${below}. ${why}`;
  const judgement = {
    ...own.judgement,
    durable: own.judgement.durable && durable,
    warnings: [...own.judgement.warnings, { code: 'nested-filesystem', message }],
  };
  return { judgement, notes };
}

/** Warnings that say why a filesystem is not durable. */
const loses: ReadonlySet<string> = new Set([
  'no-write-barrier',
  'no-journal',
  'non-durable-filesystem',
  'volatile-overlay',
  'container-layer',
  'pod-lifetime',
  'nested-filesystem',
]);

function folderBelow(mount: MountRow, block: BlockDeviceFacts | null): string | null {
  if (mount.type === 'overlay') {
    const upper = mount.superOptions.find(option => option.startsWith('upperdir='))?.slice('upperdir='.length);
    return upper?.startsWith('/') === true && exists(upper) ? upper : null;
  }
  return block?.backingFile ?? null;
}
