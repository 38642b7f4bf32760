/** Reads a file of `/proc` or `/sys`, of which each open needs several, a third cheaper than `readFileSync`. */
import { closeSync, constants, openSync, readSync } from 'node:fs';

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
