/** Gives the doctor's verdict about a database beside the answer of another command. */
import { shellWord } from '../base/terminal-text';
import { diagnose } from '../doctor/diagnose';
import type { Diagnosis, Finding } from '../doctor/diagnosis';
import { isAlarming, verdictOf } from '../doctor/judge/verdict';
import type { Terminal } from './command';
import { forTerminal, labelled, wrap } from './text';

/** A step of the look that takes longer than this is left out, in milliseconds: the command has its own answer. */
const stepTimeoutMs = 5000;

export interface Verdict {
  readonly finding: Finding | null;
  readonly diagnosis: Diagnosis;
  /** A command that worked all the same ends with exit code 3. */
  readonly alarming: boolean;
}

/** `checkPages`: also let SQLite read a small database; a command that does that itself leaves it out. */
export async function lookAt(file: string, terminal: Terminal, checkPages: boolean): Promise<Verdict> {
  const diagnosis = await diagnose(file, { quick: checkPages, stepTimeoutMs, signal: terminal.signal });
  const finding = verdictOf(diagnosis.findings);
  return { finding, diagnosis, alarming: finding !== null && isAlarming(finding) };
}

/** The lines of a verdict, for the end of a report; none where nothing is wrong. */
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

/** The report has more than a verdict; where the next command is about another finding, the report comes first. */
function nextFor(file: string, { commands }: Finding, { next }: Diagnosis): string {
  return next !== null && commands.includes(next) ? next : `npx safe-sqlite doctor ${shellWord(file)}`;
}
