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
 * Returns the mount of a canonical path: the longest mount point above it, and the last of equal ones. Names are compared
 * as the boot volume compares them, without regard to case and to the spelling of accents.
 *
 * @param onDataVolume - the path has the device number of the data volume. `/Users/ada` is a firmlink to a folder
 * there,
 *   and `/` itself is a sealed, read-only snapshot: the path alone would suggest a read-only file.
 */
export function darwinMountOf(mounts: readonly DarwinMount[], path: string, onDataVolume: boolean): DarwinMount | null {
  let best: DarwinMount | null = null;
  const wanted = folded(path);
  for (const mount of mounts) {
    const point = folded(mount.mountPoint);
    const above = point === '/' || wanted === point || wanted.startsWith(`${point}/`);
    if (above && (best === null || mount.mountPoint.length >= best.mountPoint.length)) best = mount;
  }
  if (best?.mountPoint !== '/' || !onDataVolume) return best;
  return mounts.findLast(mount => mount.mountPoint === dataVolume) ?? best;
}

function folded(path: string): string {
  return path.normalize('NFC').toLowerCase();
}

/**
 * Only a type that is known and a row that says `local` is local: macOS sets that flag itself (`MNT_LOCAL`).
 *
 * @param isDesktopSynced - iCloud Drive keeps the folders Desktop and Documents of this home folder
 */
export function classifyDarwinMount(
  mount: DarwinMount | null,
  path: string,
  isDesktopSynced: (home: string) => boolean,
): GroundJudgement {
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
  return { ...judgement, warnings: [...judgement.warnings, ...syncedFolder(path, isDesktopSynced)] };
}

/** Folders that Dropbox, Google Drive, OneDrive, Box and Nextcloud make in a home folder, beside those of File Provider. */
const cloudFolders =
  /^\/Users\/[^/]+\/(?:Library\/(?:Mobile Documents|CloudStorage)|Dropbox(?: \([^/]+\))?|Google Drive|OneDrive(?: - [^/]+)?|Box(?: Sync)?|Nextcloud)\//i;

function syncedFolder(path: string, isDesktopSynced: (home: string) => boolean): GroundJudgement['warnings'] {
  // /Users is a firmlink to the folder on the data volume.
  const plain = path.toLowerCase().startsWith(`${dataVolume}/`.toLowerCase()) ? path.slice(dataVolume.length) : path;
  const home = /^(\/Users\/[^/]+)\/(?:Desktop|Documents)\//i.exec(plain)?.[1];
  if (!cloudFolders.test(plain) && (home === undefined || !isDesktopSynced(home))) return [];
  return [
    {
      code: 'synchronised-folder',
      message: `${path} is in a folder that a cloud client synchronises: it may copy, evict or replace the database while it is open.`,
    },
  ];
}

function refuse(rule: string, reason: string): GroundJudgement {
  return { rule, class: 'unknown', verdict: 'refuse', reason, durable: true, warnings: [] };
}
