/** Derives each transaction from its number alone: so the whole content of a database follows from which are in it. */
import { seeded } from '../../faults/random.mts';

/** Room for the transactions of one writer in the numbers of all. */
const perWriter = 1_000_000;

export function txnOf(writer: number, seq: number): number {
  return writer * perWriter + seq;
}

export function writerOf(txn: number): number {
  return Math.floor(txn / perWriter);
}

function seqOf(txn: number): number {
  return txn % perWriter;
}

export interface Line {
  readonly part: number;
  readonly pad: string;
}

export interface Plan {
  readonly txn: number;
  readonly writer: number;
  readonly seq: number;
  readonly lines: readonly Line[];
  /** The row that it overwrites: each writer has a few, so pages are freed and used again. */
  readonly slot: number;
  /** Written anew, so that a slot changes its size each time. */
  readonly slotPad: string;
  /** Whose row it deletes from `scratch`; its own it adds. */
  readonly deletes: number;
  /** The table that it creates, or drops: a schema change inside a transaction that also writes. */
  readonly creates: string | null;
  readonly drops: string | null;
}

/** Overwritten in turn; small, so that each is written often. */
const slotsPerWriter = 7;
/** How long a row lives in `scratch`, in transactions of its writer. */
const scratchLife = 5;
/** Of so many transactions one creates a table, and a later one drops it. */
const schemaEvery = 11;
const createsAt = 5;
const dropsAt = 9;

const plans = new Map<number, Plan>();

export function planOf(txn: number): Plan {
  const known = plans.get(txn);
  if (known !== undefined) return known;
  const plan = makePlan(txn);
  plans.set(txn, plan);
  return plan;
}

function makePlan(txn: number): Plan {
  const random = seeded(txn);
  const writer = writerOf(txn);
  const seq = seqOf(txn);
  const large = random() < 1 / 16;
  const parts = large ? 24 : 1 + Math.floor(random() * 4);
  // More than 4096 bytes: such a row lies on overflow pages.
  const bytes = (): number => (random() < 1 / 12 ? 6000 : 20 + Math.floor(random() * 1200));
  const lines = Array.from({ length: parts }, (_, part) => ({ part, pad: pad(txn, part, bytes()) }));
  return {
    txn,
    writer,
    seq,
    lines,
    slot: writer * 100 + (seq % slotsPerWriter),
    slotPad: pad(txn, -1, bytes()),
    deletes: txn - scratchLife,
    creates: seq % schemaEvery === createsAt ? madeBy(txn) : null,
    drops: seq % schemaEvery === dropsAt ? madeBy(txn - (dropsAt - createsAt)) : null,
  };
}

function madeBy(txn: number): string {
  return `made_${txn}`;
}

function pad(txn: number, part: number, bytes: number): string {
  return `${txn}:${part} `.repeat(Math.ceil(bytes / 4)).slice(0, bytes);
}
