/**
 * Ends a test file that does not end: a test that the runner cut off leaves timers and processes behind, with which its file
 * would go on for ever. (`--test-force-exit` of Node is no help: it drops the tests that a file has not registered yet.)
 *
 * Loaded with `--import` by scripts/test.mjs.
 */
import { isMainThread } from 'node:worker_threads';
import './windows.mts';

/** Above the limit of a single test. */
const minutes = process.env['SLOW_TESTS'] === '1' ? 120 : 15;

if (isMainThread) {
  setTimeout(() => {
    const alive = process.getActiveResourcesInfo().join(', ');
    console.error(`${process.argv[1]} has not ended after ${minutes} minutes. What keeps it alive: ${alive}`);
    process.exit(1);
  }, minutes * 60_000).unref();
}
