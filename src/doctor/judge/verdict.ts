/** Chooses the verdict about the database itself, which every command gives alike. Pure. */
import type { Finding, Topic } from '../diagnosis';

/** The topics that are about what is stored; the others are about what is around it. */
const ofDatabase: ReadonlySet<Topic> = new Set<Topic>(['fence', 'file', 'journal', 'integrity']);

/** The gravest of what is wrong with the database; `null` where nothing is. Findings come the gravest first. */
export function verdictOf(findings: readonly Finding[]): Finding | null {
  return (
    findings.find(({ level, topic }) => ofDatabase.has(topic) && (level === 'problem' || level === 'warning')) ?? null
  );
}

/** The gravest problem around the database, for a command that failed: no room, no right, a filesystem that refuses. */
export function obstacleOf(findings: readonly Finding[]): Finding | null {
  return findings.find(({ level, topic }) => level === 'problem' && topic !== 'backups') ?? null;
}

/** What is stored cannot be relied on, or nothing is stored: a command that worked all the same has to say so. */
export function isAlarming({ level, code }: Finding): boolean {
  return level === 'problem' || code === 'empty-database';
}
