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

/** Returns the first command of the gravest finding; if it has none, its explanation. */
export function nextCommand(findings: readonly Finding[], storageCommands: readonly string[]): string | null {
  for (const level of gravity) {
    const these = findings.filter(finding => finding.level === level);
    const [gravest] = these;
    if (gravest === undefined) continue;
    if (storageFirst.has(gravest.code) && storageCommands[0] !== undefined) return storageCommands[0];
    // A command of a lesser finding would mend something else first. A note without a command needs no action.
    const [command] = level === 'note' ? these.flatMap(({ commands }) => commands) : gravest.commands;
    if (command !== undefined) return command;
    if (level !== 'note') return `npx safe-sqlite explain ${gravest.code}`;
  }
  return null;
}
