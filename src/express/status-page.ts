/** Writes the status page: the state of the database, in words and charts, for the operator on call. Pure. */
import { count, formatAge, formatBytes, formatDuration } from '../base/figures';
import type { DatabaseHealth } from '../health/health';
import type { Plan } from '../policy/plan';
import { drawChart, type Chart } from './chart';
import { html, type Html, type Value } from './html';
import { quantileOf, rateOf, riseOf, seriesOf, type Sample } from './status-history';
import { scriptElement, styleElement } from './status-style';

export interface PageFacts {
  readonly title: string;
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly pid: number;
  readonly samples: readonly Sample[];
}

/** The page of an open database. */
export function statusPage(health: DatabaseHealth, plan: Plan | null, facts: PageFacts): Html {
  const { status, reasons, refusal, next } = health;
  const main = html`<header class="${status}">
      <h1>${headlines[status]}</h1>
      <p>${health.file ?? 'a database without a file'}, ${time(facts.now)}</p>
      ${reasons.map(reason => html`<p class="reason">${withCode(reason)}</p>`)}
      ${refusal?.hint === null || refusal?.hint === undefined ? null : html`<p>${withCode(refusal.hint)}</p>`}
      ${next === null ? null : html`<p class="next">Next: <code>${next}</code></p>`}
      ${unsaid(health).map(message => html`<p>Warning: ${withCode(message)}</p>`)}
    </header>
    <section class="charts">
      ${chartsOf(health, facts.samples).map(chart => drawChart(chart, facts.now, spanOf(facts)))}
    </section>
    ${writeFacts(health)} ${readerFacts(health)} ${walFacts(health)} ${backupFacts(health)} ${openFacts(health, plan)}`;
  return documentOf(`${facts.title}: ${status}`, main, facts.pid);
}

/** What a hint has between backticks is code. */
function withCode(text: string): Value {
  return text.split('`').map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : part));
}

/** The warnings that no reason repeats: they stand above the charts, also while all is well. */
function unsaid({ warnings, reasons }: DatabaseHealth): readonly string[] {
  return warnings.map(({ message }) => message).filter(message => !reasons.some(reason => reason.includes(message)));
}

/** The page of a database whose health cannot be read. */
export function silentPage(state: string, reason: string, next: string, facts: PageFacts): Html {
  const main = html`<header class="fenced">
    <h1>The database is ${state}</h1>
    <p>${time(facts.now)}</p>
    <p class="reason">${reason}</p>
    <p class="next">Next: ${next}</p>
  </header>`;
  return documentOf(`${facts.title}: ${state}`, main, facts.pid);
}

const headlines = {
  ok: 'All is well',
  degraded: 'It works, but needs attention.',
  fenced: 'Out of service: nothing is written until an operator acts',
} as const;

