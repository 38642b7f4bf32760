// Writes docs/performance-alternatives.md and its chart from bench/results/alternatives.json, so that no number is typed by hand.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { format as prettify } from 'prettier';
import { rowBars } from './charts/row-bars.mjs';
import { machineTable } from './machine-table.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const results = JSON.parse(readFileSync('bench/results/alternatives.json', 'utf8'));
const { machine, versions, slowMs, backupMiB, rows, takenAt } = results;
const base = rows.find(({ subject }) => subject === 'better-sqlite3, FULL');

function whole(value) {
  return Math.round(value).toLocaleString('en-US').replaceAll(',', ' ');
}

function times(factor) {
  return factor >= 10 ? Math.round(factor) : factor.toFixed(2);
}

/** A number with its ratio to that of better-sqlite3 with FULL. */
function rate(row, field) {
  const value = row[field];
  if (value === null) return '–';
  return base[field] === null ? whole(value) : `${whole(value)} (${times(value / base[field])} ×)`;
}

function milliseconds(row, field) {
  const value = row[field];
  return value === null ? '–' : `${value >= 10 ? whole(value) : value.toFixed(1)} ms`;
}

/** Columns: heading and what a cell shows. Rows without any number are left out. */
function table(columns) {
  const lines = rows
    .map(row => [row.subject, ...columns.map(([, cell]) => cell(row))])
    .filter(([, ...cells]) => cells.some(cell => cell !== '–'))
    .map(cells => `| ${cells.join(' | ')} |`);
  const head = `| | ${columns.map(([heading]) => heading).join(' | ')} |`;
  return [head, `| --- |${columns.map(() => ' ---: |').join('')}`, ...lines].join('\n');
}

const rated = (heading, field) => [heading, row => rate(row, field)];
const timed = (heading, field) => [heading, row => milliseconds(row, field)];
const hasSlowDisk = base.slowWrite !== null;

const chart = rowBars({
  title: 'Durable writes a second, 64 callers',
  label: 'Durable writes a second with 64 concurrent callers, by library',
  rows: rows
    .filter(({ write64 }) => write64 !== null)
    .map(({ subject, write64 }) => ({
      name: subject,
      value: write64,
      shown: whole(write64),
      subject: subject.startsWith('safe-sqlite') ? 2 : subject.includes('NORMAL') ? 1 : 0,
    })),
});

const page = `<!-- Written by scripts/alternatives-page.mjs from bench/results/alternatives.json; \`npm run bench:alternatives\`. -->

# Speed beside the alternatives

better-sqlite3, \`node:sqlite\` and libsql do the same work as this library, each in a process of its own, asked in turns. All
use WAL, and \`synchronous=FULL\` except where NORMAL is named: with NORMAL the commits since the last checkpoint are lost
when the power fails. In brackets: the ratio to better-sqlite3 with FULL.

${machineTable(machine, takenAt.slice(0, 10))}

${Object.entries(versions)
  .map(([name, version]) => `${name} ${version}`)
  .join(', ')}.

## Reads

One caller. \`db.reader\` reads in a process of its own: a call costs a message there and back, and the event loop stays free.

${table([rated('a row by its key, a second', 'read'), rated('100 rows, a second', 'readHundred')])}

## Durable writes

![Durable writes a second, 64 callers](charts/alternatives.svg)

${table([rated('1 caller, a second', 'write'), rated('64 callers, a second', 'write64'), rated('256 callers, a second', 'write256')])}
${
  hasSlowDisk
    ? `
The same where every sync takes ${slowMs} ms more, as on a cloud volume:

${table([rated('1 caller, a second', 'slowWrite'), rated('64 callers, a second', 'slowWrite64'), rated('256 callers, a second', 'slowWrite256')])}
`
    : ''
}
## A service

An Express server with 64 clients, three reads to one durable write; and many rows in one transaction.

${table([rated('requests a second', 'express'), timed('p99', 'expressP99Ms'), rated('rows a second in one transaction', 'load')])}

## A long report, and a backup

One caller writes while a report of some 400 ms runs. Only \`db.reader\` lets the event loop go on. The backup is of
${backupMiB} MiB; that of this library also checks the copy and syncs it, libsql's is \`VACUUM INTO\`.

${table([rated('writes a second beside the report', 'besideReport'), timed('event loop stood still', 'reportStallMs'), timed('backup', 'backupMs'), timed('event loop stood still in it', 'backupStallMs')])}

## How to measure

\`npm run bench:alternatives\` measures and writes this page again. The ratios hold better than the numbers.
`;

mkdirSync('docs/charts', { recursive: true });
writeFileSync('docs/charts/alternatives.svg', chart);
writeFileSync(
  'docs/performance-alternatives.md',
  await prettify(page, { ...JSON.parse(readFileSync('.prettierrc.json', 'utf8')), parser: 'markdown' }),
);
