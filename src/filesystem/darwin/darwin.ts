/** Probes macOS through the mount table of `/sbin/mount`. Untested: this project has no Mac. */
import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { exists } from '../../base/exists';
import { classifyDarwinMount, darwinMountOf, dataVolume, parseDarwinMounts, type DarwinMount } from './mounts';
import { parseMountTable } from '../linux/mount-table';
import { resolvePath } from '../resolve-path';
import type { ProbeResult } from '../assemble-report';

/** `/sbin/mount` reads the kernel's cached table (`getmntinfo` with `MNT_NOWAIT`) and answers in milliseconds. */
const mountCommandTimeoutMs = 5000;

const noMounts = parseMountTable('');

export function probeDarwin(path: string): ProbeResult {
  const mounts = parseDarwinMounts(readMounts());
  const target = resolvePath(path.trim(), process.cwd(), noMounts, () => false).path;
  const mount = mountOfTarget(mounts, target);
  return {
    target,
    mountPoint: mount?.mountPoint ?? null,
    type: mount?.type ?? 'unknown',
    source: mount?.source ?? null,
    root: null,
    options: mount?.options ?? [],
    superOptions: [],
    judgement: classifyDarwinMount(mount, target, isDesktopSynced),
    evidence: {
      foundBy: mount === null ? 'none' : 'mount-command',
      mountRows: mount === null ? [] : [mount.line],
      mountId: null,
      folderMountId: null,
      statfsType: null,
      device: null,
      notes: [],
    },
  };
}

/** Touches the file only if the table shows it on the boot volume, where no dead server can hang the call. */
function mountOfTarget(mounts: readonly DarwinMount[], target: string): DarwinMount | null {
  const byPath = darwinMountOf(mounts, target, false);
  if (byPath?.mountPoint !== '/') return byPath;
  const data = deviceOf(dataVolume);
  return darwinMountOf(mounts, target, data !== null && (deviceOf(target) ?? deviceOf(dirname(target))) === data);
}

/** iCloud Drive has folders of these names in its own only while it keeps those of the home folder. */
function isDesktopSynced(home: string): boolean {
  return exists(`${home}/Library/Mobile Documents/com~apple~CloudDocs/Documents`);
}

function deviceOf(path: string): bigint | null {
  try {
    return statSync(path, { bigint: true }).dev;
  } catch {
    return null;
  }
}

function readMounts(): string {
  try {
    // Loaded lazily: the other systems never need it.
    const { execFileSync } = process.getBuiltinModule('node:child_process');
    return execFileSync('/sbin/mount', {
      encoding: 'utf8',
      timeout: mountCommandTimeoutMs,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  } catch {
    // Without the table the filesystem is unknown and refused.
    return '';
  }
}