function documentOf(title: string, main: Html, pid: number): Html {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <noscript><meta http-equiv="refresh" content="10" /></noscript>
        <title>${title}</title>
        ${styleElement}
      </head>
      <body>
        <main>
          ${main}
          <footer>What process ${pid} knows; other processes with the database open have their own.</footer>
        </main>
        ${scriptElement}
      </body>
    </html>`;
}

function chartsOf(health: DatabaseHealth, samples: readonly Sample[]): readonly Chart[] {
  const perSecond = (value: number): string => `${value < 10 ? value.toFixed(1) : Math.round(value)}/s`;
  const number = (value: number): string => value.toLocaleString('en');
  const age = (value: number): string => (value === 0 ? 'none' : formatAge(value));
  const noWal = health.refusal === null ? `no WAL: journal_mode is ${health.journalMode}` : 'out of service';
  const limit = health.checkpoints?.walLimitBytes ?? null;
  return [
    {
      title: 'Commits',
      points: rateOf(samples, ({ commits }) => commits.count),
      format: perSecond,
      empty: 'the first point comes with the second sample',
    },
    {
      title: 'Commit (95 %)',
      points: quantileOf(samples, 0.95),
      format: formatDuration,
      empty: 'no commit yet',
    },
    { title: 'WAL', points: seriesOf(samples, sample => sample.walBytes), format: formatBytes, limit, empty: noWal },
    {
      title: 'Checkpoints',
      points: riseOf(samples, ({ checkpoints }) => checkpoints?.complete ?? null),
      format: number,
      empty: noWal,
    },
    {
      title: 'Failed checkpoints',
      points: riseOf(samples, ({ checkpoints }) => checkpoints?.failed ?? null),
      format: number,
      empty: noWal,
    },
    {
      title: 'Busy readers',
      points: seriesOf(samples, sample => sample.readersBusy),
      format: number,
      limit: health.readers.mode === 'off' ? null : health.readers.max,
      empty: 'none yet',
    },
    {
      title: 'Blocked',
      points: seriesOf(samples, sample => (sample.checkpoints === null ? null : sample.blockedMs)),
      format: age,
      empty: noWal,
    },
    {
      title: 'Last backup',
      points: seriesOf(samples, sample => sample.backupAgeMs),
      format: age,
      empty: health.backups === null ? 'none are scheduled' : 'none yet',
    },
  ];
}

/** An hour, or as much as exists of it: the first minutes of a service deserve a whole chart. */
function spanOf({ samples, now }: PageFacts): number {
  const first = samples[0]?.at ?? now;
  return Math.min(3_600_000, Math.max(60_000, now - first));
}

function writeFacts({ writes, commitMs, faults }: DatabaseHealth): Html {
  const storage = Object.entries(faults).filter(([, number]) => number > 0);
  return section('Writes', [
    ['Waiting', waiting(writes)],
    ['Committed by db.write', `${figure(writes.committed)} in ${count(writes.batches, 'commit')}`],
    ['Commits in all', figure(commitMs.count)],
    ['Rejected', figure(writes.rejected)],
    ['Refused, because the queue was full', figure(writes.refused)],
    ['Faults', storage.length === 0 ? 'none' : storage.map(([name, number]) => html`<div>${name}: ${number}</div>`)],
  ]);
}

/** Its own readers; those of other processes show by what they block. */
function readerFacts({ readers }: DatabaseHealth): Html {
  const { mode, max, busy, queued, running } = readers;
  if (mode === 'off') return section('Readers', [['Used', 'no: the option `readers` is off']]);
  const queries = running.map(({ sql, ageMs, pid }) => {
    const where = pid === null ? '' : `, process ${pid}`;
    return html`<div>${formatAge(ageMs)}${where}: ${sql ?? 'between two queries'}</div>`;
  });
  return section('Readers', [
    ['Busy', `${busy} of ${max}`],
    ['Waiting', figure(queued)],
    ['Running', queries.length === 0 ? 'nothing' : queries],
  ]);
}

function walFacts({ checkpoints, journalMode, refusal }: DatabaseHealth): Html | null {
  // Of a database that is out of service only the reason is known.
  if (refusal !== null) return null;
  if (checkpoints === null) return section('WAL', [['Used', `no: journal_mode is ${journalMode}`]]);
  const { owner, walBytes, walLimitBytes, pendingBytes, lastCompleteAgeMs, blocked, failed, counts } = checkpoints;
  return section('WAL', [
    ['Size', `${formatBytes(walBytes)} of ${formatBytes(walLimitBytes)}`],
    ['Not yet in the database', formatBytes(pendingBytes)],
    ['Checkpointed by', owner === 'self' ? 'this process' : owner === 'external' ? 'another program' : 'no program'],
    ['Last complete checkpoint', ago(lastCompleteAgeMs)],
    ['Checkpoints', Object.entries(counts).map(([outcome, number]) => html`<div>${outcome}: ${figure(number)}</div>`)],
    ['Blocked', blocked === null ? 'no' : `${blocked.consecutive} in a row, for ${formatAge(blocked.forMs)}`],
    ['Failed', failed === null ? 'no' : `${failed.consecutive} in a row: ${failed.message}`],
  ]);
}

function backupFacts({ backups }: DatabaseHealth): Html {
  if (backups === null) {
    return section('Backups', [['Scheduled', 'no: the option `backup` schedules them']]);
  }
  const { lastBackup, next, running, failures, lastError } = backups;
  return section('Backups', [
    ['Last', ago(lastBackup?.ageMs ?? null)],
    ['File', lastBackup?.path ?? 'none yet'],
    ['Next', running ? 'running' : next === null ? 'not known yet' : time(Date.parse(next))],
    ['Failed since', failures === 0 ? 'no' : `${count(failures, 'time')}: ${lastError ?? ''}`],
  ]);
}

function openFacts(
  { filesystem, space, journalMode, synchronous, sqliteVersion, sentinel, warnings, refusal }: DatabaseHealth,
  plan: Plan | null,
): Html {
  return section('The file and its disk', [
    [
      'Filesystem',
      filesystem === null ? 'no file' : `${filesystem.type} (${filesystem.class}) at ${filesystem.mountPoint}`,
    ],
    ...roomOf(space),
    ['SQLite', `${sqliteVersion}, journal_mode=${journalMode}, synchronous=${synchronous}`],
    ['Decided at open', (plan?.reasons ?? []).map(reason => html`<div>${reason}</div>`)],
    ['Warnings at open', warnings.length === 0 ? 'none' : warnings.map(({ message }) => html`<div>${message}</div>`)],
    // Out of service, nothing is watched, and the sentinel has nothing to say.
    ...(refusal === null ? [['Locks', locksOf(sentinel)] as const] : []),
  ]);
}

function locksOf(sentinel: DatabaseHealth['sentinel']): string {
  if (sentinel === null) return 'no file';
  const { locks, checks, reason } = sentinel;
  return reason === null ? `${locks}, ${count(checks, 'check')}` : `${locks}: ${reason}`;
}

function roomOf(space: DatabaseHealth['space']): readonly (readonly [string, Value])[] {
  if (space === null) return [];
  const { freeBytes, totalBytes, freeInodes, totalInodes } = space;
  const inodes = totalInodes === 0 ? '' : `, ${figure(freeInodes)} of ${figure(totalInodes)} inodes`;
  return [['Free', `${formatBytes(freeBytes)} of ${formatBytes(totalBytes)}${inodes}`]];
}

function section(title: string, rows: readonly (readonly [name: string, value: Value])[]): Html {
  const row = ([name, value]: (typeof rows)[number]): Html =>
    html`<dt>${name}</dt>
      <dd>${value}</dd>`;
  return html`<section>
    <h2>${title}</h2>
    <dl>${rows.map(row)}</dl>
  </section>`;
}

function waiting({ queued, oldestMs, waitsFor }: DatabaseHealth['writes']): string {
  if (queued === 0) return 'none';
  const obstacle = waitsFor === null ? '' : `, for the ${waitsFor}`;
  return `${figure(queued)}${obstacle}, the oldest for ${formatDuration(oldestMs ?? 0)}`;
}

function figure(value: number): string {
  return value.toLocaleString('en');
}

function ago(milliseconds: number | null): string {
  return milliseconds === null ? 'none yet' : `${formatAge(milliseconds)} ago`;
}

function time(milliseconds: number): string {
  return Number.isNaN(milliseconds)
    ? 'not known'
    : `${new Date(milliseconds).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}
