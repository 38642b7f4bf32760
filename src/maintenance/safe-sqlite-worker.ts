/** Entry point of the maintenance thread, of a job's process, and of the watchdog in that process. */
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { serveProcess, type WatchdogData } from './serve-process';
import { serveThread } from './serve-thread';
import { watch } from './watchdog';

/** The text of this program (native/programs). */
declare const safeSqliteProgramText: string;

const data = workerData as WatchdogData | null | undefined;

if (isMainThread) serveProcess(safeSqliteProgramText);
else if (data?.watchdog === true) watch(data);
else if (parentPort !== null) serveThread(parentPort);
