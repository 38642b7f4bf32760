/** Judges mount options by their effect on durability. Pure: one rule per function, each with its reason. */
import type { FilesystemWarning } from '../report';
import type { MountRow } from './mount-table';

/** The changes that a mount's options make to the judgement of its type. */
export interface OptionFindings {
  /** Why the filesystem is read-only; `null` if it is writable. */
  readonly readOnly: string | null;
  /** Acknowledged commits can be lost by a power cut or with the container. */
  readonly nonDurable: boolean;
  readonly warnings: readonly FilesystemWarning[];
  /** Harmless observations. */
  readonly notes: readonly string[];
}

interface OptionFacts {
  readonly mount: Pick<MountRow, 'type' | 'mountPoint' | 'root' | 'options' | 'superOptions'>;
  /** Lines of `/proc/fs/ext4/<device>/options`, which lists all options; `null` if it cannot be read. */
  readonly ext4Options: readonly string[] | null;
}

interface MountFinding {
  readonly readOnly?: string;
  readonly nonDurable?: true;
  readonly warning?: FilesystemWarning;
  readonly note?: string;
}

type Rule = (facts: OptionFacts, has: (option: string) => boolean) => MountFinding | null;

const extFamily = new Set(['ext2', 'ext3', 'ext4']);

/** A write barrier is the flush of the disk's own cache that makes fsync true. @see ext4(5), btrfs(5), f2fs.rst */
const missingBarrier: Rule = ({ mount }, has) => {
  const option = ['nobarrier', 'barrier=0', 'fsync_mode=nobarrier'].find(has);
  if (option === undefined) return null;
  return {
    nonDurable: true,
    warning: {
      code: 'no-write-barrier',
      message: `${mount.mountPoint} is mounted with \`${option}\`: fsync does not flush the cache of the disk, so a power cut loses commits and can corrupt the database.`,
    },
  };
};

/** `tune2fs -O ^has_journal`: the option list of ext4 then has no `data=` entry. */
export function hasJournal(ext4Options: readonly string[]): boolean {
  return ext4Options.some(option => option.startsWith('data='));
}

/** Ext2 has its own row in the catalogue. */
const missingJournal: Rule = ({ mount, ext4Options }) => {
  if (ext4Options === null || (mount.type !== 'ext4' && mount.type !== 'ext3')) return null;
  if (ext4Options.length === 0 || hasJournal(ext4Options)) return null;
  return {
    nonDurable: true,
    warning: {
      code: 'no-journal',
      message: `${mount.mountPoint} is ${mount.type} without a journal: after a power cut the filesystem check may drop the database file or parts of it.`,
    },
  };
};

const asyncCommit: Rule = ({ mount }, has) =>
  has('journal_async_commit')
    ? {
        warning: {
          code: 'asynchronous-journal',
          message: `${mount.mountPoint} is mounted with \`journal_async_commit\`: the commit block of its journal may reach the disk before what it commits.`,
        },
      }
    : null;

/** Linux 6.18 prints `fsync=volatile` for a mount made with `volatile`; older kernels print `volatile`. @see overlayfs.rst */
const volatileOverlay: Rule = ({ mount }, has) =>
  mount.type === 'overlay' && (has('volatile') || has('fsync=volatile'))
    ? {
        nonDurable: true,
        warning: {
          code: 'volatile-overlay',
          message: `${mount.mountPoint} is a volatile overlay: it drops every fsync, so a power cut loses commits and can corrupt the database.`,
        },
      }
    : null;

const containerLayer: Rule = ({ mount }) =>
  mount.type === 'overlay' && mount.mountPoint === '/'
    ? {
        nonDurable: true,
        warning: {
          code: 'container-layer',
          message:
            'The root overlay is the layer of a container: the database goes when the container is removed. Use a volume.',
        },
      }
    : null;

const lowerOnlyOverlay: Rule = ({ mount }) => {
  if (mount.type !== 'overlay') return null;
  const hasLayer = (name: string) => mount.superOptions.some(option => option.startsWith(`${name}=`));
  // gVisor prints an overlay without its layers: only a lower layer alone shows that there is no upper one.
  return (hasLayer('lowerdir') || hasLayer('lowerdir+')) && !hasLayer('upperdir')
    ? { readOnly: 'The overlay has no upper folder, so nothing can be written.' }
    : null;
};

