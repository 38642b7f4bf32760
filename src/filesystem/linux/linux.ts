/** Probes Linux for the mount of a file, by an `O_PATH` descriptor and the mount table. */
import { readdirSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { inspectBlockDevice } from './block-device';
import { describePath, deviceName, type DescriptorFacts } from './descriptor';
import { readMountTable, readSandboxMarkers } from './linux-tables';
import { judgeMount, judgeUnseen } from './judge-mount';
import type { MountRow, MountTable } from './mount-table';
import type { ProbeResult } from '../assemble-report';
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

/** Examines the file that `walk` reached, unless it stopped before a mount that must not be touched. */
export function probeLinux(walk: Walk): ProbeResult {
  const sandbox = readSandboxMarkers();
  const { path, stoppedAt } = walk;
  if (stoppedAt !== null) return report(path, lexicalSighting(stoppedAt), walk.table, sandbox);
  let { sighting, table } = sight(path, walk.table);
  if (sighting.mount?.type === 'autofs') {
    trigger(dirname(path));
    ({ sighting, table } = sight(path, null));
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

/** `known`: the table used for the walk; `null` if it must be read again. */
function sight(target: string, known: MountTable | null): { readonly sighting: Sighting; readonly table: MountTable } {
  const seen = describePath(target);
  let folder = dirname(target);
  let folderFacts = describePath(folder);
  // A missing folder will be created on the filesystem of the nearest existing one.
  while (folderFacts === null) {
    folder = dirname(folder);
    folderFacts = describePath(folder);
  }
  const facts = seen ?? folderFacts;
  const statfs = statfsSync(seen === null ? folder : target, { bigint: true }).type;
  // A mount missing in the table was just created: an automounter has mounted its filesystem.
  const table = known !== null && facts.mountId !== null && known.byId.has(facts.mountId) ? known : readMountTable();
  const sighting = {
    ...findMount(facts, table),
    mountId: facts.mountId,
    folderMountId: folderFacts.mountId,
    device: deviceName(facts.dev),
    // 32-bit Linux extends the sign of f_type.
    statfsType: Number(BigInt.asUintN(32, statfs)),
  };
  return { sighting, table };
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
  const block = sighting.foundBy === 'lexical' ? null : inspectBlockDevice(mount, table, sandbox);
  const { judgement, notes } = judgeMount({ mount, table, sandbox, statfsType, block });
  const { mountPoint, type, source, root, options, superOptions } = mount;
  return { target, mountPoint, type, source, root, options, superOptions, judgement, evidence: { ...evidence, notes } };
}

function evidenceRows(mount: MountRow, table: MountTable): readonly string[] {
  const stacked = table.byMountPoint.get(mount.mountPoint) ?? [];
  return [mount, ...stacked.filter(row => row !== mount)].map(row => row.line);
}
