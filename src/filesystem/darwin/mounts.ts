/** Parses the output of macOS's `/sbin/mount`, and judges a path by it. Pure. */
import { rowOfType } from '../catalogue/catalogue';
import { judgementOf, type GroundJudgement } from '../classify';

/** One line: `/dev/disk3s5 on /System/Volumes/Data (apfs, local, journaled, nobrowse, protect)`. */
export interface DarwinMount {
  readonly source: string;
  readonly mountPoint: string;
  readonly type: string;
  readonly options: readonly string[];
  readonly line: string;
}

export function parseDarwinMounts(text: string): readonly DarwinMount[] {
  return text.split('\n').flatMap(line => {
    // Greedy on both sides: a mount point may itself contain ` on ` or ` (`.
    const fields = /^(?<source>.*?) on (?<mountPoint>\/.*) \((?<options>[^()]*)\)$/.exec(line)?.groups;
    if (fields === undefined) return [];
    const [type, ...options] = (fields['options'] ?? '').split(', ');
    return [
      { source: fields['source'] ?? '', mountPoint: fields['mountPoint'] ?? '', type: type ?? '', options, line },
    ];
  });
}

/** Mount point of the volume that holds all user data; firmlinks show its folders below `/`. */
export const dataVolume = '/System/Volumes/Data';

/**
 * Returns the mount of a canonical path: the longest mount point above it, and the last of equal ones.
 *
 * @param onDataVolume - the path has the device number of the data volume. `/Users/ada` is a firmlink to a folder
 * there,
 *   and `/` itself is a sealed, read-only snapshot: the path alone would suggest a read-only file.
 */
export function darwinMountOf(mounts: readonly DarwinMount[], path: string, onDataVolume: boolean): DarwinMount | null {
  let best: DarwinMount | null = null;
  for (const mount of mounts) {
    const above = mount.mountPoint === '/' || path === mount.mountPoint || path.startsWith(`${mount.mountPoint}/`);
    if (above && (best === null || mount.mountPoint.length >= best.mountPoint.length)) best = mount;
  }
  if (best?.mountPoint !== '/' || !onDataVolume) return best;
  return mounts.findLast(mount => mount.mountPoint === dataVolume) ?? best;
}

/**
 * A filesystem counts as local only if its type is known and its row says `local`: macOS sets that flag itself
 * (`MNT_LOCAL`).
 */
export function classifyDarwinMount(mount: DarwinMount | null, path: string): GroundJudgement {
  const row = mount === null ? null : rowOfType(mount.type, 'darwin');
  if (mount === null || row === null) {
    return refuse(
      'unknown-type',
      `Nothing is known about the filesystem${mount === null ? '' : ` type \`${mount.type}\``} there.`,
    );
  }
  const judgement = judgementOf(row, 'type');
  if (judgement.verdict === 'refuse') return judgement;
  if (!mount.options.includes('local')) {
    return refuse('not-local', `macOS does not call the \`${mount.type}\` filesystem at ${mount.mountPoint} local.`);
  }
  if (mount.options.includes('read-only')) {
    // SQLite takes no locks at all on a read-only volume of macOS: `autolockIoFinderImpl` in its os_unix.c.
    return {
      ...judgement,
      rule: 'mount-options',
      verdict: 'read-only',
      reason: `${mount.mountPoint} is mounted read-only.`,
    };
  }
  return { ...judgement, warnings: [...judgement.warnings, ...syncedFolder(path)] };
}

function syncedFolder(path: string): GroundJudgement['warnings'] {
  return /\/Library\/(?:Mobile Documents|CloudStorage)\//.test(path)
    ? [
        {
          code: 'synchronised-folder',
          message: `${path} is in a folder that a cloud client synchronises: it may copy, evict or replace the database while it is open.`,
        },
      ]
    : [];
}

function refuse(rule: string, reason: string): GroundJudgement {
  return { rule, class: 'unknown', verdict: 'refuse', reason, durable: true, warnings: [] };
}
