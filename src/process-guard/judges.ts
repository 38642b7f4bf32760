/** Keeps the judges of all copies of this package in one thread, which share one set of wrapped functions. */
import fs from 'node:fs';
import type { CoveredArgument } from './covered-calls';

/** One wrapped function of `fs`. */
export interface CoveredCall {
  /** As the application writes it, for example `fs.readFileSync`. */
  readonly name: string;
  readonly covered: readonly CoveredArgument[];
  /** Synchronous: a stat before it cannot add a wait it would not have had. */
  readonly waits: boolean;
  /** It can copy a folder with its content. */
  readonly copiesTrees: boolean;
  /** It deletes what its path names; it always runs. */
  readonly deletes: boolean;
}

/** Judges calls by the databases that one copy of this package, in one realm, has open. */
export interface Judge {
  /**
   * True for a path that was judged before and leads to no database, by whatever name: most calls ask only this.
   *
   * @param waits as in `CoveredCall`; default true
   */
  isPlain(path: string, waits?: boolean): boolean;
  /** Returns the error for the caller of a covered call; `null` if it may run. */
  call(call: CoveredCall, args: readonly unknown[]): Error | null;
  /** Returns the error for the caller of `call` of `node:sqlite`, which opens `path`; `null` if it may run. */
  database(call: string, path: string): Error | null;
}

interface Shared {
  /** Weak: test runners give each file a realm of its own, and `fs` outlives them. */
  judges: readonly WeakRef<Judge>[];
  unwrap: (() => void) | null;
}

/** On `fs` itself: a realm of a test runner has its own `globalThis`, but shares the thread's one `fs`. */
const key = Symbol.for('safe-sqlite.process-guard.judges.v2');

function shared(): Shared {
  const existing = Reflect.get(fs, key) as Shared | undefined;
  if (existing !== undefined) return existing;
  const created: Shared = { judges: [], unwrap: null };
  Reflect.defineProperty(fs, key, { value: created, configurable: true });
  return created;
}

/**
 * Adds a judge, which the caller keeps alive; `wrap` runs if nothing is wrapped yet. Returns a function that removes
 * it.
 */
export function addJudge(judge: Judge, wrap: () => () => void): () => void {
  const state = shared();
  const reference = new WeakRef(judge);
  state.judges = [...alive(state), reference];
  state.unwrap ??= wrap();
  return () => {
    state.judges = alive(state).filter(each => each !== reference);
    if (state.judges.length > 0) return;
    state.unwrap?.();
    state.unwrap = null;
  };
}

function alive({ judges }: Shared): readonly WeakRef<Judge>[] {
  return judges.filter(each => each.deref() !== undefined);
}

/** Asks all judges; the first refusal counts. */
export function createCourt(): Judge {
  const state = shared();
  // Loops, because they precede every call of `fs`.
  return {
    isPlain(path, waits) {
      for (const reference of state.judges) if (reference.deref()?.isPlain(path, waits) === false) return false;
      return true;
    },
    call(call, args) {
      for (const reference of state.judges) {
        const refused = reference.deref()?.call(call, args);
        if (refused !== undefined && refused !== null) return refused;
      }
      return null;
    },
    database(call, path) {
      for (const reference of state.judges) {
        const refused = reference.deref()?.database(call, path);
        if (refused !== undefined && refused !== null) return refused;
      }
      return null;
    },
  };
}
