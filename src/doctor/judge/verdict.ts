/** Chooses the verdict about the database itself, which is the same for every command. Pure. */
import type { Finding, Topic } from '../diagnosis';

/** The topics about the stored data; the others are about the environment. */
const ofDatabase: ReadonlySet<Topic> = new Set<Topic>(['fence', 'file', 'journal', 'integrity']);

/** Returns the gravest finding about the database; `null` if there is none. Findings come the gravest first. */
export function verdictOf(findings: readonly Finding[]): Finding | null {
  return (
    findings.find(({ level, topic }) => ofDatabase.has(topic) && (level === 'problem' || level === 'warning')) ?? null
  );
}

/**
 * Returns the gravest problem in the environment, for a failed command: no space, no rights, a filesystem that refuses.
 */
export function obstacleOf(findings: readonly Finding[]): Finding | null {
  return findings.find(({ level, topic }) => level === 'problem' && topic !== 'backups') ?? null;
}

/** True if the stored data cannot be relied on, or nothing is stored: a command that succeeded anyway has to say so. */
export function isAlarming({ level, code }: Finding): boolean {
  return level === 'problem' || code === 'empty-database';
}
