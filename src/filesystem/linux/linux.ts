/** Probes Linux for the mount of a file, by an `O_PATH` descriptor and the mount table. */
import { readdirSync, statfsSync, statSync, type BigIntStats } from 'node:fs';
import { dirname } from 'node:path';
import { describePath, deviceName, type DescriptorFacts } from './descriptor';
import { readMountTable, readSandboxMarkers } from './linux-tables';
import { judgeGround } from './judge-ground';
import { judgeUnseen } from './judge-mount';
import type { MountRow, MountTable } from './mount-table';
import type { FileIdentity } from '../../base/file-identity';
import { errorCode } from '../../base/foreign-error';
import { syncsSwitchedOff } from './preloaded';
import type { ProbeResult } from '../assemble-report';
import type { GroundJudgement } from '../classify';
import type { FilesystemEvidence, SandboxMarkers } from '../report';
import type { Walk } from './walk';

interface Sighting {
  readonly mount: MountRow | null;
  readonly foundBy: FilesystemEvidence['foundBy'];
  readonly mountId: number | null;
  readonly folderMountId: number | null;
  readonly device: string | null;
  readonly statfsType: number | null;
}

/** The results of stat(2) for the file and its folder after the walk; `null` for one that does not exist. */
export interface LookedAt {
  readonly folder: FileIdentity | null;
  readonly file: { readonly dev: bigint; readonly isFile: boolean } | null;
}

/** Examines the file that `walk` reached, unless it stopped before a mount that must not be touched. */
export function probeLinux(walk: Walk, looked: LookedAt | null = null): ProbeResult {
  const sandbox = readSandboxMarkers();
  const { path, stoppedAt } = walk;
  if (stoppedAt !== null) return report(path, lexicalSighting(stoppedAt), walk.table, sandbox);
  let { sighting, table } = sight(path, walk.table, looked ?? lookAt(path));
  if (sighting.mount?.type === 'autofs') {
    trigger(dirname(path));
    ({ sighting, table } = sight(path, null, null));
  }
  return report(path, sighting, table, sandbox);
}

/** An `O_PATH` open does not make an automount point mount its filesystem; reading the folder does. @see autofs(5) */
function trigger(folder: string): void {
  try {
    readdirSync(folder);
  } catch {
    // The automounter could not mount it: it stays autofs and is refused as such.
  }
}

function lexicalSighting(mount: MountRow): Sighting {
  return { mount, foundBy: 'lexical', mountId: mount.id, folderMountId: null, device: mount.device, statfsType: null };
}

function lookAt(target: string): LookedAt {
  const look = (path: string): BigIntStats | null => statSync(path, { bigint: true, throwIfNoEntry: false }) ?? null;
  const file = look(target);
  // Behind the look at the file: that has mounted what an automounter puts in place of the folder.
  return { folder: look(dirname(target)), file: file === null ? null : { dev: file.dev, isFile: file.isFile() } };
}

/** `known`: the table used for the walk, and `looked` what was seen since; both are `null` if they must be asked again. */
function sight(
  target: string,
  known: MountTable | null,
  looked: LookedAt | null,
): { readonly sighting: Sighting; readonly table: MountTable } {
  let folder = dirname(target);
  const remembered = describeFolder(folder, known, looked?.folder ?? null);
  let folderFacts: DescriptorFacts | null = remembered;
  const inFolder = factsInFolder(target, remembered, known, looked?.file ?? null);
  const seen = inFolder ?? describePath(target);
  // A missing folder will be created on the filesystem of the nearest existing one.
  while (folderFacts === null) {
    folder = dirname(folder);
    folderFacts = describePath(folder);
  }
  const facts = seen ?? folderFacts;
  // The superblock of a file that is on the mount of its folder is that of the folder.
  const statfs =
    inFolder === null || remembered === null ? magicOf(seen === null ? folder : target) : magicIn(remembered, target);
  // A mount that is not in the table came with the look at the file: an automounter has mounted its filesystem.
  const table = known !== null && facts.mountId !== null && known.byId.has(facts.mountId) ? known : readMountTable();
  const sighting = {
    ...findMount(facts, table),
    mountId: facts.mountId,
    folderMountId: folderFacts.mountId,
    device: deviceName(facts.dev),
    statfsType: statfs,
  };
  return { sighting, table };
}

/** Folders that are remembered. */
const mostFolders = 256;
const folders = new Map<string, { readonly table: MountTable; readonly ino: bigint; readonly facts: FolderFacts }>();

interface FolderFacts extends DescriptorFacts {
  /** `f_type` of its filesystem; undefined until it is asked. */
  magic?: number | null;
}

