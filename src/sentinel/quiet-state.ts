/** Compares what an idle database looks like from one check to the next: equal states need no further look. */
import { wallClockNow } from '../base/clock';
import { sameState, type FileState } from './descriptor-state';

export interface Quiet {
  /** The header of the WAL index; a copy once it is remembered. */
  readonly index: Buffer;
  readonly state: FileState;
  readonly walState: FileState;
  readonly indexSize: number | null;
}

export function sameQuiet(one: Quiet, other: Quiet): boolean {
  return (
    one.index.equals(other.index) &&
    one.indexSize === other.indexSize &&
    sameState(one.state, other.state) &&
    sameState(one.walState, other.walState)
  );
}

/** A later change of either file is certain to leave another time. */
export function isSettledQuiet({ state, walState }: Quiet, clockTickMs: number): boolean {
  const now = wallClockNow();
  return now - state.ctimeMs > clockTickMs && now - walState.ctimeMs > clockTickMs;
}
