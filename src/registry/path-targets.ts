/** Remembers which file each path led to at its first open, to notice a symbolic link that leads elsewhere since. */
import { resolve } from 'node:path';
import { processGlobal } from '../base/process-global';

/** By the path as it was given, made absolute. */
const targets = processGlobal<Map<string, string>>('path-targets', 1, () => new Map());
/** A program that opens more paths than this forgets the oldest ones. */
const mostPaths = 10_000;

/**
 * The file that `path` led to when this process first opened it, where that is another one than `file`; else null, and it
 * is remembered. `file` is canonical.
 */
export function movedFrom(path: string, file: string): string | null {
  const key = resolve(path.trim());
  const first = targets.get(key);
  if (first !== undefined) return first === file ? null : first;
  const [oldest] = targets.size < mostPaths ? [] : targets.keys();
  if (oldest !== undefined) targets.delete(oldest);
  targets.set(key, file);
  return null;
}
