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

/**
 * Returns the filesystem name in the output of `fsutil fsinfo volumeinfo C:`; `null` if it names none. The labels before the
 * colon are in the language of the machine, the names are not.
 */
export function parseVolumeInfo(text: string): string | null {
  return /:[ \t]*(NTFS|ReFS|FAT(?:12|16|32)?|exFAT|CSVFS|CDFS|UDF)[ \t]*$/im.exec(text)?.[1] ?? null;
}

/** Names that Windows takes for devices, also with an extension, in each folder. */
const deviceName = /^(?:CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(?:COM|LPT)[0-9\u00b9\u00b2\u00b3])(?:[. ]|$)/i;

/**
 * The path as Windows takes it: dots and spaces at the end of the last name are dropped, and one dot at the end of a folder's
 * name. Else why no file goes by this name, as the rest of a sentence about it.
 *
 * @see https://learn.microsoft.com/windows/win32/fileio/naming-a-file
 * @see https://learn.microsoft.com/dotnet/standard/io/file-path-formats#trim-characters
 */
export function plainWindowsPath(full: string): { readonly path: string } | { readonly objection: string } {
  const at = full.lastIndexOf('\\') + 1;
  const name = full.slice(at).replace(/[. ]+$/, '');
  // `\\.\` and `\\server\` are no folders.
  const start = /^(?:\\\\[^\\]*\\)?/.exec(full)?.[0].length ?? 0;
  const folder = full.slice(start, at);
  if (/\.\.\\/.test(folder)) return { objection: 'goes through a folder whose name ends in dots, which Windows drops' };
  const folders = full.slice(0, start) + folder.replaceAll('.\\', '\\');
  if (name === '') return { path: folders + full.slice(at) };
  if (name.includes(':')) return { objection: 'names a stream of another file, which copies and renames leave behind' };
  if (deviceName.test(name)) return { objection: 'is the name of a device' };
  return { path: folders + name };
}

/** True if the path names a server, or a folder of a Linux distribution: its answer can take minutes. */
export function namesShare(full: string): boolean {
  return /^\\\\(?:(?![?.]\\)|[?.]\\UNC\\)/i.test(full);
}

/**
 * `real` is the final name of `full`; `null` where Windows gave none. `volumeType` is the name of the filesystem of its drive;
 * `null` where Windows did not tell it.
 */
export function classifyWindowsPath(full: string, real: string | null, volumeType: string | null): WindowsGround {
  const seen = (real ?? full).replace(/^\\\\[?.]\\UNC\\/i, '\\\\');
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
  return { ...classifyVolume(volumeType, drive, seen), root: drive };
}

/** A drive letter alone may be a disk, a memory stick, or the drive that a cloud client or a driver like WinFsp shows. */
function classifyVolume(type: string | null, drive: string, seen: string): Omit<WindowsGround, 'root'> {
  const known = type?.toLowerCase() ?? null;
  const warnings = syncedFolder(seen);
  if (known === 'ntfs' || known === 'refs') {
    const reason = `A drive of this machine with the filesystem ${type}.`;
    return { rule: 'volume', class: 'local', verdict: 'wal', reason, durable: true, warnings, type: known };
  }
  if (known === 'cdfs' || known === 'udf') {
    const reason = `${drive} is a medium with the filesystem ${type}.`;
    return { rule: 'volume', class: 'read-only', verdict: 'read-only', reason, durable: true, warnings, type: known };
  }
  if (known !== null && /^(?:fat|exfat)/.test(known)) {
    // Google Drive for desktop shows its drive as FAT32.
    const message = `${drive} has the filesystem ${type}, without a journal: a power cut can cut files short. Drives of cloud clients call themselves FAT32 too.`;
    return {
      rule: 'volume',
      class: 'local',
      verdict: 'rollback',
      reason: `A removable-media filesystem, ${type}.`,
      durable: true,
      warnings: [...warnings, { code: 'crash-unsafe-filesystem', message }],
      type: known,
    };
  }
  const what = type === null ? 'Windows does not tell the filesystem' : `Nothing is known about the filesystem ${type}`;
  const message = `${what} of ${drive}: whether it keeps acknowledged commits is not known. A local NTFS or ReFS disk does.`;
  return {
    rule: 'drive-letter',
    class: 'unknown',
    verdict: 'wal',
    reason: 'A drive letter whose final name is neither a share nor a folder of a Linux distribution.',
    durable: true,
    warnings: [...warnings, { code: 'unknown-drive', message }],
    type: known ?? 'unknown',
  };
}

/** Detects the folder of a cloud client, which copies, and on another machine replaces, files while they are open. */
function syncedFolder(path: string): WindowsGround['warnings'] {
  return /\\(?:OneDrive|Dropbox|Google Drive|My Drive|iCloudDrive|iCloud Drive|Box|Nextcloud)(?: - [^\\]+| \([^\\]+\))?\\/i.test(
    path,
  )
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
