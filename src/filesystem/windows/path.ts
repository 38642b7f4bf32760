/** Judges a path by the final name that Windows gives it. Pure. */
import type { GroundJudgement } from '../classify';

export interface WindowsGround extends GroundJudgement {
  /** Name for the report: Windows shows the filesystem type only to native code. */
  readonly type: string;
  /** The drive or the share. */
  readonly root: string | null;
}

const shareReason =
  'It is a network share: locks and cached data depend on the server, and committed rows can be lost without an error.';
const wslReason =
  'It is a folder of a Linux distribution, reached from Windows over 9p: LockFileEx does not work there, and two kernels do not see the locks of each other.';

/** `real` is the final name of `full`; `null` if Windows gave none. */
export function classifyWindowsPath(full: string, real: string | null): WindowsGround {
  const seen = real ?? full;
  if (/^\\\\(?:wsl\$|wsl\.localhost)\\/i.test(seen))
    return refused('wsl-share', 'vm-share', '9p', wslReason, shareOf(seen));
  if (/^\\\\(?![?.]\\)/.test(seen)) return refused('unc-path', 'network', 'smb', shareReason, shareOf(seen));
  const drive = /^[A-Za-z]:\\/.exec(seen)?.[0];
  if (real === null || drive === undefined) {
    return refused(
      'no-final-name',
      'unknown',
      'unknown',
      'Windows gives no drive letter for it, so nothing is known about its filesystem.',
      null,
    );
  }
  return {
    rule: 'drive-letter',
    class: 'local',
    verdict: 'wal',
    reason: 'A drive of this machine: its final name is neither a share nor a folder of a Linux distribution.',
    durable: true,
    warnings: syncedFolder(seen),
    type: 'local-drive',
    root: drive,
  };
}

/** Detects the folder of a cloud client, which copies, and on another machine replaces, files while they are open. */
function syncedFolder(path: string): WindowsGround['warnings'] {
  return /\\(?:OneDrive|Dropbox|Google Drive|iCloudDrive)(?: - [^\\]+)?\\/i.test(path)
    ? [
        {
          code: 'synchronised-folder',
          message: `${path} is in a folder that a cloud client synchronises: it may copy or replace the database while it is open.`,
        },
      ]
    : [];
}

function refused(
  rule: string,
  kind: WindowsGround['class'],
  type: string,
  reason: string,
  root: string | null,
): WindowsGround {
  return { rule, class: kind, verdict: 'refuse', reason, durable: true, warnings: [], type, root };
}

function shareOf(path: string): string {
  return path.split('\\').slice(0, 4).join('\\');
}
