/** Decides whether one call of `fs` may go on. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SqliteCopyConflictError } from '../errors/refusals';
import type { CoveredArgument } from './covered-calls';
import { isOtherName, isUnrelated, protectedBelow, protectedFile, protectedInside } from './protected-files';
import { refusal } from './refusal';

// open(2): opens a name without the file; neither its use nor its close touches a lock.
const oPath = 0o10000000;

export interface CoveredCall {
  /** As the application writes it, for example `fs.readFileSync`. */
  readonly name: string;
  readonly covered: readonly CoveredArgument[];
  /** It returns when it is done, so that a look at the file makes it wait for nothing that it would not wait for. */
  readonly waits: boolean;
}

/** The error to give the caller instead of running the call; null when it may run. */
export function judgeCall(call: CoveredCall, args: readonly unknown[]): SqliteCopyConflictError | null {
  for (const argument of call.covered) {
    const path = pathOf(args[argument.index]);
    if (path === null) continue;
    const file = offended(argument, path, args, call.waits);
    if (file !== null) return refusal(call.name, file, argument.effect);
  }
  return null;
}

/** As `judgeCall`, and for the copy of a folder what in it, or in its destination, is protected. */
export function judgeCopy(call: CoveredCall, args: readonly unknown[]): SqliteCopyConflictError | null {
  const single = judgeCall(call, args);
  const [from, to] = [pathOf(args[0]), pathOf(args[1])];
  if (single !== null || from === null || to === null || !isRecursive(args)) return single;
  const filter: unknown = optionsOf(args)?.['filter'];
  const kept = (part: string): boolean =>
    typeof filter !== 'function' || filter(join(from, part), join(to, part)) !== false;
  const source = protectedInside(from) === null ? undefined : protectedBelow(from).find(kept);
  if (source !== undefined) return refusal(call.name, join(from, source), 'copy');
  if (protectedInside(to) === null) return null;
  const target = protectedBelow(to).find(part => existsSync(join(from, part)) && kept(part));
  return target === undefined ? null : refusal(call.name, join(to, target), 'overwrite');
}

/** A path as text; null for descriptors, `FileHandle`s and what `fs` itself will refuse. */
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

/** As `fs` tells one, not `instanceof`: test runners give modules globals of another realm. */
export function isUrl(value: unknown): value is URL {
  return typeof value === 'object' && value !== null && 'href' in value && 'protocol' in value;
}

function offended(argument: CoveredArgument, path: string, args: readonly unknown[], waits: boolean): string | null {
  const tree = argument.tree === 'always' || (argument.tree === 'recursive' && isRecursive(args));
  if (tree) {
    const inside = protectedInside(path);
    if (inside !== null) return inside;
  }
  if (argument.flagsFollow && asksForName(args[argument.index + 1])) return null;
  const nameOnly = argument.nameOnly || (argument.linksStay && optionsOf(args)?.['dereference'] !== true);
  if (isUnrelated(path) && (nameOnly || !isOtherName(path, waits))) return null;
  return protectedFile(path, nameOnly);
}

function asksForName(flags: unknown): boolean {
  return typeof flags === 'number' && (flags & oPath) !== 0;
}

function isRecursive(args: readonly unknown[]): boolean {
  return optionsOf(args)?.['recursive'] === true;
}

function optionsOf(args: readonly unknown[]): Readonly<Record<string, unknown>> | undefined {
  return args.slice(1).find(arg => typeof arg === 'object' && arg !== null && !isUrl(arg) && !Buffer.isBuffer(arg)) as
    Readonly<Record<string, unknown>> | undefined;
}
