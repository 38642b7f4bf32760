/** The judges of all copies of this package in one thread, which share one set of wrapped functions. */
import fs from 'node:fs';
import type { CoveredArgument } from './covered-calls';

/** One wrapped function of `fs`. */
export interface CoveredCall {
  /** As the application writes it, for example `fs.readFileSync`. */
  readonly name: string;
  readonly covered: readonly CoveredArgument[];
  /** It returns when it is done: a look at the file makes it wait for nothing that it would not wait for. */
  readonly waits: boolean;
  /** It can copy a folder with everything in it. */
  readonly copiesTrees: boolean;
}

/** Decides about calls by the databases that one copy of this package, in one realm, has open. */
export interface Judge {
  /** The error to give the caller of a covered call; `null` when it may run. */
  call(call: CoveredCall, args: readonly unknown[]): Error | null;
  /** The error to give the caller of `call` of `node:sqlite`, which opens `path`; `null` when it may. */
  database(call: string, path: string): Error | null;
}

interface Shared {
  /** Weak: test runners give each file a realm of its own, and `fs` outlives them. */
  judges: readonly WeakRef<Judge>[];
  unwrap: (() => void) | null;
}

/** On `fs` itself: a realm of a test runner has its own `globalThis`, and the one `fs` of the thread. */
const key = Symbol.for('safe-sqlite.process-guard.judges.v1');

function shared(): Shared {
  const existing = Reflect.get(fs, key) as Shared | undefined;
  if (existing !== undefined) return existing;
  const created: Shared = { judges: [], unwrap: null };
  Reflect.defineProperty(fs, key, { value: created, configurable: true });
  return created;
}

/** Adds a judge, which the caller keeps; `wrap` runs where nothing is wrapped yet. Returns how to take it away. */
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
  // Loops, because they stand before every call of `fs`.
  return {
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
