// Writes the section "Measured" of docs/reader.md from bench/results/readers*.json.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { format as prettify, resolveConfig } from 'prettier';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const resultsOf = name => JSON.parse(readFileSync(`bench/results/${name}.json`, 'utf8'));
const { machine, runs, clients, reportMs, thinkMs, seconds, roundTripMs, reportsAlone } = resultsOf('readers');
const runaway = resultsOf('readers-runaway');
const orphans = resultsOf('readers-orphans');
const sizes = resultsOf('readers-sizes');

const names = {
  none: 'no database, the same routes',
  raw: 'better-sqlite3, report in place',
  'raw-worker': 'better-sqlite3, hand-written worker thread',
  ours: '`db.reader`',
};
const run = (pauseMs, manner, streams) =>
  runs.find(each => each.pauseMs === pauseMs && each.manner === manner && each.streams === streams);
const ms = value => (value >= 10 ? String(Math.round(value)) : value.toFixed(1));

function stallOf({ stall, stalls: [longest] }) {
  return `${ms(stall)} (${ms(longest.cpuMs)} + ${ms(longest.queuedMs)} + ${ms(longest.blockedMs)})`;
}

function service(pauseMs) {
  const lines = Object.entries(names).map(([manner, name]) => {
    const alone = run(pauseMs, manner, 0);
    const beside = run(pauseMs, manner, 1);
    if (beside === undefined) return `| ${name} | ${ms(alone.p99)} | | | ${stallOf(alone)} | | |`;
    const times = (beside.p99 / alone.p99).toFixed(1);
    return `| ${name} | ${ms(alone.p99)} | ${ms(beside.p99)} | ${times} | ${stallOf(alone)} | ${stallOf(beside)} | ${beside.reportsPerSecond} |`;
  });
  return [
    '| | p99 alone | p99 beside reports | times | longest stall alone | beside reports | reports a second |',
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: |',
    ...lines,
  ].join('\n');
}

const runaways = runaway.table.map(
  row =>
    `| ${row.name} | ${row.processEndedMs} | ${row.endedMs} | ${row.writes} | ${row.checkpointComplete ? 'yes' : 'no'} | ${row.memoryBefore} | ${row.memoryAfter} |`,
);
const results = sizes.table.map(
  ({ name, ms: took, stall }) => `| ${name} | ${took} | ${ms(stall.ms)} | ${ms(stall.cpuMs)} | ${ms(stall.gcMs)} |`,
);
const { kills } = runaway;

const section = `## Measured

<!-- Written by scripts/readers-page.mjs from bench/results/readers*.json; \`npm run bench:readers\`. -->

On ${machine.cores} cores that other work shared (${machine.system}, Node ${machine.node.replace('v', '')}): compare the lines, not the numbers. An Express
server, ${clients} clients with small reads and one durable write in four requests, beside one endless stream of reports of
${reportMs} ms; milliseconds. A longest stall of the event loop is split into CPU time of the thread, time in which others had the
cores, and time in system calls (fsync). One turn of the event loop answers up to ${clients} requests, which Node does without a
break: the first line shows what that costs without a database.

Clients that pause for some ${thinkMs} ms after each answer, as users do (${Math.round(run(thinkMs, 'ours', 0).requests / seconds)} requests a second):

${service(thinkMs)}

Clients that ask again at once, which fills both cores before a report begins (${Math.round(run(0, 'ours', 0).requests / seconds)} requests a second):

${service(0)}

A reader has a lower priority than the service (\`nice\` 10): where cores are free that costs nothing, where they are not the
reports wait. Reports alone, with nothing else to do: ${reportsAlone[1]} a second with one reader, ${reportsAlone[2]} with two
(${(reportsAlone[2] / reportsAlone[1]).toFixed(2)} times). A small read by key takes ${roundTripMs.ours} ms through a reader, ${roundTripMs['raw-worker']} ms through a hand-written worker thread.

Large results, without any other load; milliseconds:

| result | in all | longest stall | CPU time in it | garbage collector |
| --- | ---: | ---: | ---: | ---: |
${results.join('\n')}

What \`all\` returns is memory of the application, and its garbage collector has to look at it: \`iterate\` holds a few hundred rows.

Runaway queries, each with \`timeoutMs: ${runaway.limitMs}\`, beside durable writes as fast as they go. A commit holds the event loop for as
long as its sync takes, and the rejection follows it; the process does not wait for that. Blobs of a gigabyte meet
\`readers.memoryBytes\` first.

| query | its process ended after (ms) | the call rejected after (ms) | writes meanwhile | next checkpoint complete | memory before (MB) | after |
| --- | ---: | ---: | ---: | --- | ---: | ---: |
${runaways.join('\n')}

${kills.kills} kills in the middle of queries: ${kills.medianMs} ms from \`abort()\` to the rejection at the median, ${kills.slowestMs} ms at most; the next
checkpoint complete, ${kills.processesLeft} processes left, no descriptor more than before, and after \`close()\` no \`-wal\`.

An application with two busy readers that gets SIGKILL at a random moment (\`node bench/readers-orphans.mts\`, ${orphans.rounds} rounds,
${orphans.readers} readers): no reader was left. From the kill to the end of the last one ${ms(orphans.reading.medianMs)} ms passed at the median and ${ms(orphans.reading.longestMs)} ms at
most; where a reader was just starting, ${ms(orphans.starting.longestMs)} ms at most, because Node hears nothing before it has started. On cores
that others keep busy both grow with the time that the reader has to wait for a core.
`;

const page = readFileSync('docs/reader.md', 'utf8');
const before = page.slice(0, page.indexOf('## Measured'));
const options = { parser: 'markdown', ...(await resolveConfig('docs/reader.md')) };
writeFileSync('docs/reader.md', await prettify(before + section, options));
