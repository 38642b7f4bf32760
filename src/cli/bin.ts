#!/usr/bin/env node
/** Runs the executable: passes the command line and the terminal of this process to `main`. */
import type * as Main from './main';

const interrupted = new AbortController();
// The first interrupt ends the work in good order; a second one ends the process as usual. Before anything is loaded:
// an interrupt during the start says that nothing was changed, too. SIGTERM is the interrupt of `timeout`, systemd and
// `docker stop`. SIGHUP keeps its default: a listener would undo `nohup`.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => interrupted.abort(new Error('interrupted')));
}

// `| head` closes the pipe before everything is written, which is not a failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

// Until the answer is there: a promise that nothing settles any more would end the process as a success.
process.exitCode = 1;
const unanswered = (): void => void process.stderr.write('Ended without an answer: the work was not done.\n');
process.once('exit', unanswered);

const { main } = require('./main') as typeof Main;
void main(process.argv.slice(2), {
  out: text => void process.stdout.write(text),
  err: text => void process.stderr.write(text),
  isInteractive: process.stderr.isTTY === true,
  // Node honours NO_COLOR and TERM. https://no-color.org
  hasColours: process.stdout.isTTY === true && process.stdout.hasColors(),
  signal: interrupted.signal,
}).then(code => {
  process.off('exit', unanswered);
  process.exitCode = code;
});
