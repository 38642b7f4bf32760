/** The program on the bad disk: one subject, one database, a step at a time. */
import { createLedger, writeTransaction } from './ledger.mts';
import { serve } from '../support/fault-scenario.mts';
import type { Connection, OpenSettings, SubjectName } from './subject.mts';
import { subjectNamed } from './subjects.mts';

let connection: Connection | undefined;

serve({
  async open({ subject, file, settings }: { subject: SubjectName; file: string; settings: OpenSettings }) {
    connection = (await subjectNamed(subject)).open(file, settings);
    if (!connection.handle.pragma('table_list(ledger)', { simple: true })) createLedger(connection.handle);
  },
  commit: (txn: number) => writeTransaction(opened().handle, txn),
  transactions: () => opened().handle.prepare('SELECT DISTINCT txn FROM ledger ORDER BY txn').pluck().all(),
  pragma: (text: string) => opened().handle.pragma(text),
  checkpoint: (mode: 'passive' | 'truncate') => opened().checkpoint(mode),
  close: () => opened().close(),
});

function opened(): Connection {
  if (connection === undefined) throw new Error('No database is open.');
  return connection;
}