/**
 * Remembers the mount of a folder as long as the mount table and the inode behind its name stay the same: a path without
 * links then leads through the same mounts.
 */
function describeFolder(folder: string, table: MountTable | null, seen: FileIdentity | null): FolderFacts | null {
  const before = folders.get(folder);
  if (before !== undefined && before.table === table && before.ino === seen?.ino && before.facts.dev === seen.dev)
    return before.facts;
  folders.delete(folder);
  const facts: FolderFacts | null = describePath(folder);
  if (seen === null || table === null || facts?.dev !== seen.dev || facts.mountId === null) return facts;
  if (folders.size >= mostFolders) folders.clear();
  folders.set(folder, { table, ino: seen.ino, facts });
  return facts;
}

/** Asked once for a folder, as long as its mount is remembered. */
function magicIn(folder: FolderFacts, target: string): number | null {
  return (folder.magic ??= magicOf(target));
}

/**
 * A file is on the mount of its folder unless it is itself a mount point, which the table shows: what was seen of it replaces
 * the eight calls of `describePath`. Null where the table does not have the mount of the folder, or there is no such file.
 */
function factsInFolder(
  target: string,
  folder: DescriptorFacts | null,
  known: MountTable | null,
  seen: LookedAt['file'],
): DescriptorFacts | null {
  if (seen === null || folder === null || folder.mountId === null || known?.byId.has(folder.mountId) !== true)
    return null;
  if (known.byMountPoint.has(target)) return null;
  return { mountId: folder.mountId, dev: seen.dev, isFile: seen.isFile };
}

/** `f_type` of statfs(2); `null` where a sandbox (seccomp) allows no such call: the mount table alone decides then. */
function magicOf(path: string): number | null {
  try {
    // 32-bit Linux extends the sign of f_type.
    return Number(BigInt.asUintN(32, statfsSync(path, { bigint: true }).type));
  } catch (error) {
    if (['EPERM', 'EACCES', 'ENOSYS'].includes(errorCode(error) ?? '')) return null;
    throw error;
  }
}

/**
 * The table lists only mounts that this process can reach: after a chroot into a plain folder, or a lazy unmount, the
 * mount is missing. Another mount of the same device is the same filesystem; failing that, nothing is guessed from the
 * path.
 */
function findMount(facts: DescriptorFacts, table: MountTable): Pick<Sighting, 'mount' | 'foundBy'> {
  if (facts.mountId !== null) {
    const mount = table.byId.get(facts.mountId);
    if (mount !== undefined) return { mount, foundBy: 'descriptor' };
  }
  const device = deviceName(facts.dev);
  const sibling = table.rows.find(row => row.device === device);
  return sibling === undefined ? { mount: null, foundBy: 'none' } : { mount: sibling, foundBy: 'same-device' };
}

function report(target: string, sighting: Sighting, table: MountTable, sandbox: SandboxMarkers): ProbeResult {
  const { mount, statfsType } = sighting;
  const evidence = {
    foundBy: sighting.foundBy,
    mountRows: mount === null ? [] : evidenceRows(mount, table),
    mountId: sighting.mountId,
    folderMountId: sighting.folderMountId,
    statfsType: statfsType === null ? null : `0x${statfsType.toString(16)}`,
    device: sighting.device,
  };
  if (mount === null) {
    const judgement = judgeUnseen(statfsType, sighting.device);
    const nowhere = { mountPoint: null, type: 'unknown', source: null, root: null, options: [], superOptions: [] };
    return { target, ...nowhere, judgement, evidence: { ...evidence, notes: [] } };
  }
  const { judgement, notes } = judgeGround({ mount, table, sandbox, statfsType }, sighting.foundBy !== 'lexical');
  const { mountPoint, type, source, root, options, superOptions } = mount;
  const judged = withoutSyncs(judgement);
  return {
    target,
    mountPoint,
    type,
    source,
    root,
    options,
    superOptions,
    judgement: judged,
    evidence: { ...evidence, notes },
  };
}

/** The best disk keeps nothing that was not synced. */
function withoutSyncs(judgement: GroundJudgement): GroundJudgement {
  const library = syncsSwitchedOff();
  if (library === null) return judgement;
  const message = `${library} is loaded into this process and turns every fsync into nothing: a power cut loses commits and can corrupt the database. Take it out of LD_PRELOAD and /etc/ld.so.preload.`;
  return { ...judgement, durable: false, warnings: [...judgement.warnings, { code: 'syncs-switched-off', message }] };
}

function evidenceRows(mount: MountRow, table: MountTable): readonly string[] {
  const stacked = table.byMountPoint.get(mount.mountPoint) ?? [];
  return [mount, ...stacked.filter(row => row !== mount)].map(row => row.line);
}
