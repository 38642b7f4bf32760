/** Lays out the doctor's report for a person: 80 columns, the gravest finding first, the next command last. */
import { leftOut } from '../doctor/judge/integrity';
import { styleText } from 'node:util';
import { visible } from '../base/terminal-text';
import { count } from '../base/figures';
import type { Diagnosis, Finding, Level } from '../doctor/diagnosis';
import { forTerminal, labelled, wrap } from './text';
import { nextLine } from './verdict';

const styles: Readonly<Record<Level, Parameters<typeof styleText>[0]>> = {
  problem: ['bold', 'red'],
  warning: ['bold', 'yellow'],
  note: 'cyan',
  ok: 'green',
};

/** Topics whose findings cast doubt on the storage; a fence always does. */
const storageTopics: ReadonlySet<Finding['topic']> = new Set(['fence', 'device', 'integrity']);
const storageCodes: ReadonlySet<string> = new Set([
  'no-answer',
  'storage-error',
  'filesystem-stopped',
  'filesystem-read-only',
  'wal-damaged',
  'wal-damaged-live',
  'wal-header-damaged',
  'not-a-database',
  'damaged-header',
  'cut-off',
]);
const topicWidth = 14;

export function describeDiagnosis(diagnosis: Diagnosis, colours: boolean): string {
  const paint: Paint = (level, text) => (colours ? styleText(styles[level], text, { validateStream: false }) : text);
  const { path, file, status, findings } = diagnosis;
  const serious = findings.filter(({ level }) => level !== 'ok');
  const fine = findings.filter(({ level }) => level === 'ok');
  const parts = [
    `${visible(path === file ? file : `${path} (${file})`)}\n${paint(status, headline(diagnosis))}`,
    ...serious.map(finding => describeFinding(finding, paint)),
    section(
      'As it should be',
      fine.map(({ topic, what, why }) => labelled(`  ${topic}`, sentences(what, why), topicWidth)),
    ),
    section(
      'Not checked',
      diagnosis.notLookedAt.map(({ what, why }) => labelled('  -', `${what}: ${why}`, 4)),
    ),
  ];
  if (serious.some(doubtsStorage)) {
    parts.push(
      section(
        'To check the storage (none of these writes)',
        diagnosis.storageCommands.map(command => `  $ ${visible(command)}`),
      ),
    );
  }
  parts.push(nextLine(diagnosis.next));
  return parts.filter(part => part !== '').join('\n\n');
}

type Paint = (level: Level, text: string) => string;

function headline({ status, findings, notLookedAt }: Diagnosis): string {
  const counts = (['problem', 'warning', 'note'] as const)
    .map(level => ({ level, number: findings.filter(finding => finding.level === level).length }))
    .filter(({ number }) => number > 0)
    .map(({ level, number }) => count(number, level));
  const checked = findings.some(({ code }) => code === 'sound');
  const isPartial = notLookedAt.some(({ what }) => what === leftOut);
  const damaged = findings.some(({ code }) => code === 'damaged');
  const exists = !findings.some(({ topic, level }) => topic === 'file' && level === 'problem');
  const pages = checked
    ? isPartial
      ? 'the pages were checked in part (why: below)'
      : 'every page was checked'
    : exists && !damaged
      ? 'the pages were NOT checked (why: below)'
      : null;
  const summary = status === 'ok' || status === 'note' ? ['Nothing is wrong', ...counts] : [counts.join(', ')];
  return [...summary, ...(pages === null ? [] : [pages])].join('; ');
}

function describeFinding({ level, what, why, action, commands, code }: Finding, paint: Paint): string {
  const lines = [`${paint(level, level.toUpperCase())} (${code})`, wrap(what, '  ')];
  if (why !== null) lines.push(labelled('  why:', why, 7));
  if (action !== null) lines.push(labelled('  do:', forTerminal(action), 7));
  return [...lines, ...commands.map(command => `  $ ${visible(command)}`)].join('\n');
}

function section(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? '' : [`${title}:`, ...lines].join('\n');
}

function sentences(what: string, why: string | null): string {
  return why === null ? what : `${what} ${why}`;
}

function doubtsStorage({ topic, code, level }: Finding): boolean {
  return storageCodes.has(code) || (storageTopics.has(topic) && level !== 'note');
}
