// Writes docs/performance.md and its charts from bench/results/{group-commit,many,idle-databases,before,between-syncs}.json, so that no number is typed by hand.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { format as prettify } from 'prettier';
import { groupedBars } from './charts/grouped-bars.mjs';
import { rowBars } from './charts/row-bars.mjs';
import { machineTable } from './machine-table.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const resultsOf = name => JSON.parse(readFileSync(`bench/results/${name}.json`, 'utf8'));
const results = resultsOf('group-commit');
const { machine: manyMachine, costs } = resultsOf('many');
const idle = resultsOf('idle-databases');
const before = resultsOf('before');
const syncs = resultsOf('between-syncs');
const added = each => (each['calls and commits'] - each.commits).toFixed(1);
const { machine, bare, http, contention, slowMs, takenAt } = results;
const subjects = ['raw FULL', 'raw NORMAL', 'safe-sqlite'];
const shownSubjects = ['raw FULL', 'raw NORMAL (loses commits when the power fails)', 'safe-sqlite (FULL, db.write)'];
const slowDisk = `every sync takes ${slowMs} ms more`;

/** Two or three digits, for the place above a bar. */
function short(value) {
  if (value >= 10_000) return `${Math.round(value / 1000)}k`;
  if (value >= 1000) return `${Number((value / 1000).toFixed(1))}k`;
  return value >= 10 ? String(Math.round(value)) : String(Number(value.toFixed(1)));
}

/** autocannon counts whole milliseconds. */
function shortMs(value) {
  return value === 0 ? '<1' : String(Math.round(value));
}

function panel(title, rows, field) {
  const callers = [...new Set(rows.map(row => row.callers))];
  const groups = callers.map(count => ({
    name: String(count),
    values: subjects.map(subject => find(rows, subject, count)?.[field] ?? null),
  }));
  return { title, groups };
}

function find(rows, subject, callers) {
  return rows.find(row => row.subject === subject && row.callers === callers);
}

function panels({ disk, slow }, field) {
  return [panel('this disk', disk, field), ...(slow === null ? [] : [panel(slowDisk, slow, field)])];
}

const charts = {
  'writes-bare.svg': groupedBars({
    title: 'Writes a second in one process',
    label: 'Writes a second by number of concurrent callers, for raw FULL, raw NORMAL and safe-sqlite',
    subjects: shownSubjects,
    axis: 'concurrent callers',
    format: short,
    panels: panels(bare, 'perSecond'),
  }),
  'writes-http.svg': groupedBars({
    title: 'Requests a second through Express, one write each',
    label: 'Requests a second by number of connections, for raw FULL, raw NORMAL and safe-sqlite',
    subjects: shownSubjects,
    axis: 'connections',
    format: short,
    panels: panels(http, 'perSecond'),
  }),
  'latency-http.svg': groupedBars({
    title: 'Slowest hundredth of the requests through Express (p99), in milliseconds: less is better',
    label: 'Latency p99 by number of connections, for raw FULL, raw NORMAL and safe-sqlite',
    subjects: shownSubjects,
    axis: 'connections',
    format: shortMs,
    panels: panels(http, 'p99Ms'),
  }),
  'stall.svg': rowBars({
    title: `Longest standstill of the event loop while another process holds the lock for ${contention[0].heldMs} ms`,
    label: 'Longest standstill of the event loop under contention',
    rows: contention.map(({ subject, longestStallMs }) => ({
      name: subject,
      value: longestStallMs,
      shown: `${Math.round(longestStallMs)} ms`,
      subject: subject === 'safe-sqlite' ? 2 : 0,
    })),
  }),
};

function table(rows, unit) {
  const head = `| ${unit} | subject | a second | of raw FULL | p50 | p99 |\n| ---: | --- | ---: | ---: | ---: | ---: |`;
  const lines = rows.map(({ subject, callers, perSecond, p50Ms, p99Ms }) => {
    const factor = perSecond / (find(rows, 'raw FULL', callers)?.perSecond ?? Number.NaN);
    const cells = [callers, subject, whole(perSecond), `${times(factor)} ×`, milliseconds(p50Ms), milliseconds(p99Ms)];
    return `| ${cells.join(' | ')} |`;
  });
  return [head, ...lines].join('\n');
}

function whole(value) {
  return Math.round(value).toLocaleString('en-US').replaceAll(',', ' ');
}

function times(factor) {
  return factor >= 10 ? Math.round(factor) : factor.toFixed(2);
}

