/** Shows on standard error, if that is a terminal, the progress of a command. */
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
