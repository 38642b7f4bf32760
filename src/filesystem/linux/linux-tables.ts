/** Reads the tables of the Linux kernel for the probe: the mount table and the signs of a sandbox. */
import { exists } from '../../base/exists';
import { readKernelText } from './kernel-text';
import { parseMountTable, type MountTable } from './mount-table';
import type { SandboxMarkers } from '../report';

let lastText = '';
let lastTable: MountTable = parseMountTable('');

/** Returns the current mount table. It is read each time and parsed only if its text changed. */
export function readMountTable(): MountTable {
  let text: string;
  try {
    text = readKernelText('/proc/self/mountinfo', 'latin1');
  } catch {
    // A chroot without /proc: the probe reports that nothing is known.
    text = '';
  }
  if (text !== lastText) {
    lastTable = parseMountTable(text);
    lastText = text;
  }
  return lastTable;
}

export const noSandbox: SandboxMarkers = Object.freeze({ gVisor: false, wsl: null, container: null });

let markers: SandboxMarkers | undefined;

/** Read once: the kernel and the container of a process do not change while it runs. */
export function readSandboxMarkers(): SandboxMarkers {
  if (markers === undefined) {
    const version = readText('/proc/version');
    const release = readText('/proc/sys/kernel/osrelease');
    markers = Object.freeze(sandboxOf(version, release, exists));
  }
  return markers;
}

/** Pure except for `exists`: interprets `/proc/version`, `osrelease` and some marker files. */
export function sandboxOf(version: string, release: string, exists: (path: string) => boolean): SandboxMarkers {
  return { gVisor: /gvisor/i.test(version), wsl: wslOf(release), container: containerOf(exists) };
}

/** WSL 1 reports `4.4.0-19041-Microsoft`, WSL 2 `5.15.153.1-microsoft-standard-WSL2`. */
function wslOf(release: string): 1 | 2 | null {
  if (release.includes('microsoft')) return 2;
  return release.includes('Microsoft') ? 1 : null;
}

function containerOf(exists: (path: string) => boolean): SandboxMarkers['container'] {
  if (exists('/var/run/secrets/kubernetes.io/serviceaccount')) return 'kubernetes';
  if (exists('/run/.containerenv')) return 'podman';
  return exists('/.dockerenv') ? 'docker' : null;
}

function readText(path: string): string {
  try {
    return readKernelText(path, 'utf8');
  } catch {
    return '';
  }
}
