/** Judges a mount of Linux by all evidence about it. Pure. */
import type { BlockDeviceFacts } from './block-device';
import { compareStrictness, rowsOfMagic } from '../catalogue/catalogue';
import { classifyMount, crossCheck, judgementOf, stricter, type GroundJudgement } from '../classify';
import { readMountOptions } from './mount-options';
import { mountOf, type MountRow, type MountTable } from './mount-table';
import type { SandboxMarkers } from '../report';

/** The evidence about a mount. */
export interface MountEvidence {
  readonly mount: MountRow;
  readonly table: MountTable;
  readonly sandbox: SandboxMarkers;
  /** `f_type` of statfs(2); `null` if the file was not touched. */
  readonly statfsType: number | null;
  /** The facts in sysfs about the disk below; `null` if they were not read. */
  readonly block: BlockDeviceFacts | null;
}

export interface MountJudgement {
  readonly judgement: GroundJudgement;
  readonly notes: readonly string[];
}

/** Combines type, options, disk and sandbox; the stricter of two answers counts. */
export function judgeMount({ mount, table, sandbox, statfsType, block }: MountEvidence): MountJudgement {
  const options = readMountOptions({ mount, ext4Options: block?.ext4Options ?? null });
  let judgement = classifyMount(mount, sandbox);
  if (statfsType !== null) judgement = crossCheck(judgement, mount.type, statfsType);
  if (mount.type === 'ecryptfs') judgement = judgeLower(judgement, mount, table, sandbox);
  // The kernel appends this to the root of a bind mount whose source folder was removed.
  if (mount.root.endsWith('//deleted')) {
    judgement = {
      ...judgement,
      rule: 'deleted',
      verdict: 'refuse',
      reason: 'The mounted folder was deleted: everything written to it is lost.',
    };
  }
  if (options.readOnly !== null) {
    judgement = stricter(judgement, {
      ...judgement,
      rule: 'mount-options',
      verdict: 'read-only',
      reason: options.readOnly,
    });
  }
  return {
    judgement: {
      ...judgement,
      durable: judgement.durable && !options.nonDurable && block?.nonDurable !== true,
      warnings: [...judgement.warnings, ...options.warnings, ...(block?.warnings ?? [])],
    },
    notes: [...options.notes, ...(block?.notes ?? [])],
  };
}

/** eCryptfs names the folder below it as its source. */
function judgeLower(
  judgement: GroundJudgement,
  mount: MountRow,
  table: MountTable,
  sandbox: SandboxMarkers,
): GroundJudgement {
  const lower = mount.source.startsWith('/') ? mountOf(table, mount.source) : null;
  return lower === null || lower.type === 'ecryptfs' ? judgement : stricter(judgement, classifyMount(lower, sandbox));
}

/**
 * Judges a mount that is not in the table. A network, a virtual-machine share or FUSE may pass the `f_type` of a disk
 * filesystem through, but the kernel gives them device numbers with major 0; a block device has another. Both together
 * prove a disk filesystem of this kernel; its options stay unknown.
 */
export function judgeUnseen(statfsType: number | null, device: string | null): GroundJudgement {
  const rows = statfsType === null ? [] : rowsOfMagic(statfsType);
  const row = rows.toSorted((left, right) => compareStrictness(right.verdict, left.verdict))[0];
  if (row === undefined || row.class !== 'local' || device === null || device.startsWith('0:')) {
    return {
      rule: 'mount-not-visible',
      class: 'unknown',
      verdict: 'refuse',
      reason:
        'The mount is not in the mount table of this process (a chroot, or a mount that was detached), so nothing is certain about it.',
      durable: true,
      warnings: [],
    };
  }
  const judgement = judgementOf(row, 'statfs-and-block-device');
  const message =
    'The mount is not in the mount table of this process (a chroot, or a mount that was detached): its options are not known.';
  return {
    ...judgement,
    class: 'unknown',
    reason: `The mount is not visible from here; its magic number and its block device prove a disk filesystem of this kernel (${row.name} or a relative).`,
    warnings: [{ code: 'mount-not-visible', message }],
  };
}
