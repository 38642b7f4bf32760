/** What `inspectFilesystem` says about the ground that a file stands on. */

/** Kinds of ground, by what can go wrong there. */
export type FilesystemClass =
  /** A disk filesystem of this kernel. */
  | 'local'
  /** The contents live in memory and end with the mount or the machine. */
  | 'memory'
  /** Layers of other filesystems, put together by this kernel or by a daemon beside it. */
  | 'union'
  /** A server and its clients, over a network. */
  | 'network'
  /** Several machines on one storage. */
  | 'cluster'
  /** A folder of the host, or of another sandbox, shown inside a virtual machine. */
  | 'vm-share'
  /** A user-space filesystem, about which the kernel knows nothing. */
  | 'fuse'
  /** A medium that nobody can write. */
  | 'read-only'
  /** The kernel's own tables, not a place for files. */
  | 'pseudo'
  /** Nothing certain is known. */
  | 'unknown';

/**
 * What SQLite can do there without losing data: `'wal'`, only a rollback journal (`'rollback'`), reading
 * (`'read-only'`), or nothing (`'refuse'`).
 */
export type GroundVerdict = 'wal' | 'rollback' | 'read-only' | 'refuse';

export interface FilesystemWarning {
  /** Stable name, for example `'non-durable-filesystem'`. */
  readonly code: string;
  readonly message: string;
}

/** What the operating system said, as it said it, so that a person can check the decision. */
export interface FilesystemEvidence {
  /** Name of the rule that decided, for example `'type'`, `'mount-options'`, `'gvisor'`. */
  readonly rule: string;
  /**
   * How the mount was found: `'descriptor'` (an `O_PATH` descriptor names its mount), `'lexical'` (from the mount table
   * alone; the file was not touched), `'same-device'` (another mount of the same device), `'mount-command'`, `'path'`
   * (from the canonical path), or `'none'`.
   */
  readonly foundBy: 'descriptor' | 'lexical' | 'same-device' | 'mount-command' | 'path' | 'none';
  /** Rows of the mount table that matter, the effective one first, as printed by the system. */
  readonly mountRows: readonly string[];
  /** `mnt_id` of the file or, if it does not exist, of its folder. */
  readonly mountId: number | null;
  /** `mnt_id` of the folder; differs from `mountId` when the file itself is a mount point. */
  readonly folderMountId: number | null;
  /** `f_type` of statfs(2) in hexadecimal, for example `'0xef53'`. */
  readonly statfsType: string | null;
  /** Device number of the file or folder, `'major:minor'`. */
  readonly device: string | null;
  /** Further things seen, one sentence each, that change no decision. */
  readonly notes: readonly string[];
}

/** Signs of a sandbox around this process. */
export interface SandboxMarkers {
  /** The kernel is gVisor's: locks and memory maps are its own and end at the sandbox. */
  readonly gVisor: boolean;
  /** Windows Subsystem for Linux, first or second generation. */
  readonly wsl: 1 | 2 | null;
  /** A container engine left its mark in the root folder. */
  readonly container: 'docker' | 'podman' | 'kubernetes' | null;
}

/** What `inspectFilesystem` says about the ground that a file stands on. Frozen, and JSON can carry it. */
export interface FilesystemReport {
  /** The path that was asked for. */
  readonly path: string;
  /** The file that SQLite would open: trimmed, symbolic links followed as SQLite follows them. */
  readonly target: string;
  readonly platform: NodeJS.Platform;
  /** Where the filesystem is mounted; `null` where that cannot be told. */
  readonly mountPoint: string | null;
  /** Type as the operating system names it, for example `'ext4'`; `'unknown'` where it cannot be told. */
  readonly type: string;
  /** What is mounted: a device, a server and folder, a name that the daemon chose. */
  readonly source: string | null;
  /** The folder of the filesystem that is mounted; other than `'/'` for a bind mount or a subvolume. */
  readonly root: string | null;
  /** Options of this mount. */
  readonly options: readonly string[];
  /** Options of the filesystem itself, shared by all its mounts. */
  readonly superOptions: readonly string[];
  readonly class: FilesystemClass;
  readonly verdict: GroundVerdict;
  /** Why, in one sentence. */
  readonly reason: string;
  /** False when a power cut, or the end of the container, pod or mount, can take an acknowledged commit away. */
  readonly durable: boolean;
  readonly warnings: readonly FilesystemWarning[];
  readonly sandbox: SandboxMarkers;
  readonly evidence: FilesystemEvidence;
}
