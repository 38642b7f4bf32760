/**
 * Implements `safe-sqlite explain`: explains a code or a message, what to do, and the text of its page, without a
 * network.
 */
import { closest, distance } from 'fastest-levenshtein';
import { findingCodes, isFindingCode } from '../doctor/finding-codes';
import { refusalCodes } from '../errors/refusal-codes';
import { resolveCode, resultCodes } from '../errors/result-codes';
import type { Command } from './command';
import { UsageError } from './command';
import { sectionOf, sectionOfMessage, tableRowOf } from './pages';
import { labelled, wrap } from './text';

/** Edit distance above which a name no longer counts as a misspelling. */
const furthestMisspelling = 4;

interface Explanation {
  readonly code: string;
  /** The kind of the code. */
  readonly kind: string;
  readonly meaning: string;
  readonly action: string;
  /** `'The same call may succeed…'` and the like. */
  readonly labels: readonly string[];
  /** The text of the page about it. */
  readonly page: string | null;
}

export const explainCommand: Command = {
  name: 'explain',
  summary: 'Say what a code or a message means and what to do, offline.',
  operands: ['<code>'],
  options: {},
  about: [
    'Knows every result code of SQLite, every code of this library, of a finding of the doctor and of a warning, and the messages of the page `troubleshooting`; the name of a page shows the page. It reads what is installed, and needs no network.',
  ],
  help: [],
  examples: [
    'explain SQLITE_BUSY_SNAPSHOT',
    'explain SAFE_SQLITE_FENCED',
    'explain wal-crashed',
    'explain 522',
    'explain backups',
  ],
  exits: [
    [0, 'explained'],
    [1, 'the package is incomplete'],
  ],
  run([asked = '']) {
    const explanation = explain(asked);
    if (explanation === null) throw unknownCode(asked);
    return Promise.resolve({ exit: 0, json: explanation, text: describe(explanation) });
  },
};

/** True if this code has an explanation. */
export function explains(code: string | null): boolean {
  return code !== null && explain(code) !== null;
}

function explain(asked: string): Explanation | null {
  const name = asked.trim();
  return (
    ofResultCode(name) ??
    ofRefusal(name.toUpperCase()) ??
    ofFinding(name.toLowerCase()) ??
    ofWarning(name) ??
    ofPage(name.toLowerCase()) ??
    ofMessage(name)
  );
}

/** Finds a code by name or number, with or without `SQLITE_`. */
function ofResultCode(name: string): Explanation | null {
  const upper = name.toUpperCase();
  const byNumber = /^\d+$/.test(name) ? `UNKNOWN_SQLITE_ERROR_${name}` : null;
  const known = [byNumber, upper, `SQLITE_${upper}`].map(each => (each === null ? null : resolveCode(each)));
  const found = known.find(each => each !== null && each !== undefined) ?? null;
  if (found === null) return null;
  const { code, row } = found;
  return {
    code,
    kind: `result code ${row.number} of SQLite, thrown as ${row.errorClass}`,
    meaning: row.meaning,
    action: row.hint,
    labels: labelsOf(row),
    page: null,
  };
}

function ofRefusal(code: string): Explanation | null {
  const entry = Object.entries(refusalCodes).find(([, row]) => row.code === code);
  if (entry === undefined) return null;
  const [name, row] = entry;
  return {
    code,
    kind: `${name} of safe-sqlite`,
    meaning: row.meaning,
    action: row.hint,
    labels: labelsOf(row),
    page: pageOf(code),
  };
}

/** Returns the section about an error that has many causes; `null` for the others. */
function pageOf(code: string): string | null {
  if (code === 'SAFE_SQLITE_FENCED') return sectionOf('fencing.md', 'three in the morning');
  const ofBackups: readonly string[] = [refusalCodes.BackupError.code, refusalCodes.RestoreError.code];
  return ofBackups.includes(code) ? sectionOf('backups.md', 'when a backup or a restore fails') : null;
}

function labelsOf({ retryable, fatal }: { readonly retryable: boolean; readonly fatal: boolean }): readonly string[] {
  return [
    ...(retryable ? ['The same call may succeed when it is tried again.'] : []),
    ...(fatal ? ['The connection cannot be used any more.'] : []),
  ];
}

function ofFinding(code: string): Explanation | null {
  if (!isFindingCode(code)) return null;
  const { meaning, action, levels, topic } = findingCodes[code];
  return {
    code,
    kind: `finding of the doctor (${topic}; ${levels.join(' or ')})`,
    meaning,
    action: action === '' ? 'There is nothing to do.' : action,
    labels: [],
    page: code === 'fenced' ? sectionOf('fencing.md', 'three in the morning') : sectionOf('filesystems.md', code),
  };
}

/** The table of docs/alerts.md has every warning. */
function ofWarning(code: string): Explanation | null {
  const cells = tableRowOf('alerts.md', code);
  if (cells === null) return null;
  const action = cells.at(-1) ?? '';
  const meaning = cells.length > 2 ? (cells[1] ?? '') : '';
  return { code, kind: 'event or warning of safe-sqlite', meaning, action, labels: [], page: null };
}

/** Finds a whole page by the name of its file. */
function ofPage(name: string): Explanation | null {
  if (!/^[a-z-]+$/.test(name)) return null;
  const page = sectionOf(`${name}.md`, null);
  return page === null ? null : { code: name, kind: 'page', meaning: '', action: '', labels: [], page };
}

/** Finds a pasted message by the headings of the page. */
function ofMessage(text: string): Explanation | null {
  if (text.length < 8) return null;
  const page = sectionOfMessage('troubleshooting.md', text) ?? sectionOf('troubleshooting.md', text);
  return page === null ? null : { code: text, kind: 'message', meaning: '', action: '', labels: [], page };
}

function describe({ code, kind, meaning, action, labels, page }: Explanation): string {
  // A page begins with its own title.
  const lines = kind === 'page' ? [] : [`${code}: ${kind}`];
  if (meaning !== '') lines.push('', wrap(plain(meaning)));
  if (action !== '') lines.push('', labelled('do:', plain(action), 5));
  for (const label of labels) lines.push(wrap(label, '     '));
  if (page !== null) lines.push('', page);
  return lines.join('\n').trim();
}

/** Reduces a Markdown link to its text: the page is on this disk under docs/. */
function plain(text: string): string {
  return text.replaceAll(/\[([^\]]+)\]\(([^)#]+)[^)]*\)/g, '$1 (docs/$2)');
}

function unknownCode(asked: string): UsageError {
  const names = [
    ...resultCodes.keys(),
    ...Object.values(refusalCodes).map(({ code }) => code),
    ...Object.keys(findingCodes),
  ];
  const near = [asked, asked.toUpperCase()]
    .map(form => ({ form, name: closest(form, names) }))
    .find(({ form, name }) => distance(form, name) <= Math.min(furthestMisspelling, Math.floor(form.length / 6)));
  const advice = near === undefined ? '' : ` Did you mean \`${near.name}\`?`;
  return new UsageError(`Nothing is known under \`${asked}\`.${advice}`);
}
