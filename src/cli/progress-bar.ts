/** Shows on standard error, if that is a terminal, the progress of a command. */
import { readFileSync } from 'node:fs';
import { clearInterval, performance, setInterval } from '../base/clock';
import type { CopyProgress } from '../maintenance/messages';
import type { Terminal } from './command';

export interface ProgressBar {
  readonly show: (progress: CopyProgress) => void;
  readonly wipe: () => void;
}

/** Milliseconds between two redraws. */
const redrawMs = 50;
const columns = 30;
/** Carriage return, and the sequence that erases the line from there. ECMA-48, EL */
const eraseLine = '\r\u001b[K';

/** Returns `null` without a terminal: a log file gets no bars. */
export function progressBar(terminal: Terminal, label: string): ProgressBar | null {
  if (!terminal.isInteractive) return null;
  let drawn = -Infinity;
  return {
    show({ totalPages, remainingPages }) {
      const now = performance.now();
      if (now - drawn < redrawMs) return;
      drawn = now;
      terminal.err(`${eraseLine}${label} ${formatBar(1 - remainingPages / Math.max(1, totalPages), columns)}`);
    },
    wipe: () => terminal.err(eraseLine),
  };
}

/** How often the process is asked, in milliseconds. */
const pollMs = 200;

/**
 * Shows how much of a file another process has read, where the system says it (`/proc`): a check of SQLite tells nothing of itself.
 * It reads each page once, in their order, before it compares rows and indexes; the bar is about that first part. https://man7.org/linux/man-pages/man5/proc_pid_io.5.html
 */
export function readingBar(
  terminal: Terminal,
  label: string,
  bytes: number,
): { readonly show: (pid: number) => void; readonly wipe: () => void } | null {
  const bar = progressBar(terminal, label);
  if (bar === null || process.platform !== 'linux') return null;
  let timer: NodeJS.Timeout | undefined;
  const wipe = (): void => {
    clearInterval(timer);
    bar.wipe();
  };
  return {
    show(pid) {
      let before: number | null = null;
      timer = setInterval(() => {
        const read = bytesRead(pid);
        before ??= read;
        if (read === null || before === null) return;
        const remaining = bytes - (read - before);
        if (remaining <= 0) return wipe();
        bar.show({ totalPages: bytes, remainingPages: remaining });
      }, pollMs).unref();
    },
    wipe,
  };
}

/** `null` where the system does not say. */
function bytesRead(pid: number): number | null {
  try {
    return Number(/^rchar: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'latin1'))?.[1] ?? Number.NaN);
  } catch {
    return null;
  }
}

/** `[######----]  60 %`, `columns` wide without the figure. */
function formatBar(done: number, columns: number): string {
  const share = Math.max(0, Math.min(1, done));
  const filled = Math.round(share * columns);
  return `[${'#'.repeat(filled)}${'-'.repeat(columns - filled)}] ${String(Math.floor(share * 100)).padStart(3)} %`;
}

/** Work that ends within this time needs no clock, in milliseconds. */
const quietMs = 1000;

/** Shows how long `work` has run after the first second, and erases it when the work ends. */
export async function withClock<Value>(terminal: Terminal, label: string, work: () => Promise<Value>): Promise<Value> {
  if (!terminal.isInteractive) return work();
  const started = performance.now();
  let isDrawn = false;
  const timer = setInterval(() => {
    isDrawn = true;
    terminal.err(`${eraseLine}${label} ... ${Math.floor((performance.now() - started) / 1000)} s (Ctrl-C ends it)`);
  }, quietMs);
  timer.unref();
  try {
    return await work();
  } finally {
    clearInterval(timer);
    if (isDrawn) terminal.err(eraseLine);
  }
}
