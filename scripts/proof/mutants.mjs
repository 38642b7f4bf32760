// The section of docs/proof.md on mutants, from the kept list and the saved results: pure.

/**
 * `mutants`: the list of test/mutants; `results`: what is saved of them; `table`: as page.mjs has it. A result whose mutant is
 * no longer listed does not count.
 */
export function describeMutants(mutants, results, table) {
  const saved = new Map(results.map(result => [result.id, result]));
  const equivalent = mutants.filter(mutant => mutant.equivalent !== undefined);
  const others = mutants.filter(mutant => mutant.equivalent === undefined);
  const tried = others.filter(({ id }) => saved.has(id));
  const unnoticed = tried.filter(({ id }) => saved.get(id).noticedBy === null);
  const noticed = tried.length - unnoticed.length;
  const roomOf = ({ id }) => id.split('/')[0];
  const count = (list, room) => String(list.filter(mutant => roomOf(mutant) === room).length);
  const rooms = [...new Set(mutants.map(roomOf))].toSorted((one, other) => one.localeCompare(other));
  const dates = tried.map(({ id }) => saved.get(id).date).toSorted((one, other) => one.localeCompare(other));
  const named = (list, why) => list.map(mutant => `- \`${mutant.id}\`: ${why(mutant)}`).join('\n');

  return `## Safety measures taken away

    npm run proof:mutants

A kept list of changes to the source, each of which takes one safety measure away: this sync is left out, that second look
is not made. Each is compiled alone, and the tests of its room run until one fails or does not end. One that does so without
the change as well does not count.

Of ${mutants.length} changes ${equivalent.length} mean the same as the source. Of the other ${others.length}, ${tried.length} were tried and ${noticed} noticed
(${percent(noticed, tried.length)}).

${table(
  ['folder of src', 'listed', 'mean the same', 'tried', 'noticed', 'unnoticed'],
  [
    ...rooms.map(room => [
      room,
      count(mutants, room),
      count(equivalent, room),
      count(tried, room),
      String(Number(count(tried, room)) - Number(count(unnoticed, room))),
      count(unnoticed, room),
    ]),
    ['**together**', ...[mutants.length, equivalent.length, tried.length, noticed, unnoticed.length].map(String)],
  ],
  'lrrrrr',
)}

${unnoticed.length === 0 ? 'None that was tried goes unnoticed.' : `Unnoticed, with what holds no more:\n\n${named(unnoticed, ({ promise }) => promise)}`}

Changes that mean the same, with the reason:

${named(equivalent, mutant => mutant.equivalent)}

Tried ${dates[0] === dates.at(-1) ? `on ${dates[0]}` : `from ${dates[0]} to ${dates.at(-1)}`}, each against the source of its day.`;
}

/** Rounded down: 100 % means all. */
function percent(part, whole) {
  return `${(Math.floor((part / whole) * 1000) / 10).toFixed(1)} %`;
}
