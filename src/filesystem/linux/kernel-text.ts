/** Reads a file of `/proc` or `/sys`, of which each open needs several, a third cheaper than `readFileSync`. */
import fs, { constants } from 'node:fs';

// Taken at load: the process guard asks lstat about each path that is opened later, and none of these is a database.
const { closeSync, openSync, readSync } = fs;

// Bytes; doubled for a file that does not fit.
let buffer = Buffer.allocUnsafeSlow(16_384);

/** Returns the current text. These files report no size; they end when a read returns nothing. */
export function readKernelText(path: string, encoding: 'latin1' | 'utf8'): string {
  const descriptor = openSync(path, constants.O_RDONLY);
  try {
    let length = 0;
    for (;;) {
      if (length === buffer.length) buffer = Buffer.concat([buffer], length * 2);
      const count = readSync(descriptor, buffer, length, buffer.length - length, null);
      if (count === 0) return buffer.toString(encoding, 0, length);
      length += count;
    }
  } finally {
    closeSync(descriptor);
  }
}
