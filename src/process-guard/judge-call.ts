/** Decides whether one call of `fs` may run. */
import { constants, existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SqliteCopyConflictError } from '../errors/refusals';
import type { CoveredArgument } from './covered-calls';
import type { CoveredCall } from './judges';
import { isAround, isOtherName, isPlain, isUnrelated, protectedBelow, protectedFile } from './protected-files';
import { noteDeletion } from '../registry/registry';
import { refusal } from './refusal';

// open(2): opens a name without the file; neither its use nor its close touches a lock.
const oPath = 0o10000000;

/** Returns the error to throw instead of running the call; `null` if it may run. */
export function judgeCall(call: CoveredCall, args: readonly unknown[]): SqliteCopyConflictError | null {
  if (call.deletes) noteDeleted(call.name, args);
  for (const argument of call.covered) {
    const path = pathOf(args[argument.index]);
    if (path === null) continue;
    const file = offended(argument, path, args, call.waits);
    if (file !== null) return refusal(call.name, file, argument.effect);
  }
  return call.copiesTrees ? judgeTree(call.name, args) : null;
}

/** Remembers the open databases that the call deletes, alone or with a folder around them. */
function noteDeleted(name: string, args: readonly unknown[]): void {
  const path = pathOf(args[0]);
  if (path === null) return;
  try {
    const found = isUnrelated(path) ? null : protectedFile(path, true);
    const deleted = found?.identity ?? null;
    if (deleted !== null) noteDeletion(deleted, name);
    if (!isAround(path)) return;
    for (const { identity } of protectedBelow(path)) if (identity !== null) noteDeletion(identity, name);
  } catch {
    // The call itself will say why.
  }
}

/** Judges the copy of a folder by the protected files in it and in its destination. */
function judgeTree(name: string, args: readonly unknown[]): SqliteCopyConflictError | null {
  const [from, to] = [pathOf(args[0]), pathOf(args[1])];
  if (from === null || to === null || optionsOf(args)?.['recursive'] !== true) return null;
  const filter: unknown = optionsOf(args)?.['filter'];
  const kept = (part: string): boolean => {
    try {
      return typeof filter !== 'function' || filter(join(from, part), join(to, part)) !== false;
    } catch {
      // The call itself fails there, before it copies this part.
      return false;
    }
  };
  const source = isAround(from) ? protectedBelow(from).find(({ part, locked }) => locked && kept(part)) : undefined;
  if (source !== undefined) return refusal(name, join(from, source.part), 'copy');
  if (!isAround(to)) return null;
  const target = protectedBelow(to).find(({ part }) => existsSync(join(from, part)) && kept(part));
  return target === undefined ? null : refusal(name, join(to, target.part), 'overwrite');
}

/** Returns a path as text; null for descriptors, `FileHandle`s and arguments that `fs` itself will reject. */
export function pathOf(value: unknown): string | null {
  if (typeof value === 'string') return value;
  if (Buffer.isBuffer(value)) return value.toString();
  if (isUrl(value) && value.protocol === 'file:') {
    try {
      return fileURLToPath(value.href);
    } catch {
      return null;
    }
  }
  return null;
}

/** Tests as `fs` does, not with `instanceof`: test runners give modules the globals of another realm. */
export function isUrl(value: unknown): value is URL {
  return typeof value === 'object' && value !== null && 'href' in value && 'protocol' in value;
}

function offended(argument: CoveredArgument, path: string, args: readonly unknown[], waits: boolean): string | null {
  if (isPlain(path, waits)) return null;
  const nameOnly = argument.nameOnly || (argument.linksStay && optionsOf(args)?.['dereference'] !== true);
  if (isUnrelated(path) && (nameOnly || !isOtherName(path, waits))) return null;
  const flags = flagsOf(argument, args);
  if (typeof flags === 'number' && (flags & oPath) !== 0) return null;
  const found = protectedFile(path, nameOnly);
  if (found === null) return null;
  // SQLite has no locks on a -wal or -journal that a reader's close could cancel.
  const reads = argument.effect === 'copy' || (argument.effect === 'open' && !writes(flags));
  return reads && !found.locked ? null : found.file;
}

function flagsOf({ flags, index }: CoveredArgument, args: readonly unknown[]): unknown {
  if (flags === 'argument') return args[index + 1];
  return flags === 'option' ? optionsOf(args)?.['flag'] : undefined;
}

/** True if the flags of open(2), as passed to `fs`, allow writes or change the file. */
function writes(flags: unknown): boolean {
  if (typeof flags === 'string') return /[aw+]/.test(flags);
  const { O_WRONLY, O_RDWR, O_CREAT, O_TRUNC, O_APPEND } = constants;
  return typeof flags === 'number' && (flags & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND)) !== 0;
}

function optionsOf(args: readonly unknown[]): Readonly<Record<string, unknown>> | undefined {
  return args.slice(1).find(arg => typeof arg === 'object' && arg !== null && !isUrl(arg) && !Buffer.isBuffer(arg)) as
    Readonly<Record<string, unknown>> | undefined;
}
