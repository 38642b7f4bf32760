/** Probes a path of Windows: its final name, and the filesystem of its drive. Run under Wine, which has no fsutil. */
import { realpathSync } from 'node:fs';
import { win32 } from 'node:path';
import { classifyWindowsPath, namesShare, parseVolumeInfo, plainWindowsPath } from './path';
import type { ProbeResult } from '../assemble-report';

/**
 * Calls `GetFinalPathNameByHandle`: a mapped drive becomes its server, a `subst` drive its folder. The JavaScript
 * `realpathSync` does not do that. Returns `null` if Windows gives no name.
 */
export function windowsRealPath(path: string): string | null {
  try {
    return realpathSync.native(path);
  } catch {
    // The file does not exist, or its volume has no drive letter: try its folder.
  }
  try {
    return win32.join(realpathSync.native(win32.dirname(path)), win32.basename(path));
  } catch {
    return null;
  }
}

/** `fsutil` answers in some ten milliseconds; a drive that does not answer counts as unknown. */
const volumeCommandTimeoutMs = 5000;
const volumeTypes = new Map<string, string | null>();

/** Asked once for each drive: Node tells the type of a filesystem on other systems only (`statfs` gives 0 on Windows). */
function volumeTypeOf(drive: string): string | null {
  const letter = drive.slice(0, 2).toUpperCase();
  const known = volumeTypes.get(letter);
  if (known !== undefined) return known;
  let type: string | null = null;
  try {
    // Loaded here, because the other systems never need it.
    const { execFileSync } = process.getBuiltinModule('node:child_process');
    // oxlint-disable-next-line node/no-process-env -- Node has no other name for the folder of Windows
    const fsutil = win32.join(process.env['SystemRoot'] ?? 'C:\\Windows', 'System32', 'fsutil.exe');
    type = parseVolumeInfo(
      execFileSync(fsutil, ['fsinfo', 'volumeinfo', letter], {
        encoding: 'latin1',
        timeout: volumeCommandTimeoutMs,
        stdio: ['ignore', 'pipe', 'ignore'],
        windowsHide: true,
      }),
    );
  } catch {
    // No fsutil, no answer, or no permission to start programs: the drive is then unknown, and warned of.
  }
  volumeTypes.set(letter, type);
  return type;
}

/** @param touchShared - ask a server for the final name, which can take minutes if it is unreachable */
export function probeWindows(path: string, touchShared: boolean): ProbeResult {
  const given = win32.resolve(path.trim());
  const plain = plainWindowsPath(given);
  const full = 'path' in plain ? plain.path : given;
  const real = !touchShared && namesShare(full) ? null : windowsRealPath(full);
  const drive = /^[A-Za-z]:\\/.exec(real ?? '')?.[0];
  const judgement = classifyWindowsPath(full, real, drive === undefined ? null : volumeTypeOf(drive));
  return {
    target: real ?? full,
    mountPoint: judgement.root,
    type: judgement.type,
    source: judgement.root,
    root: null,
    options: [],
    superOptions: [],
    judgement,
    evidence: {
      foundBy: real === null ? 'none' : 'path',
      mountRows: [],
      mountId: null,
      folderMountId: null,
      statfsType: null,
      device: null,
      notes: real === null || real === full ? [] : [`${full} is ${real}.`],
    },
  };
}