/** After an aborted journal ext4 adds `emergency_ro` to the superblock while the mount still says `rw`. */
const failedFilesystem: Rule = ({ mount }, has) => {
  const option = ['emergency_ro', 'shutdown'].find(has);
  if (option === undefined) return null;
  return {
    readOnly: `The filesystem stopped all writing after an error (\`${option}\`).`,
    warning: {
      code: 'filesystem-failed',
      message: `${mount.mountPoint} stopped all writing after an error of the storage (\`${option}\`). Check the kernel log before anything else.`,
    },
  };
};

const readOnlyMount: Rule = ({ mount }) => {
  if (mount.options.includes('ro')) return { readOnly: `${mount.mountPoint} is mounted read-only.` };
  if (mount.superOptions.includes('ro')) return { readOnly: `The filesystem at ${mount.mountPoint} is read-only.` };
  return null;
};

/** A pod's own folder: the kubelet deletes it with the pod. */
const podFolder: Rule = ({ mount }) =>
  mount.root.includes('/volumes/kubernetes.io~empty-dir/')
    ? {
        nonDurable: true,
        warning: {
          code: 'pod-lifetime',
          message: `${mount.mountPoint} is an emptyDir volume: the database goes when the pod goes. Use a persistent volume claim.`,
        },
      }
    : null;

/**
 * Reports the lock options of a network mount; shown if the application insists on opening there. @see mount.cifs(8),
 * nfs(5)
 */
const networkLocks: Rule = ({ mount }, has) => {
  if (!/^(?:cifs|smb|nfs)/.test(mount.type)) return null;
  const meanings: readonly (readonly [string, string])[] = [
    ['nobrl', 'byte-range locks are not sent to the server, so nothing excludes other clients'],
    ['nolock', 'locks stay on this client'],
    ['local_lock=all', 'locks stay on this client'],
    ['local_lock=posix', 'locks stay on this client'],
    ['cache=loose', 'cached data can be stale'],
    ['nostrictsync', 'fsync is not sent to the server'],
    ['soft', 'a slow server becomes an I/O error in the middle of a write'],
  ];
  const found = meanings.filter(([option]) => has(option)).map(([option, meaning]) => `\`${option}\`: ${meaning}`);
  return found.length === 0
    ? null
    : {
        warning: { code: 'network-mount-options', message: `${mount.mountPoint} is mounted with ${found.join('; ')}.` },
      };
};

const harmless: Rule = ({ mount, ext4Options }, has) => {
  const notes: string[] = [];
  if (has('data=writeback'))
    notes.push('data=writeback: unsynced blocks may show old contents after a crash; SQLite handles this.');
  if (extFamily.has(mount.type) && ext4Options?.includes('errors=continue') === true)
    notes.push('errors=continue: the filesystem continues to write after it detects an error in itself.');
  return notes.length === 0 ? null : { note: notes.join(' ') };
};

const rules: readonly Rule[] = [
  failedFilesystem,
  readOnlyMount,
  lowerOnlyOverlay,
  missingBarrier,
  missingJournal,
  asyncCommit,
  volatileOverlay,
  containerLayer,
  podFolder,
  networkLocks,
  harmless,
];

/** Applies every rule to one mount. */
export function readMountOptions(facts: OptionFacts): OptionFindings {
  const all = new Set([...facts.mount.options, ...facts.mount.superOptions, ...(facts.ext4Options ?? [])]);
  const has = (option: string) => all.has(option);
  const findings = rules.map(rule => rule(facts, has)).filter(finding => finding !== null);
  return {
    readOnly: findings.find(finding => finding.readOnly !== undefined)?.readOnly ?? null,
    nonDurable: findings.some(finding => finding.nonDurable === true),
    warnings: findings.flatMap(finding => finding.warning ?? []),
    notes: findings.flatMap(finding => finding.note ?? []),
  };
}
