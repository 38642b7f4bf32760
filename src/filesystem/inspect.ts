/** Implements `inspectFilesystem`, which reports the filesystem of a file. */
import { booleanOption, pathArgument } from '../options/checks';
import { checkOptionNames } from '../options/option-names';
import { assembleReport, type ProbeResult } from './assemble-report';
import { probeDarwin } from './darwin/darwin';
import { probeLinux, type LookedAt } from './linux/linux';
import { noSandbox, readSandboxMarkers } from './linux/linux-tables';
import type { Location } from './locate';
import { probeWindows } from './windows/windows';
import type { FilesystemReport } from './report';
import { walkTo } from './linux/walk';

export interface InspectOptions {
  /**
   * Access the file itself even if the mount table already says that it is refused. Default `false`, with which a dead
   * NFS server or FUSE daemon cannot hang the process.
   */
  readonly touchShared?: boolean;
}

/**
 * Reports the filesystem on which the file at `path` is (or would be), whether SQLite is safe there, and why.
 *
 * The file is never opened for reading or writing. On Linux this takes well under a millisecond; on macOS it runs
 * `/sbin/mount`. Platforms other than Linux, macOS and Windows are reported as unknown and refused.
 *
 * @throws InvalidOptionError for an invalid path or options;
 *   the error of `fs` if a folder on the way cannot be searched (`EACCES`, `ELOOP`)
 */
export function inspectFilesystem(path: string, options: InspectOptions = {}): FilesystemReport {
  checkOptionNames(options, ['touchShared'], 'inspectFilesystem');
  return reportOf(path, probe(pathArgument(path), booleanOption('touchShared', options.touchShared, false)));
}

/** The same for a located file, without walking its path a second time. */
export function inspectLocated(location: Location): FilesystemReport {
  const { requested, walk } = location;
  return reportOf(requested, walk === null ? probe(requested, false) : probeLinux(walk, lookedAt(location)));
}

function lookedAt({ kind, identity, directoryIdentity }: Location): LookedAt {
  return { folder: directoryIdentity, file: identity === null ? null : { dev: identity.dev, isFile: kind === 'file' } };
}

function reportOf(path: string, result: ProbeResult): FilesystemReport {
  const sandbox = process.platform === 'linux' ? readSandboxMarkers() : noSandbox;
  return assembleReport(path, result, { platform: process.platform, sandbox });
}

function probe(path: string, touchShared: boolean): ProbeResult {
  if (process.platform === 'linux') return probeLinux(walkTo(path.trim(), touchShared));
  if (process.platform === 'darwin') return probeDarwin(path);
  if (process.platform === 'win32') return probeWindows(path, touchShared);
  return unknownPlatform(path);
}

function unknownPlatform(path: string): ProbeResult {
  return {
    target: path.trim(),
    mountPoint: null,
    type: 'unknown',
    source: null,
    root: null,
    options: [],
    superOptions: [],
    judgement: {
      rule: 'unknown-platform',
      class: 'unknown',
      verdict: 'refuse',
      reason: `On ${process.platform} this library cannot distinguish filesystems.`,
      durable: true,
      warnings: [],
    },
    evidence: {
      foundBy: 'none',
      mountRows: [],
      mountId: null,
      folderMountId: null,
      statfsType: null,
      device: null,
      notes: [],
    },
  };
}
