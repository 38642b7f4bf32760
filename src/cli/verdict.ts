/** Adds the doctor's verdict about a database to the answer of another command. */
import { shellWord } from '../base/terminal-text';
import { diagnose } from '../doctor/diagnose';
import type { Diagnosis, Finding } from '../doctor/diagnosis';
import { isAlarming, verdictOf } from '../doctor/judge/verdict';
import type { Terminal } from './command';
import { forTerminal, labelled, wrap } from './text';

/** A step that takes longer than this is left out, in milliseconds: the command has its own answer. */
const stepTimeoutMs = 5000;

export interface Verdict {
  readonly finding: Finding | null;
  readonly diagnosis: Diagnosis;
  /** A command that succeeded anyway ends with exit code 3. */
  readonly alarming: boolean;
}

/** `checkPages`: also let SQLite read a small database; a command that does that itself leaves it out. */
export async function lookAt(file: string, terminal: Terminal, checkPages: boolean): Promise<Verdict> {
  const diagnosis = await diagnose(file, { quick: checkPages, stepTimeoutMs, signal: terminal.signal });
  const finding = verdictOf(diagnosis.findings);
  return { finding, diagnosis, alarming: finding !== null && isAlarming(finding) };
}

/** Returns the lines of a verdict, for the end of a report; empty if nothing is wrong. */
export function describeVerdict(file: string, { finding, diagnosis }: Verdict): readonly string[] {
  return finding === null ? [] : describeFinding(file, finding, diagnosis);
}

export function describeFinding(file: string, finding: Finding, diagnosis: Diagnosis): readonly string[] {
  return [
    wrap(`${file}: ${finding.level.toUpperCase()} (${finding.code})`),
    wrap(finding.what, '  '),
    ...(finding.action === null ? [] : [labelled('  do:', forTerminal(finding.action), 7)]),
    nextLine(nextFor(file, finding, diagnosis)),
  ];
}

/** The one command to run now. */
export function nextLine(command: string | null): string {
  return command === null ? 'Next: nothing to do.' : `Next: ${command}`;
}

/** The report has more than a verdict; if the next command is about another finding, the report comes first. */
export function nextFor(file: string, { commands }: Finding, { next }: Diagnosis): string {
  return next !== null && commands.includes(next) ? next : `npx safe-sqlite doctor ${shellWord(file)}`;
}
