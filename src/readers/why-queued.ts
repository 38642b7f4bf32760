/** Decides what to say to a call that met its time limit while it waited, and what its caller can change. */

/** What a waiting call finds at its limit. */
export interface WaitFacts {
  /** The call is a query of a snapshot, which waits for an earlier query of it. */
  readonly inSnapshot: boolean;
  /** What a database without a file waits for before it can be copied; `null` if nothing. */
  readonly openOnConnection: 'transaction' | 'iterate' | null;
  readonly max: number;
  readonly busy: number;
  /** Of these, readers with a snapshot. */
  readonly snapshots: number;
  /** Of these, readers that wait for a loop over `iterate` to consume their rows. */
  readonly loops: number;
  /** How long each reader has been starting, in milliseconds. */
  readonly startingMs: readonly number[];
  /** Readers that were terminated and have not ended. */
  readonly dying: number;
  /** The module of `readers.setup` runs at each start. */
  readonly setup: boolean;
}

export interface WaitReason {
  /** The end of the message, after a colon. */
  readonly why: string;
  readonly hint: string;
}

export function whyQueued(facts: WaitFacts): WaitReason {
  const { max, busy, snapshots, loops, startingMs, dying, openOnConnection } = facts;
  if (facts.inSnapshot) {
    return {
      why: 'an earlier query of its snapshot has not ended',
      hint: 'The queries of a snapshot run one after another: make the earlier one shorter, or raise `timeoutMs` of this one.',
    };
  }
  if (openOnConnection !== null) {
    const what = openOnConnection === 'transaction' ? 'an open transaction' : 'an open loop over `iterate()`';
    return {
      why: `a database without a file is read between two transactions, and this connection has ${what}`,
      hint: 'End it before the read is awaited (COMMIT, or leave the loop), or read inside it with `db.prepare()`.',
    };
  }
  if (startingMs.length > 0) {
    const longest = Math.round(Math.max(...startingMs));
    return {
      why: `a reader has been starting for ${longest} ms, and ${busy} of at most ${max} are busy`,
      hint:
        'Start readers ahead of the first call with `db.reader.warm()`, or raise `timeoutMs`: a start takes some 0.1 s, ' +
        `longer on a busy machine${facts.setup ? ', and runs the module of `readers.setup`' : ''}.`,
    };
  }
  const why = `${busy} of at most ${max} readers are busy, ${snapshots} of them with a snapshot`;
  if (loops > 0) {
    return {
      why: `${why}, ${loops} waiting for a loop over \`iterate()\` to take its rows`,
      hint:
        'A loop over `iterate()` holds its reader until it ends. A read inside of it needs another reader: run both in ' +
        'one `db.reader.snapshot()`, or raise `readers.max`.',
    };
  }
  if (dying > 0 && busy < max) {
    return {
      why: `${why}, and ${dying} that were terminated have not ended`,
      hint: 'A process that waits for a disk cannot be ended: check the storage (`dmesg`).',
    };
  }
  return {
    why,
    hint: 'Raise `readers.max`, shorten the running queries (`db.health().readers.running`), or raise `timeoutMs`.',
  };
}
