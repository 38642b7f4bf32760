// Writes docs/checkpoint-latency.md and its chart from bench/results/checkpoint-latency.json.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { format as prettify } from 'prettier';
import { groupedBars } from './charts/grouped-bars.mjs';
import { machineTable } from './machine-table.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const results = JSON.parse(readFileSync('bench/results/checkpoint-latency.json', 'utf8'));
const { machine, rows, takenAt, rounds, seconds } = results;

const columns = [
  ['p50', 'p50'],
  ['p99', 'p99'],
  ['p999', 'p99.9'],
  ['longestStall', 'longest stall'],
];

function rounded(value) {
  return value >= 10 ? String(Math.round(value)) : value.toFixed(1);
}

function chart(load) {
  const shown = rows.filter(row => row.load === load);
  return groupedBars({
    title: `Commits under a ${load} load and the longest stall of the event loop, in milliseconds: less is better`,
    label: `Latency of commits under a ${load} load, for raw better-sqlite3 and safe-sqlite`,
    subjects: ['raw FULL, automatic checkpoint', 'safe-sqlite'],
    axis: '',
    format: rounded,
    panels: shown.map(({ disk, raw, ours }) => ({
      title: disk,
      groups: columns.map(([field, name]) => ({ name, values: [raw[field], ours[field]] })),
    })),
  });
}

function table(load) {
  const head = '| disk | | commits a second | p50 | p99 | p99.9 | longest stall | largest WAL |';
  const rule = '| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |';
  const lines = rows
    .filter(row => row.load === load)
    .flatMap(({ disk, raw, ours, ratios }) => [
      line(disk, 'raw', raw),
      line('', 'safe-sqlite', ours),
      `| | ratio | ${['perSecond', 'p50', 'p99', 'p999', 'longestStall'].map(field => ratios[field].toFixed(2)).join(' | ')} | |`,
    ]);
  return [head, rule, ...lines].join('\n');
}

function line(disk, subject, run) {
  const times = columns.map(([field]) => `${rounded(run[field])} ms`);
  return `| ${disk} | ${subject} | ${Math.round(run.perSecond)} | ${times.join(' | ')} | ${(run.walBytes / 2 ** 20).toFixed(1)} MiB |`;
}

/** A commit with a second sync takes at most twice as long as one without. */
function floors() {
  return rows
    .filter(({ load, syncMs }) => load === 'steady' && syncMs > 0)
    .map(({ disk, raw, ours }) => {
      const floor = Math.min(raw.p50, ours.p50) * 2;
      return `| ${disk} | ${rounded(floor)} ms | ${rounded(raw.p999)} ms | ${(floor / raw.p999).toFixed(2)} | ${(ours.p999 / raw.p999).toFixed(2)} |`;
    })
    .join('\n');
}

const page = `<!-- Written by scripts/checkpoint-latency-page.mjs from bench/results/checkpoint-latency.json; \`npm run bench:page\`. -->

# Latency of commits beside checkpoints

better-sqlite3 checkpoints inside of the COMMIT that finds 1000 pages in the WAL: that commit pays for copying them and for two
more syncs, and the next one for starting the WAL over. This library checkpoints in a thread ([how](checkpoints.md)).

${machineTable(machine, `${takenAt.slice(0, 10)}, ${rounds} rounds of ${seconds} s`)}

A transaction changes 24 rows all over a table of 60 000, some 60 pages. Its time is that of the whole transaction in the thread of
the application; a stall is a time in which its event loop did not turn.

## Steady: one transaction in each period, as a server has them

![Steady load](charts/checkpoints-steady.svg)

${table('steady')}

## Saturated: one transaction after the other, without a pause

![Saturated load](charts/checkpoints-saturated.svg)

${table('saturated')}

## What cannot be had

A WAL that starts over has a new header, and that is synced before the first frame (a power cut in between would bring back
old frames over newer pages): one commit in each turn of the WAL has two syncs, with any checkpointer. The limit of the WAL
makes that more than one commit in a thousand here, so that p99.9 and the longest stall cannot be below it: twice a usual
commit. Where every sync is slow, that alone is a good part of what the automatic checkpoint costs: the COMMIT of better-sqlite3
that checkpoints has three syncs (\`test/checkpoint/syncs.test.mts\` counts them), so that a quarter of it would be less than
the one sync which makes any commit durable.

| disk, steady | two syncs | raw p99.9 | the least ratio | measured |
| --- | ---: | ---: | ---: | ---: |
${floors()}

## How to measure

\`npm run bench:page\` measures and writes this page again; \`node bench/checkpoint-latency.mts [rounds] [seconds]\` measures alone. The
slow disks are made by a preloaded library that sleeps before each \`fsync\` and \`fdatasync\`. The subjects run in turns, each run in
a process of its own, so the ratios hold better than the numbers do. Anything else that uses the disk shows in the highest
quantiles first.
`;

mkdirSync('docs/charts', { recursive: true });
for (const load of ['steady', 'saturated']) writeFileSync(`docs/charts/checkpoints-${load}.svg`, chart(load));
writeFileSync(
  'docs/checkpoint-latency.md',
  await prettify(page, { ...JSON.parse(readFileSync('.prettierrc.json', 'utf8')), parser: 'markdown' }),
);
