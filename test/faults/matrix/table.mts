/** docs/faults.md: written from the outcomes of a long run, and read back by the test that compares it with the code. */
import type { Cell, FaultName } from './cells.mts';
import { acceptedReasons, summarize } from './judge.mts';
import { operations } from './operations.mts';
import type { Outcome } from './run.mts';
import type { SubjectName } from '../subject.mts';

/** What became of one fault at one call of one file, over every n and both durations. */
export type Row = Readonly<Record<SubjectName, readonly string[]>>;

/** Key: operation, call, target, fault; see `rowKey`. */
export type FaultTableRows = ReadonlyMap<string, Row>;

export function rowKey(cell: Pick<Cell, 'operation' | 'call' | 'target' | 'fault'>): string {
  return [cell.operation, callName(cell.call), cell.target, cell.fault].join(' ');
}

/** Which of the two SQLite calls for a sync is a matter of its build; one name stands for both. */
function callName(call: string): string {
  return call === 'fdatasync' ? 'fsync' : call;
}

export function collectRows(outcomes: readonly Outcome[]): FaultTableRows {
  const rows = new Map<string, Record<SubjectName, string[]>>();
  for (const outcome of outcomes) {
    const key = rowKey(outcome.cell);
    const row = rows.get(key) ?? { raw: [], ours: [] };
    const words = summarize(outcome);
    if (words !== 'not reached' && !row[outcome.subject].includes(words)) row[outcome.subject].push(words);
    rows.set(key, row);
  }
  for (const row of rows.values()) for (const words of [row.raw, row.ours]) words.sort();
  return rows;
}

/**
 * What one outcome says against the table; `null` when it is in it.
 *
 * Which calls a checkpoint of the scheduler makes is settled between two threads, so its rows may grow by a few words.
 */
export function contradiction(outcome: Outcome, rows: FaultTableRows): string | null {
  const words = summarize(outcome);
  const row = rows.get(rowKey(outcome.cell));
  if (words === 'not reached' || outcome.cell.operation === 'commit-scheduled') return null;
  if (row === undefined) return `no row ${rowKey(outcome.cell)}`;
  const known = row[outcome.subject];
  return known.includes(words) ? null : `${rowKey(outcome.cell)}: ${words}, the table says ${join(known)}`;
}

/** Rows that the cells ask for and the table lacks, and rows that nothing asks for. */
export function differingKeys(cells: readonly Cell[], rows: FaultTableRows): string[] {
  const asked = new Set(cells.filter(({ operation }) => operation !== 'commit-scheduled').map(rowKey));
  const written = [...rows.keys()].filter(key => !key.startsWith('commit-scheduled '));
  return [
    ...[...asked].filter(key => !rows.has(key)).map(key => `missing: ${key}`),
    ...written.filter(key => !asked.has(key)).map(key => `left over: ${key}`),
  ];
}

const nothing = '–';
const between = ' · ';

export function renderTable(rows: FaultTableRows, command: string): string {
  const sections = operations.map(operation => {
    const lines = [...rows]
      .filter(([key]) => key.startsWith(`${operation.name} `))
      .map(([key, row]) => {
        const [, call, target, fault] = key.split(' ');
        return `| ${call} | ${target} | ${fault} | ${join(row.raw)} | ${join(row.ours)} |`;
      });
    return [
      `## ${operation.name}`,
      '',
      `${sentence(operation.title)}.`,
      '',
      '| call | file | fault | better-sqlite3 | safe-sqlite |',
      '| --- | --- | --- | --- | --- |',
      ...lines,
    ].join('\n');
  });
  return `${preamble(command)}\n\n${sections.join('\n\n')}\n`;
}

export function parseTable(text: string): FaultTableRows {
  const rows = new Map<string, Row>();
  let operation = '';
  for (const line of text.split('\n')) {
    if (line.startsWith('## ')) operation = line.slice(3).trim();
    const cells = line.split('|').map(cell => cell.trim());
    const [, call = '', target = '', fault = '', rawWords = '', oursWords = ''] = cells;
    if (cells.length !== 7 || call === 'call' || call.startsWith('---')) continue;
    const key = rowKey({ operation, call: call as Cell['call'], target, fault: fault as FaultName });
    rows.set(key, { raw: split(rawWords), ours: split(oursWords) });
  }
  return rows;
}

function join(words: readonly string[]): string {
  return words.length === 0 ? nothing : words.join(between);
}

function split(words: string): string[] {
  return words === nothing ? [] : words.split(between);
}

function sentence(title: string): string {
  return title.charAt(0).toUpperCase() + title.slice(1);
}

function preamble(command: string): string {
  return `# What each fault becomes

Written by \`${command}\`; do not edit. It needs Linux, glibc and a C compiler.

Each operation is run again and again, and each time one system call of it fails: the first, the second, and so on to
the last, once transiently and once permanently. The table merges every n and both durations. After each run three copies
of the files are opened with plain SQLite: as a crash right after the fault leaves them, as a crash after one more
commit leaves them, and as \`close()\` leaves them. Each must pass \`integrity_check\` and hold every acknowledged
transaction, whole.

- a code: what the operation throws; \`(outcome unknown)\` is \`commitOutcome: 'unknown'\`; \`fenced\`: every later call
  on the file throws \`SAFE_SQLITE_FENCED\`; \`event:\` is reported by the event \`checkpointFailed\`
- ok: success was reported, and it is the truth; \`(read-only)\`: SQLite falls back to reading the file
- **silent**: success was reported although the fault kept the operation from what it promises
- **lost**: an acknowledged transaction or backup is not there, or one that was denied is
- **stuck**: the error was reported, the fault is over, and the connection still does not work
- ${nothing}: the operation makes no such call there, or the subject has no such operation

\`fsync\` stands for fdatasync(2) too; \`dirsync\` is the sync of a folder; \`folder\` the database's folder; \`copy\` the
destination of the backup, \`temporary\` the file it is built in; \`attached\` the second database.

When success is right although a call failed:

${acceptedReasons.map(reason => `- ${reason}`).join('\n')}`;
}
