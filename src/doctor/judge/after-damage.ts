/** Adapts the findings once a check found damage: no advice may copy the damage further, or use up the last good copy. Pure. */
import type { Finding } from '../diagnosis';

type Change = (finding: Finding) => Finding | null;

/** The same findings where none of them is `damaged`. A checkpoint would carry damage over what the -wal has. */
export function afterDamage(findings: readonly Finding[]): readonly Finding[] {
  if (!findings.some(({ code }) => code === 'damaged')) return findings;
  return findings.flatMap(finding => {
    const changed = changeOf(finding.code)(finding);
    return changed === null ? [] : [changed];
  });
}

function changeOf(code: string): Change {
  if (code === 'wal-crashed' || code === 'wal-not-closed') return withoutCheckpoint;
  if (code === 'no-backup') return withoutBackup;
  if (code === 'plain-copies') return finding => ({ ...finding, commands: finding.commands.filter(isNoBackup) });
  return finding => finding;
}

const withoutCheckpoint: Change = finding => ({
  ...finding,
  action: 'Do not checkpoint and do not start a program before everything is copied aside: the database is damaged.',
  commands: [],
});

/** A backup of damaged pages fails, or has the damage in it. */
const withoutBackup: Change = finding =>
  finding.level === 'note' ? null : { ...finding, action: 'Look for a backup elsewhere.', commands: [] };

function isNoBackup(command: string): boolean {
  return !command.startsWith('npx safe-sqlite backup ');
}
