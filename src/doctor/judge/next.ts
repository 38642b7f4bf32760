/** Chooses the one command that an operator runs next. Pure. */
import type { Finding, Level } from '../diagnosis';

/** After these findings the storage is checked before anything else. */
const storageFirst: ReadonlySet<string> = new Set([
  'fenced',
  'filesystem-stopped',
  'filesystem-read-only',
  'filesystem-errors',
  'no-answer',
  'storage-error',
]);

const gravity: readonly Level[] = ['problem', 'warning', 'note'];

/** Returns the command of the gravest finding that has one; if none has, the explanation of the gravest. */
export function nextCommand(findings: readonly Finding[], storageCommands: readonly string[]): string | null {
  for (const level of gravity) {
    const these = findings.filter(finding => finding.level === level);
    const [gravest] = these;
    if (gravest === undefined) continue;
    if (storageFirst.has(gravest.code) && storageCommands[0] !== undefined) return storageCommands[0];
    const command = these.flatMap(({ commands }) => commands)[0];
    if (command !== undefined) return command;
    // A note without a command needs no action.
    if (level !== 'note') return `npx safe-sqlite explain ${gravest.code}`;
  }
  return null;
}