/** autocannon counts whole milliseconds. */
function milliseconds(value) {
  return value === 0 ? '< 1 ms' : `${value >= 10 ? Math.round(value) : Number(value.toPrecision(2))} ms`;
}

function section(title, { disk, slow }, unit) {
  const parts = [`### ${title}, this disk`, table(disk, unit)];
  if (slow !== null) parts.push(`### ${title}, ${slowDisk}`, table(slow, unit));
  return parts.join('\n\n');
}

function factorAt(rows, callers, other) {
  const ours = find(rows, 'safe-sqlite', callers);
  const theirs = find(rows, other, callers);
  return `${times(ours.perSecond / theirs.perSecond)} ×`;
}

const aloneRow = bare.disk.find(({ subject }) => subject.startsWith('safe-sqlite,'));
const alone = aloneRow && aloneRow.perSecond / find(bare.disk, 'raw FULL', 1).perSecond;
const newRatio = find(bare.disk, 'safe-sqlite', 1).newPerSecond / find(bare.disk, 'raw FULL', 1).newPerSecond;
const rawStall = contention.find(({ subject }) => subject !== 'safe-sqlite');
const ourStall = contention.find(({ subject }) => subject === 'safe-sqlite');
const manyRows = costs
  .filter(({ subject }) => subject === 'ours')
  .map(ours => {
    const raw = costs.find(
      each => each.subject === 'raw' && each.files === ours.files && each.handles === ours.handles,
    );
    const cell = key => `${ours[key]} (${raw[key]})`;
    return `| ${ours.files} | ${ours.handles} | ${cell('openMs')} | ${cell('lastOpenMs')} | ${cell('closeMs')} | ${cell('memoryKiB')} | ${cell('descriptors')} |`;
  });

const beforeRows = before.rows.map(row => `| ${row.what} | ${row.rawUs} µs | ${row.before} × | ${row.now} × |`);

const page = `<!-- Written by scripts/performance-page.mjs from bench/results; \`npm run bench:page\`. -->

# Performance

Every write here is durable: \`synchronous=FULL\`, so that a commit returns after its sync. The exception is the
bar "raw NORMAL": better-sqlite3 in WAL mode as it is built, which loses the commits since the last checkpoint when the
power fails. It is there because it is what people turn to for speed.

${machineTable(machine, takenAt.slice(0, 10))}

With 64 callers \`db.write\` makes ${factorAt(bare.disk, 64, 'raw FULL')} as many writes as raw FULL and ${factorAt(bare.disk, 64, 'raw NORMAL')} as many as
raw NORMAL on this disk${bare.slow === null ? '' : `, and ${factorAt(bare.slow, 64, 'raw FULL')} and ${factorAt(bare.slow, 64, 'raw NORMAL')} where ${slowDisk}`}; with 256 callers ${factorAt(bare.disk, 256, 'raw FULL')} and ${factorAt(bare.disk, 256, 'raw NORMAL')} on this disk; a single caller gets ${factorAt(bare.disk, 1, 'raw FULL')} of raw FULL
on this disk${alone === undefined ? '' : ` (${times(alone)} × with \`sentinel: { onCommit: false }\`: before each commit the locks and files are checked, which many writes share)`}${bare.slow === null ? '' : `, and ${factorAt(bare.slow, 1, 'raw FULL')} on the slow one`}.

## Group commit

![Writes a second in one process](charts/writes-bare.svg)

