/** Declares the result of a probe that reads `/proc`: its finding, or the reason why it has none. */
import { errorCode, errorMessage } from '../base/foreign-error';

export interface Unsupported {
  readonly supported: false;
  /** True: the process currently lacks a descriptor or memory for the probe. False: this system does not support it. */
  readonly transient: boolean;
  /** Reason shown by `health()`. */
  readonly reason: string;
}

export type Probed<Facts> = ({ readonly supported: true } & Facts) | Unsupported;

const shortages: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN', 'EINTR']);

/** The result of a probe whose system call failed, with the system's message. */
export function unsupported(what: string, cause: unknown): Unsupported {
  const transient = shortages.has(errorCode(cause) ?? '');
  const where = transient ? 'now' : `on ${process.platform}`;
  return { supported: false, transient, reason: `${what} cannot be read ${where}: ${errorMessage(cause)}` };
}
