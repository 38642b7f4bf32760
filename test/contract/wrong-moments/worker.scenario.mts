/** A worker thread: calls every member on a connection of its own, and tells what became of each. */
import { parentPort, workerData } from 'node:worker_threads';
import { databaseMembers, packageFunctions, readerMembers, statementMembers } from './members.mts';
import { makeSubject, outcomeOf } from './subject.mts';

const outcomes: Record<string, string> = {};
for (const [group, members] of Object.entries({
  db: databaseMembers,
  'db.reader': readerMembers,
  statement: statementMembers,
  '': packageFunctions,
})) {
  for (const [name, member] of Object.entries(members)) {
    if (name === 'closeAllDatabases') continue;
    const full = group === '' ? name : `${group}.${name}`;
    const subject = makeSubject(workerData as string, full);
    outcomes[full] = await outcomeOf(() => member.call(subject));
    if (subject.db.open) subject.db.close();
  }
}
parentPort?.postMessage(outcomes);