Each caller begins a write in its own turn of the event loop and waits for it before the next; the latency counts from
the moment it wants to begin. One row is inserted by each write. The databases have been written to for some seconds, so
that every \`-wal\` has the size that it keeps: while it grows, a sync also writes the metadata of the file. In the first
moments of a new database a single caller gets ${times(newRatio)} × of raw FULL on this disk: raw better-sqlite3 starts its WAL over at
4 MB, this library later, to keep checkpoints out of the way of commits ([latency](checkpoint-latency.md)).

![Requests a second through Express](charts/writes-http.svg)

![Slowest hundredth of the requests](charts/latency-http.svg)

An Express 5 server answers \`POST\` requests of autocannon, which runs in a process of its own on the same machine.
autocannon counts latencies in whole milliseconds.

## Waiting for a lock

![Longest standstill of the event loop](charts/stall.svg)

Another process holds the write lock for ${rawStall.heldMs} ms. better-sqlite3 sleeps inside SQLite, and the event loop stands
still for ${Math.round(rawStall.longestStallMs)} ms: no other request is answered. \`db.write\` lets go of it: the longest standstill was
${Math.round(ourStall.longestStallMs)} ms, and the write was stored ${Math.round(ourStall.answeredMs)} ms after it was asked for.

## Many connections, many files

${manyMachine.cpu}, ${manyMachine.cores} cores, ${manyMachine.filesystem}; \`node bench/many.mts\`. Each line is a process of its own that opens every handle, reads
once through it, and closes all at the end. In brackets: better-sqlite3. The first open of a file lists the descriptors of the process, to find
another copy of SQLite or a plain descriptor on it: that is why the last of 600 files takes longer than the first
([decision 0012](decisions/0012-each-first-open-looks-at-every-descriptor.md)).

| files | handles of each | open and read, ms | of the last tenth | close, ms | memory of a handle, KiB | descriptors of a handle |
| ---: | ---: | ---: | ---: | ---: | ---: | ---: |
${manyRows.join('\n')}

${idle.asItIs.databases} idle databases, each with one connection (\`node bench/idle-databases.mts\`), after the checks have come to rest: ${idle.warm.percentOfCore} % of a core, and the longest turn of the
event loop takes ${idle.warm.longestTurnMs} ms; a process without databases takes ${idle.empty.percentOfCore} % and ${idle.empty.longestTurnMs} ms, so that the databases cost ${(idle.warm.percentOfCore - idle.empty.percentOfCore).toFixed(1)} %. Another process keeps the memory warm for that: the host of this virtual
machine takes unused memory away, and the first touch of a page that rested for five seconds costs ${idle.coldPageMicroseconds} µs here, which is under 1 µs on a
machine that keeps its memory. With that cost in it, the same work takes ${idle.asItIs.percentOfCore} % and ${idle.asItIs.longestTurnMs} ms.

## Opens and single writers

\`node bench/before.mts\`, on ${before.machine.cpu}, ${before.machine.cores} cores: the quietest calls of a run beside those of better-sqlite3 with
\`synchronous=FULL\`, now and at commit ${before.before}. The first four are in memory, where nothing hides what this library
does; the others are on ${before.machine.filesystem}, on a disk that other virtual machines share: they differ by a third from run to run.
A statement in memory costs more than at that commit, because the check before each commit proves more; in \`db.write\` many callers share it.

| what | better-sqlite3 | before | now |
| --- | ---: | ---: | ---: |
${beforeRows.join('\n')}

An open, a read and a close are ${Math.round(before.systemCalls.now)} system calls of the main thread, which were ${Math.round(before.systemCalls.before)}; better-sqlite3 makes ${Math.round(before.systemCalls.raw)}. Of those
that this library adds, about 30 list the descriptors of the process (one of Node has some 24 before it opens anything) and look at
each, before the first connection to a file. The others ask for the mounts, each folder along the path, the names and rights of the database and its
sidecars, the locks that are held and whether the system shows them, and once more before the close.
A single open in memory is little faster than it was, because it proves more than at that commit: what the files contain, and how SQLite
was allowed to open them.
A commit in memory costs what the check before it costs: two texts of the kernel with the locks of the process, and one call
each for the folder, the index, the end of the WAL and the database.

On disk the same check costs more: a process that has waited for a sync goes on with cold caches. Six calls of \`fs\` like those of the
check take ${syncs.disk.calls} µs alone; in front of a commit of better-sqlite3 they add ${added(syncs.memory)} µs in memory and ${added(syncs.disk)} µs on disk
(\`node bench/between-syncs.mts\`). That is a part of why one caller alone writes slower than with better-sqlite3, and not all of it; with more callers group
commit shares the check and the sync. While the \`-wal\` of a new file grows, each sync also writes its inode, here as in better-sqlite3;
after a thousand commits (one page each), or some more here, both begin to write over it.

## The numbers

${section('One process', bare, 'callers')}

${section('Express', http, 'connections')}

## How to measure

\`npm run bench:page\` measures all of this and writes the page again, on a machine that does nothing else; it takes half an hour. The slow disk is made by a preloaded library that sleeps before
each \`fsync\` and \`fdatasync\` (Linux with a C compiler; elsewhere its columns are left out). All subjects of one row run
in turns in the same minute, so the ratios hold better than the numbers do.

The same work beside \`node:sqlite\` and libsql, with reads, a bulk load, a backup and a long report: [beside the alternatives](performance-alternatives.md).
`;

mkdirSync('docs/charts', { recursive: true });
for (const [name, chart] of Object.entries(charts)) writeFileSync(`docs/charts/${name}`, chart);
writeFileSync(
  'docs/performance.md',
  await prettify(page, { ...JSON.parse(readFileSync('.prettierrc.json', 'utf8')), parser: 'markdown' }),
);
