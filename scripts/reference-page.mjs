// Writes docs/reference.md from the docstrings of everything that the package exports, as API Extractor reads them from
// the declarations in dist. A test compares the two, asks every export and member for a docstring, and runs the examples.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Extractor, ExtractorConfig } from '@microsoft/api-extractor';
import { ApiItemKind, ApiModel } from '@microsoft/api-extractor-model';
import { format, resolveConfig } from 'prettier';

const root = fileURLToPath(new URL('..', import.meta.url));
const page = join(root, 'docs/reference.md');

const entries = [
  { name: 'safe-sqlite', declarations: 'dist/exports.d.ts' },
  { name: 'safe-sqlite/express', declarations: 'dist/express/exports.d.ts' },
];

const head = `
# API reference

<!-- Written by scripts/reference-page.mjs from the docstrings in src. Change those, then run the script. -->

Everything that the package exports, as its types say it. What better-sqlite3 has too behaves as there
([differences](differences.md)). [Options](options.md), [errors](errors.md), [events, health and metrics](metrics.md) have pages of
their own; [Nest](nest.md) has its module.
`;

/** The items of each entry: `{ entry, items }`, each item `{ name, kind, docs, signature, members }`. */
export function readReference() {
  return entries.map(({ name, declarations }) => ({ entry: name, items: withMembers(itemsOf(declarations)) }));
}

/** The page of today. */
export async function referencePage() {
  const parts = readReference().flatMap(({ entry, items }) => {
    const groups = [
      ['Functions', items.filter(({ kind }) => kind === 'function')],
      [
        'Classes and constants',
        items.filter(({ kind, isError }) => (kind === 'class' || kind === 'constant') && !isError),
      ],
      ['Errors', items.filter(({ isError }) => isError)],
      ['Types', items.filter(({ kind }) => kind === 'type')],
    ];
    return [
      `## ${entry}`,
      ...groups
        .filter(([, group]) => group.length > 0)
        .flatMap(([title, group]) => [`### ${title}`, ...group.map(describe)]),
    ];
  });
  const options = { ...(await resolveConfig(page)), filepath: page };
  return format([head, ...parts].join('\n\n'), options);
}

/** Exports that are another name of a class or an interface have no members of their own in the model. */
const namesakes = new Map([
  ['Database', { declarations: 'dist/database/database.d.ts', name: 'Database' }],
  ['Statement', { declarations: 'dist/connection/types.d.ts', name: 'Statement' }],
]);

function withMembers(items) {
  return items.map(item => {
    const origin = item.kind === 'type' ? namesakes.get(item.name) : undefined;
    if (origin === undefined) return item;
    const { docs, members } = itemsOf(origin.declarations).find(({ name }) => name === origin.name);
    return { ...item, kind: 'class', docs: item.docs || docs, members };
  });
}

function itemsOf(declarations) {
  const folder = mkdtempSync(join(tmpdir(), 'safe-sqlite-reference-'));
  try {
    const model = join(folder, 'model.api.json');
    const config = ExtractorConfig.prepare({
      configObject: {
        projectFolder: root,
        mainEntryPointFilePath: join(root, declarations),
        compiler: {
          overrideTsconfig: {
            compilerOptions: {
              module: 'nodenext',
              skipLibCheck: true,
              types: ['node'],
              lib: ['es2023', 'esnext.disposable'],
            },
          },
        },
        apiReport: { enabled: false },
        docModel: { enabled: true, apiJsonFilePath: model },
        dtsRollup: { enabled: false },
        tsdocMetadata: { enabled: false },
      },
      configObjectFullPath: undefined,
      packageJsonFullPath: join(root, 'package.json'),
    });
    Extractor.invoke(config, { localBuild: true, messageCallback: message => void (message.handled = true) });
    const [entryPoint] = new ApiModel().loadPackage(model).entryPoints;
    return entryPoint.members.filter(item => item.displayName !== 'default').map(read);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const kinds = new Map([
  [ApiItemKind.Function, 'function'],
  [ApiItemKind.Class, 'class'],
  [ApiItemKind.Variable, 'constant'],
]);

function read(item) {
  return {
    name: item.displayName,
    kind: kinds.get(item.kind) ?? 'type',
    isError: item.kind === ApiItemKind.Class && item.displayName.endsWith('Error'),
    docs: docsOf(item),
    signature: signatureOf(item),
    members:
      item.kind === ApiItemKind.Function
        ? []
        : item.members.map(read).filter(({ name }) => name !== '[inspect.custom]'),
  };
}

/** The text of a docstring without its frame; `''` where there is none. */
function docsOf({ tsdocComment }) {
  if (tsdocComment === undefined) return '';
  const text = tsdocComment.emitAsTsdoc();
  return text
    .replace(/^\/\*\*\s?/, '')
    .replace(/\s*\*\/\s*$/, '')
    .replaceAll(/^ ?\* ?/gm, '')
    .trim();
}

function signatureOf(item) {
  return item.excerpt.text
    .replaceAll(/^export declare |^export /g, '')
    .replaceAll(/\s+/g, ' ')
    .trim();
}

function describe({ name, docs, signature, members, isError }) {
  const shown = members.filter(each => each.name !== '(constructor)');
  const lines = [`#### ${name}`];
  if (!isError) lines.push(code(signature));
  if (docs !== '') lines.push(prose(docs));
  // The members of an error are those of its family.
  if (!isError && shown.length > 0) lines.push(...shown.map(member));
  return lines.join('\n\n');
}

function member({ docs, signature }) {
  return [`- ${code(signature.replace(/^readonly /, ''))}`, ...(docs === '' ? [] : [indent(prose(docs))])].join('\n\n');
}

function code(text) {
  return `\`${text.replaceAll('`', "'")}\``;
}

function indent(text) {
  return text.replaceAll(/^(?=.)/gm, '  ');
}

/** The tags of a docstring as Markdown: an example is a block that runs. */
function prose(docs) {
  const [text, ...tags] = docs.split(/\n?^@/m);
  return [escaped(text.trim()), ...tags.map(tag)].filter(each => each !== '').join('\n\n');
}

function tag(text) {
  const [, name = '', rest = ''] = /^(\w+)\s*([\s\S]*)$/.exec(text) ?? [];
  const body = rest.trim();
  if (name === 'example') return `\`\`\`ts\n${body.replaceAll(/^```\w*\n?|\n?```$/g, '')}\n\`\`\``;
  if (name === 'throws') return `Throws ${escaped(body)}`;
  if (name === 'see') return `See ${escaped(body)}`;
  return `${name}: ${escaped(body)}`;
}

/** Docstrings name pages as they lie in the package. */
function escaped(text) {
  return text
    .replaceAll(/\\([@{}<>])/g, '$1')
    .replaceAll(/(?<!\()\bdocs\/([a-z-]+)\.md\b/g, '[$1]($1.md)')
    .replaceAll(/<(?=\w+>)/g, '&lt;');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const text = await referencePage();
  if (process.argv.includes('--check') && text !== readFileSync(page, 'utf8'))
    throw new Error('docs/reference.md is old');
  writeFileSync(page, text);
}
