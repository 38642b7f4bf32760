/** Tries whether a file has the time of its birth. */
import { rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Wine gives the time of the last change as the birth time, and a copy on Windows has the time of its original. */
export function bornWhenChanged(home: string): boolean {
  const file = join(home, 'probe');
  writeFileSync(file, '');
  utimesSync(file, 1, 1);
  const { birthtimeMs } = statSync(file);
  rmSync(file);
  return birthtimeMs === 1000;
}
