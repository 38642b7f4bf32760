/** Probes Windows for the final name of a path. Untested: this project has no Windows. */
import { realpathSync } from 'node:fs';
import { win32 } from 'node:path';
import { classifyWindowsPath } from './path';
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

export function probeWindows(path: string): ProbeResult {
  const full = win32.resolve(path.trim());
  const real = windowsRealPath(full);
  const judgement = classifyWindowsPath(full, real);
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
