/** Reads the attributes of chattr(1) that forbid what the mode of a file allows: `a`, append-only, and `i`, immutable. */
import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { exists } from '../../base/exists';
import { attributesIn, type Attributed } from '../../base/file-attributes';

/** Node has neither the ioctl FS_IOC_GETFLAGS nor the attributes of statx(2); lsattr(1) of e2fsprogs and BusyBox asks for them. */
const lsattr = ['/usr/bin/lsattr', '/bin/lsattr', '/usr/sbin/lsattr', '/sbin/lsattr'];
/** For `lsattr`, in milliseconds: it answers in two, unless the filesystem hangs. */
const timeout = 5000;

/**
 * The paths among these that have such an attribute; none where it cannot be told. It starts a process for each path, so call
 * it only after the system has refused something, or in a process of its own.
 */
export function attributedAmong(paths: readonly string[]): readonly Attributed[] {
  const program = programOf();
  if (program === null) return [];
  return paths.flatMap(path => {
    const attributes = exists(path) ? attributesIn(lineOf(program, path)) : [];
    return attributes.length === 0 ? [] : [{ path, attributes }];
  });
}

function programOf(): string | null {
  // Without the right to start programs it cannot be told.
  const { permission } = process as { permission?: { has(scope: string): boolean } };
  if (permission !== undefined && !permission.has('child')) return null;
  return process.platform === 'linux' ? (lsattr.find(path => exists(path)) ?? null) : null;
}

function lineOf(program: string, path: string): string {
  const settings = { encoding: 'utf8', timeout, env: { LC_ALL: 'C' } } as const;
  const { status, stdout }: SpawnSyncReturns<string> = spawnSync(program, ['-d', path], settings);
  return status === 0 ? stdout : '';
}
