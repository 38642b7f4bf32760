/** Watches a job process from a thread beside SQLite: kills the process if it exceeds a limit or its host has ended. */
import { writeSync } from 'node:fs';
import { setInterval } from '../base/clock';
import type { WatchdogData } from './serve-process';

/** Interval of the checks, in milliseconds: memory grows by some 2 GB a second at most. */
const lookMs = 50;
const standardError = 2;

export function watch({ limits, parent }: WatchdogData): void {
  setInterval(() => {
    // An orphan gets another parent.
    if (process.ppid !== parent) end(null);
    const { user, system } = process.cpuUsage();
    if ((user + system) / 1000 > limits.processorMs) end('processor');
    if (process.memoryUsage.rss() > limits.memoryBytes) end('memory');
  }, lookMs);
}

function end(limit: 'processor' | 'memory' | null): void {
  try {
    // Written synchronously by this thread: the one in SQLite cannot pass it on.
    if (limit !== null) writeSync(standardError, `\nlimit: ${limit}\n`);
  } finally {
    process.kill(process.pid, 'SIGKILL');
  }
}
