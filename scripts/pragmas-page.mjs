// Writes docs/pragmas.md from the table in dist/sql/pragma-rules.js: one row for each pragma. A test compares page and table.
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { format } from 'prettier';

const require = createRequire(import.meta.url);
const { pragmaRules } = require('../dist/sql/pragma-rules.js');

const head = `
# Pragmas

<!-- Written by scripts/pragmas-page.mjs from the table in src/sql/pragma-rules.ts. Change that, then run the script. -->

The start-up lines of an application that was written for better-sqlite3 run unchanged. A pragma is one of these:

- **granted**: it does what it does in better-sqlite3. Nearly all are.
- **kept**: it asks for less safety only to be faster. The call succeeds and answers as SQLite answers a request that it does
  not grant: \`journal_mode\` with the mode in force, \`mmap_size\` with \`0\`, \`synchronous\` with no row. The protection is
  not off for a moment, because SQLite never gets the value. The first such call of a process for each pragma logs a warning
  (\`weaker-pragma-kept\`), and \`db.health().warnings\` has it for each database.
- **refused**: \`UnsafeStatementError\`, before anything of the text runs. The application could not go on as if it had been
  set.

With the option [\`weakerPragmas: 'throw'\`](options.md#weakerpragmas) what is kept is refused as well: for those who want to
find such lines.

This holds for every way in: \`db.pragma()\`, \`exec\` with other statements around it, \`prepare\` and then \`run\`, \`get\`,
\`all\` or \`iterate\`, \`explain\`, in transactions, in \`db.write\`, and with the name of an attached schema. In a script each
statement that touches a protection is judged and set right before the next one runs.

\`\`\`js
const db = require('safe-sqlite')('app.db');

db.pragma('journal_mode = WAL'); // granted: [{ journal_mode: 'wal' }]
db.pragma('synchronous = NORMAL'); // kept at FULL: []
db.pragma('mmap_size = 30000000000'); // kept at 0: [{ mmap_size: 0 }]
db.pragma('cache_size = -64000'); // granted: []
console.log(db.pragma('synchronous', { simple: true })); // 2, which is FULL
\`\`\`

Databases without a file (in memory, temporary) take everything that protects only files, as better-sqlite3 does.
`;

const kinds = { refused: '**refused**', kept: '**kept**', granted: 'granted, with a warning' };

/** The whole page. */
export async function pragmasPage() {
  const rows = [...pragmaRules].map(([name, rule]) => row(name, rule));
  const special = rows.filter(({ plain }) => !plain);
  const plain = rows.filter(({ plain: isPlain }) => isPlain);
  const text = [
    head.trim(),
    '## Kept, refused, or granted with a warning',
    table(
      ['pragma', 'values granted', 'any other value', 'why', 'instead'],
      special.map(each => each.cells),
    ),
    '## Granted',
    'Any value. A pragma that SQLite does not list is granted too, and the protections are set and read back behind it.',
    table(
      ['pragma', 'it is'],
      plain.map(each => each.cells),
    ),
  ].join('\n\n');
  return format(text, { parser: 'markdown', printWidth: 120, singleQuote: true });
}

/** A database in WAL mode. `fullfsync` and its like protect on macOS only. */
function contextFor(name) {
  return {
    storage: 'file',
    walAllowed: true,
    synchronous: 'full',
    platform: name.includes('fullfsync') ? 'darwin' : 'linux',
    allowUnsyncedCommits: false,
    weakerPragmas: 'keep',
  };
}

const candidates = ['0', '1', 'off', 'on', 'normal', 'full', 'extra', 'wal', 'delete', 'truncate', 'persist', 'reset'];

function row(name, rule) {
  const link = `[\`${name}\`](https://sqlite.org/pragma.html#pragma_${name})`;
  if (rule.kind === 'free' || rule.kind === 'noted') return { plain: true, cells: [link, rule.reason] };
  const context = contextFor(name);
  const objection = rule.objection('nonsense', context);
  const granted = candidates.filter(value => rule.objection(value, context) === null);
  const stays = rule.stays(context);
  const kept = `kept${stays === null ? ' as it is' : ` at ${stays}`}`;
  const kind = rule.weaker === 'kept' ? `**${kept}**` : kinds[rule.weaker];
  const values = granted.length === 0 ? 'none: it can be read' : granted.map(value => `\`${value}\``).join(', ');
  return { plain: false, cells: [link, values, kind, rule.reason, objection.instead] };
}

function table(heads, rows) {
  const line = cells => `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(heads), line(heads.map(() => '---')), ...rows.map(line)].join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(fileURLToPath(new URL('../docs/pragmas.md', import.meta.url)), await pragmasPage());
}
