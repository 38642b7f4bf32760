/** Declares the report of `inspectFilesystem` on the filesystem of a file. */

/** Kinds of filesystems, by their dangers. */
export type FilesystemClass =
  /** A disk filesystem of this kernel. */
  | 'local'
  /** The contents are in memory and end with the mount or the machine. */
  | 'memory'
  /** Layers of other filesystems, combined by this kernel or by a local daemon. */
  | 'union'
  /** A server and its clients, over a network. */
  | 'network'
  /** Several machines on one storage. */
  | 'cluster'
  /** A folder of the host, or of another sandbox, shown inside a virtual machine. */
  | 'vm-share'
  /** A user-space filesystem, whose behaviour the kernel does not know. */
  | 'fuse'
  /** A read-only medium. */
  | 'read-only'
  /** The kernel's own tables, not a place for files. */
  | 'pseudo'
  /** Nothing certain is known. */
  | 'unknown';

/**
 * The safe uses of SQLite there: `'wal'`, only a rollback journal (`'rollback'`), reading (`'read-only'`), or none
 * (`'refuse'`).
 */
export type GroundVerdict = 'wal' | 'rollback' | 'read-only' | 'refuse';

export interface FilesystemWarning {
  /** Stable name, for example `'non-durable-filesystem'`. */
  readonly code: string;
  readonly message: string;
}

/** The operating system's answers, verbatim, for a person who checks the decision. */
export interface FilesystemEvidence {
  /** Name of the deciding rule, for example `'type'`, `'mount-options'`, `'gvisor'`. */
  readonly rule: string;
  /**
   * How the mount was found: `'descriptor'` (an `O_PATH` descriptor names its mount), `'lexical'` (from the mount table
   * alone; the file was not touched), `'same-device'` (another mount of the same device), `'mount-command'`, `'path'`
   * (from the canonical path), or `'none'`.
   */
  readonly foundBy: 'descriptor' | 'lexical' | 'same-device' | 'mount-command' | 'path' | 'none';
  /** Relevant rows of the mount table, the effective one first, as printed by the system. */
  readonly mountRows: readonly string[];
  /** `mnt_id` of the file or, if it does not exist, of its folder. */
  readonly mountId: number | null;
  /** `mnt_id` of the folder; differs from `mountId` if the file itself is a mount point. */
  readonly folderMountId: number | null;
  /** `f_type` of statfs(2) in hexadecimal, for example `'0xef53'`. */
  readonly statfsType: string | null;
  /** Device number of the file or folder, `'major:minor'`. */
  readonly device: string | null;
  /** Further observations, one sentence each, that change no decision. */
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

/** The result of `inspectFilesystem`. Frozen and JSON-serializable. */
export interface FilesystemReport {
  /** The requested path. */
  readonly path: string;
  /** The file that SQLite would open: trimmed, symbolic links followed as SQLite follows them. */
  readonly target: string;
  readonly platform: NodeJS.Platform;
  /** The mount point; `null` if it is unknown. */
  readonly mountPoint: string | null;
  /** Type as the operating system names it, for example `'ext4'`; `'unknown'` if it does not tell. */
  readonly type: string;
  /** The mounted source: a device, a server and folder, or a name that the daemon chose. */
  readonly source: string | null;
  /** The mounted folder of the filesystem; other than `'/'` for a bind mount or a subvolume. */
  readonly root: string | null;
  /** Options of this mount. */
  readonly options: readonly string[];
  /** Options of the filesystem itself, shared by all its mounts. */
  readonly superOptions: readonly string[];
  readonly class: FilesystemClass;
  readonly verdict: GroundVerdict;
  /** The reason, in one sentence. */
  readonly reason: string;
  /** False if a power cut, or the end of the container, pod or mount, can lose an acknowledged commit. */
  readonly durable: boolean;
  readonly warnings: readonly FilesystemWarning[];
  readonly sandbox: SandboxMarkers;
  readonly evidence: FilesystemEvidence;
}
