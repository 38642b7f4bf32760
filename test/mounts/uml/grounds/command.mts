/** Runs one program of the guest to its end; its standard error is in the message where it fails. */
import { execFileSync } from 'node:child_process';

/** A mount or a service that takes longer than this hangs. */
const timeoutMs = 20_000;

export function run(program: string, ...args: string[]): void {
  try {
    execFileSync(program, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: timeoutMs });
  } catch (error) {
    const stderr = (error as { stderr?: Buffer }).stderr?.toString() ?? '';
    throw new Error(`${program} ${args.join(' ')}: ${stderr.trim() || (error as Error).message}`, { cause: error });
  }
}
