/** The books of the soak: compares the answers that each writer got for its transactions with what a reader sees; pure. */
import type { PlainError } from '../support/fault-scenario.mts';
import { keptRows, type LedgerView } from './ledger.mts';

export type Entry =
  { readonly begin: number } | { readonly committed: number } | { readonly failed: number; readonly error: PlainError };

interface Writer {
  begun: number;
  rolledBack: number;
  /** Began and never heard: the answer was `unknown`, or the process ended before it came. */
  readonly open: Set<number>;
  acknowledged: number;
  /** Acknowledged tokens with their place among all that began; only the newest, as the database keeps them. */
  recent: { readonly token: number; readonly place: number }[];
}

/** What was promised at one moment, by writer. */
export type Promised = ReadonlyMap<number, Pick<Writer, 'acknowledged'> & { readonly recent: Writer['recent'] }>;

export interface Account {
  enter(writer: number, entry: Entry): void;
  /** What must be in everything that is read from now on. */
  promised(): Promised;
  /** What is wrong with a view that was read after `promised` was taken and before now. */
  faultsOf(view: LedgerView, promised: Promised): readonly string[];
  sums(): {
    readonly begun: number;
    readonly acknowledged: number;
    readonly rolledBack: number;
    readonly unknown: number;
  };
}

export function openAccount(): Account {
  const writers = new Map<number, Writer>();
  const writerOf = (number: number): Writer => {
    const known = writers.get(number);
    if (known !== undefined) return known;
    const fresh = { begun: 0, rolledBack: 0, open: new Set<number>(), acknowledged: 0, recent: [] };
    writers.set(number, fresh);
    return fresh;
  };
  const sum = (of: (writer: Writer) => number): number =>
    [...writers.values()].reduce((all, each) => all + of(each), 0);

  return {
    enter(number, entry) {
      const writer = writerOf(number);
      if ('begin' in entry) {
        writer.begun += 1;
        writer.open.add(entry.begin);
      } else if ('committed' in entry) {
        writer.open.delete(entry.committed);
        writer.acknowledged += 1;
        writer.recent.push({ token: entry.committed, place: writer.begun });
        if (writer.recent.length > 2 * keptRows) writer.recent = writer.recent.slice(-keptRows);
      } else if (entry.error.commitOutcome !== 'unknown') {
        writer.open.delete(entry.failed);
        writer.rolledBack += 1;
      }
    },
    promised: () =>
      new Map(
        [...writers].map(([number, { acknowledged, recent }]) => [number, { acknowledged, recent: [...recent] }]),
      ),
    faultsOf({ pages, faults }, promised) {
      const found = [...faults];
      const seen = new Map(pages.map(page => [page.writer, page]));
      for (const [number, { acknowledged, recent }] of promised) {
        const writer = writerOf(number);
        const { last, tokens } = seen.get(number) ?? { last: 0, tokens: [] };
        const most = writer.begun - writer.rolledBack;
        if (last < acknowledged)
          found.push(`writer ${number}: ${acknowledged - last} acknowledged transactions are lost`);
        if (last > most) found.push(`writer ${number}: ${last - most} transactions are there that were rolled back`);
        const there = new Set(tokens);
        // Of the others so many began since that they may have been dropped as too old.
        const kept = recent.filter(({ place }) => writer.begun - place + slack < keptRows);
        const missing = kept.filter(({ token }) => !there.has(token)).map(({ token }) => token);
        if (missing.length > 0)
          found.push(`writer ${number}: acknowledged transactions are lost: ${missing.slice(0, 5).join(', ')} …`);
      }
      return found;
    },
    sums: () => ({
      begun: sum(({ begun }) => begun),
      acknowledged: sum(writer => writer.acknowledged),
      rolledBack: sum(writer => writer.rolledBack),
      unknown: sum(({ open }) => open.size),
    }),
  };
}

/** Transactions that were under way together when one began: their order in the database may differ. */
const slack = 64;
