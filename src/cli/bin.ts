#!/usr/bin/env node
/** The executable: gives the command line and the terminal of this process to `main`. */
import { main } from './main';

const interrupted = new AbortController();
// The first interrupt ends the work in good order; a second one ends the process as usual.
process.once('SIGINT', () => interrupted.abort(new Error('interrupted')));

void main(process.argv.slice(2), {
  out: text => void process.stdout.write(text),
  err: text => void process.stderr.write(text),
  isInteractive: process.stderr.isTTY === true,
  signal: interrupted.signal,
}).then(code => (process.exitCode = code));
