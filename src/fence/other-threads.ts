/**
 * Shares the faults between the threads of this process. The marker beside the file tells other processes too, but a
 * failed storage may reject exactly that; this table is visible at once, without access to the folder.
 *
 * An entry of a worker stays after its end: the pages that its sync lost are lost for the whole process.
 */
import { SharedTable } from '../base/shared-table';

/** The published part of the first fault of a file. */
export interface ToldFault {
  /** The key of the file in the registry. */
  readonly key: string;
  readonly time: string;
  readonly code: string;
  readonly operation: string;
  readonly message: string;
}

// More than one process ever has; a message of SQLite is short, and a longer one is cut.
const table = new SharedTable('safe-sqlite.faults.v1', { slots: 64, slotBytes: 2048 });
const mostMessage = 500;

let seen = -1;
let told = new Map<string, ToldFault>();

export function tellFault(fault: ToldFault): void {
  table.publish(JSON.stringify({ ...fault, message: fault.message.slice(0, mostMessage) }));
}

/**
 * Returns the fault of a file that any thread has published; `null` if none has. Called repeatedly: it reads only
 * changes.
 */
export function toldFault(key: string): ToldFault | null {
  const { generation } = table;
  if (generation !== seen) {
    told = new Map(toldFaults().map(({ fault }) => [fault.key, fault]));
    seen = generation;
  }
  return told.get(key) ?? null;
}

/** The file with this key has been replaced, or its fence was cleared. */
export function forgetToldFault(key: string): void {
  if (toldFault(key) === null) return;
  for (const { slot, fault } of toldFaults()) if (fault.key === key) table.withdraw(slot);
}

function toldFaults(): { readonly slot: number; readonly fault: ToldFault }[] {
  return table.read().map(({ slot, text }) => ({ slot, fault: JSON.parse(text) as ToldFault }));
}
