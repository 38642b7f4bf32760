/** Runs small programs as other users, in folders that they may enter: what root and a service do to each other. */
import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** User ids that no account of the machine has. */
export const service = 61_001;
export const stranger = 61_002;

/** Why tests with several users cannot run here, for `test(name, { skip })`; `false` when they can. */
export function usersSkip(): string | false {
  if (process.platform !== 'linux') return `needs Linux, this is ${process.platform}`;
  if (process.getuid?.() !== 0) return 'needs root, to be several users';
  const tried = spawnSync('setpriv', [...asUser(service), 'true']);
  return tried.status === 0 ? false : 'needs setpriv (Debian: util-linux)';
}

/** Runs a command as another user, with no other groups and no capabilities. */
export function runAs(uid: number, command: string, ...args: readonly string[]): SpawnSyncReturns<string> {
  return spawnSync('setpriv', [...asUser(uid), command, ...args], { encoding: 'utf8', timeout: 60_000 });
}

/** Runs a line of shell as another user, and throws what it says when it fails. */
export function shellAs(uid: number, line: string): string {
  const { status, stdout, stderr } = runAs(uid, 'sh', '-c', line);
  if (status !== 0) throw new Error(`As user ${uid}: ${line}: ${stderr}`);
  return stdout;
}

/** A new folder that every user may enter; `mode` says who may write. Removed by `remove`. */
export function sharedFolder(mode = 0o755): { readonly path: string; readonly remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'safe-sqlite-security-'));
  chmodSync(path, mode);
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export function asUser(uid: number): string[] {
  return [`--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', '--inh-caps=-all', '--bounding-set=-all'];
}
