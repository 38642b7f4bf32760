/** Runs programs of the guest to their end, and waits for the services among them. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** A mount or a service that takes longer than this hangs. */
const timeoutMs = 90_000;

/** What the program wrote to standard error is in the message where it fails. */
export function run(program: string, ...args: string[]): void {
  try {
    execFileSync(program, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: timeoutMs });
  } catch (error) {
    const stderr = (error as { stderr?: Buffer }).stderr?.toString() ?? '';
    throw new Error(`${program} ${args.join(' ')}: ${stderr.trim() || (error as Error).message}`, { cause: error });
  }
}

/** As `run`, for a mount whose server may not get the processor in the time that the client gives it. */
export function mountPatiently(...args: string[]): void {
  for (let tries = 1; ; tries += 1) {
    try {
      return run('mount', ...args);
    } catch (error) {
      if (tries === 3) throw error;
      console.log(`try ${tries}: ${(error as Error).message}`);
    }
  }
}

/** Pause between two checks at the table of sockets, in milliseconds. */
const pauseMs = 20;

/** Returns once something listens on a port of loopback: a daemon may leave its parent before it does. */
export function untilListening(port: number): void {
  // proc(5), /proc/net/tcp: address and port in hexadecimal, the state 0A is LISTEN.
  const row = new RegExp(`: 0100007F:${port.toString(16).toUpperCase().padStart(4, '0')} \\S+ 0A `);
  for (let waitedMs = 0; !row.test(readFileSync('/proc/net/tcp', 'utf8')); waitedMs += pauseMs) {
    if (waitedMs > timeoutMs) throw new Error(`Nothing listens on port ${port}.`);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pauseMs);
  }
}
