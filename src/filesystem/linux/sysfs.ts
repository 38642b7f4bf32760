/** Reads single values of sysfs and `/proc`. */
import { readdirSync, readFileSync } from 'node:fs';

export function number(path: string): number | null {
  const found = text(path);
  return found === null || !/^\d+$/.test(found) ? null : Number(found);
}

export function hexadecimal(path: string): number | null {
  const found = text(path);
  return found === null || !/^0x[\da-f]+$/i.test(found) ? null : Number(found);
}

export function text(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return null; // Missing, or hidden by the container.
  }
}

export function names(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
