/** A progress bar on standard error, where that is a terminal. */
import { performance } from '../base/clock';
import type { CopyProgress } from '../maintenance/messages';
import type { Terminal } from './command';

export interface ProgressBar {
  readonly show: (progress: CopyProgress) => void;
  readonly wipe: () => void;
}

/** Redrawing more often than this shows nobody anything, in milliseconds. */
const redrawMs = 50;
const columns = 30;
/** Carriage return, and the sequence that erases the line from there. ECMA-48, EL */
const eraseLine = '\r\u001b[K';

/** `null` where nobody looks: a log file gets no bars. */
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
