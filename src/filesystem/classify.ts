/** Judges one mount by its type, source and sandbox. Pure; options and platform extras are judged elsewhere. */
import { compareStrictness, rowOfType, rowsOfMagic } from './catalogue/catalogue';
import { fuseMagic } from './catalogue/fuse';
import type { CatalogueRow } from './catalogue/rows';
import type { MountRow } from './linux/mount-table';
import type { FilesystemClass, FilesystemWarning, GroundVerdict, SandboxMarkers } from './report';

/** The judgement of a filesystem by its type. */
export interface GroundJudgement {
  /** Name of the deciding rule. */
  readonly rule: string;
  readonly class: FilesystemClass;
  readonly verdict: GroundVerdict;
  readonly reason: string;
  readonly durable: boolean;
  readonly warnings: readonly FilesystemWarning[];
}

type MountFacts = Pick<MountRow, 'type' | 'source' | 'superOptions'>;

/** Judges a mount from the table. */
export function classifyMount(mount: MountFacts, sandbox: SandboxMarkers): GroundJudgement {
  if (sandbox.gVisor && mount.type === '9p') return gVisorGofer(mount);
  const row = rowOfType(mount.type, 'linux');
  if (row !== null) return judgementOf(row, 'type');
  if (mount.type === 'fuse' || mount.type.startsWith('fuse.')) return unknownFuse(mount);
  return {
    rule: 'unknown-type',
    class: 'unknown',
    verdict: 'refuse',
    reason: `Nothing is known about the filesystem type \`${mount.type}\`: neither its locks nor its shared memory are known to work.`,
    durable: true,
    warnings: [],
  };
}

export function judgementOf(row: CatalogueRow, rule: string): GroundJudgement {
  return {
    rule,
    class: row.class,
    verdict: row.verdict,
    reason: row.reason,
    durable: row.durable,
    warnings: row.warning === null ? [] : [row.warning],
  };
}

/**
 * Judges a file mount of gVisor. Its kernel keeps the locks to itself, so they end at the sandbox. With shared access
 * it prints `cache=remote_revalidating`; otherwise the operator configured this sandbox as the only user of the files.
 *
 * @see gVisor: `goferMountData` in runsc/boot, `InteropModeExclusive` in pkg/sentry/fsimpl/gofer/gofer.go
 */
function gVisorGofer(mount: MountFacts): GroundJudgement {
  if (mount.superOptions.includes('cache=remote_revalidating') || !mount.superOptions.includes('cache=fscache')) {
    return {
      rule: 'gvisor',
      class: 'vm-share',
      verdict: 'refuse',
      reason:
        'gVisor keeps locks and memory maps inside this sandbox, and this mount is shared: another sandbox or the host can write the same files at the same time.',
      durable: true,
      warnings: [],
    };
  }
  return {
    rule: 'gvisor',
    class: 'vm-share',
    verdict: 'rollback',
    reason:
      'gVisor is configured for exclusive use of the files by this sandbox (`cache=fscache`); its locks hold inside the sandbox.',
    durable: true,
    warnings: [
      {
        code: 'single-sandbox',
        message:
          'gVisor keeps locks inside this sandbox: nothing stops another sandbox or the host from writing the same database. Let only this one open it.',
      },
    ],
  };
}

/** Judges a FUSE type without a row: the source often tells more, and the verdict is the same. */
function unknownFuse(mount: MountFacts): GroundJudgement {
  const remote = /^https?:\/\//.test(mount.source) || /^[^/]*:/.test(mount.source);
  return {
    rule: remote ? 'fuse-source' : 'unknown-fuse',
    class: remote ? 'network' : 'fuse',
    verdict: 'refuse',
    reason: remote
      ? `A user-space filesystem whose source \`${mount.source}\` is on another machine: nothing keeps two openers there from overwriting each other.`
      : `The kernel knows nothing about a \`${mount.type}\` filesystem: its daemon may reach the files over a network, share them, or cache them, and locks work within this one mount at most.`,
    durable: true,
    warnings: [],
  };
}

/**
 * Compares the type with the result of statfs(2). The mount table decides, because 9p passes the server's `f_type`
 * through and all FUSE filesystems share one; if the two disagree, the stricter verdict counts.
 */
export function crossCheck(judgement: GroundJudgement, type: string, statfsType: number): GroundJudgement {
  const own = rowOfType(type, 'linux');
  const rows = rowsOfMagic(statfsType);
  if (rows.length === 0 || own === null || own.magics.length === 0 || own.magics.includes(statfsType)) return judgement;
  if (statfsType === fuseMagic) {
    return stricter(judgement, {
      ...judgement,
      rule: 'statfs-disagrees',
      class: 'fuse',
      verdict: 'refuse',
      reason: `The mount table says \`${type}\`, statfs(2) says FUSE: its real type is uncertain.`,
    });
  }
  const mildest = rows.toSorted((left, right) => compareStrictness(left.verdict, right.verdict))[0];
  if (mildest === undefined) return judgement;
  return stricter(judgement, {
    ...judgementOf(mildest, 'statfs-disagrees'),
    reason: `The mount table says \`${type}\`, statfs(2) says ${mildest.name}: ${mildest.reason}`,
  });
}

export function stricter(left: GroundJudgement, right: GroundJudgement): GroundJudgement {
  return compareStrictness(right.verdict, left.verdict) > 0 ? right : left;
}

/** True if accessing the file could hang, because a server or a daemon must answer, and it will be refused anyway. */
export function mustNotTouch(mount: MountRow, sandbox: SandboxMarkers): boolean {
  const { verdict, class: kind } = classifyMount(mount, sandbox);
  return verdict === 'refuse' && (kind === 'network' || kind === 'cluster' || kind === 'vm-share' || kind === 'fuse');
}
