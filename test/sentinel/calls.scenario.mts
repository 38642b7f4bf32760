/** Checks twenty times between two calls that a trace finds: for calls.test.mts. */
import { existsSync, openSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { closeLive, openLive } from '../support/live.mts';

const [file = '', moment = 'commit', others = '0'] = process.argv.slice(2);
const live = openLive(file);
live.db.exec('INSERT INTO t VALUES (1); BEGIN IMMEDIATE');
live.state = 'writing';
for (let other = 0; other < Number(others); other += 1) openSync('/dev/null', 'r');
// Until then a change of the folder would leave no other time, and each check asks for the names.
await sleep(600);
for (let check = 0; check < 5; check += 1) live.sentinel.check(moment as 'commit' | 'interval');
existsSync('/BEGIN');
for (let check = 0; check < 20; check += 1) {
  if (live.sentinel.check(moment as 'commit' | 'interval') !== null) throw new Error('a loss was found');
}
existsSync('/END');
closeLive(live);
rmSync(file);
