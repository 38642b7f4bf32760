/**
 * The faults that the threads of this process tell each other. The marker beside the file tells the other processes too,
 * but a storage that has failed may refuse just that; and it is seen as soon as it stands, without a look at the folder.
 *
 * What a worker has told stays when it ends: the pages that its sync lost are lost for the whole process.
 */
import { SharedTable } from '../base/shared-table';

/** What is told of the first fault of a file. */
export interface ToldFault {
  /** The key of the file in the registry. */
  readonly key: string;
  readonly time: string;
  readonly code: string;
  readonly operation: string;
  readonly message: string;
}

// More than one process ever has; a message of SQLite is short, and cut where it is not.
const table = new SharedTable('safe-sqlite.faults.v1', { slots: 64, slotBytes: 2048 });
const mostMessage = 500;

let seen = -1;
let told = new Map<string, ToldFault>();

export function tellFault(fault: ToldFault): void {
  table.publish(JSON.stringify({ ...fault, message: fault.message.slice(0, mostMessage) }));
}

/** What any thread has told of a file; `null` when nothing. Asked again and again: it reads what has changed. */
export function toldFault(key: string): ToldFault | null {
  const { generation } = table;
  if (generation !== seen) {
    told = new Map(toldFaults().map(({ fault }) => [fault.key, fault]));
    seen = generation;
  }
  return told.get(key) ?? null;
}

/** The file with this key is another one now, or its fence was cleared. */
export function forgetToldFault(key: string): void {
  if (toldFault(key) === null) return;
  for (const { slot, fault } of toldFaults()) if (fault.key === key) table.withdraw(slot);
}

function toldFaults(): { readonly slot: number; readonly fault: ToldFault }[] {
  return table.read().map(({ slot, text }) => ({ slot, fault: JSON.parse(text) as ToldFault }));
}
