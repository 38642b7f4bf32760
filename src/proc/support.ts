/** The answer of a probe that reads `/proc`: what it found, or why it cannot tell on this system. */
import { errorMessage } from '../base/foreign-error';

export interface Unsupported {
  readonly supported: false;
  /** Why `/proc` cannot tell here; shown by `health()`. */
  readonly reason: string;
}

export type Probed<Facts> = ({ readonly supported: true } & Facts) | Unsupported;

/** The answer of a probe on a system without Linux's `/proc`, with the system's own words. */
export function unsupported(what: string, cause: unknown): Unsupported {
  return { supported: false, reason: `${what} cannot be read on ${process.platform}: ${errorMessage(cause)}` };
}
