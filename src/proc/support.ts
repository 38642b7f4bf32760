/** The answer of a probe that reads `/proc`: what it found, or why it cannot tell. */
import { errorCode, errorMessage } from '../base/foreign-error';

export interface Unsupported {
  readonly supported: false;
  /** True: the process has no descriptor or memory left for the question right now. False: this system does not tell. */
  readonly transient: boolean;
  /** Why `/proc` cannot tell; shown by `health()`. */
  readonly reason: string;
}

export type Probed<Facts> = ({ readonly supported: true } & Facts) | Unsupported;

const shortages: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN', 'EINTR']);

/** The answer of a probe whose system call failed, with the system's own words. */
export function unsupported(what: string, cause: unknown): Unsupported {
  const transient = shortages.has(errorCode(cause) ?? '');
  const where = transient ? 'now' : `on ${process.platform}`;
  return { supported: false, transient, reason: `${what} cannot be read ${where}: ${errorMessage(cause)}` };
}
