/** Watches over a job process from a thread beside SQLite: kills the process when it is over a limit, or its host is gone. */
import { lstatSync, writeSync } from 'node:fs';
import { setInterval } from '../base/clock';
import type { WatchdogData } from './serve-process';

type ExceededLimit = 'processor' | 'memory' | 'irregular';

/** How often it looks, in milliseconds: memory grows by some 2 GB a second at most. */
const lookMs = 50;
/** How often it looks at the names of the files, in looks. */
const looksPerName = 10;
const standardError = 2;

export function watch({ limits, parent, file }: WatchdogData): void {
  let looks = 0;
  setInterval(() => {
    // An orphan gets another parent.
    if (process.ppid !== parent) end(null);
    const { user, system } = process.cpuUsage();
    if ((user + system) / 1000 > limits.processorMs) end('processor');
    if (process.memoryUsage.rss() > limits.memoryBytes) end('memory');
    // SQLite waits without end for the other side of a FIFO that was put there after the job had looked.
    if (++looks % looksPerName === 0 && hasIrregular(file)) end('irregular');
  }, lookMs);
}

function hasIrregular(file: string): boolean {
  return ['', '-wal', '-shm', '-journal'].some(suffix => {
    try {
      return lstatSync(`${file}${suffix}`, { throwIfNoEntry: false })?.isFIFO() === true;
    } catch {
      return false;
    }
  });
}

function end(limit: ExceededLimit | null): void {
  try {
    // Written synchronously by this thread: the one in SQLite cannot pass it on.
    if (limit !== null) writeSync(standardError, `\nlimit: ${limit}\n`);
  } finally {
    process.kill(process.pid, 'SIGKILL');
  }
}
