// Writes what follows from scripts/floors.mjs: the overrides of .oxlintrc.json, and the table in ARCHITECTURE.md.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { floors, folders, mayImport } from './floors.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const nativeOnly = {
  name: 'better-sqlite3',
  allowTypeImports: true,
  message: 'Only src/native imports better-sqlite3 as a value.',
};

function restricted({ name, pure }) {
  const refused = folders.map(folder => folder.name).filter(to => !mayImport(name, to));
  const patterns = [
    { regex: `/(${refused.join('|')})/|/exports$`, message: 'Import only from lower floors: see ARCHITECTURE.md.' },
  ];
  if (pure) {
    patterns.push({
      regex: '^node:(fs|fs/promises|child_process|worker_threads|net|os)$',
      message: 'This folder decides and describes; it does no input or output.',
    });
  }
  return name === 'native' ? { patterns } : { paths: [nativeOnly], patterns };
}

const lint = JSON.parse(readFileSync('.oxlintrc.json', 'utf8'));
const generated = file => /^src\/[\w-]+\/\*\*$/.test(file);
const byHand = lint.overrides.filter(({ files, rules }) => {
  return !(files.length === 1 && generated(files[0]) && Object.keys(rules).join() === 'no-restricted-imports');
});
const overrides = folders.map(folder => ({
  files: [`src/${folder.name}/**`],
  rules: { 'no-restricted-imports': ['error', restricted(folder)] },
}));
const general = byHand.findIndex(({ files }) => files[0] === 'src/**') + 1;
lint.overrides = byHand.toSpliced(general, 0, ...overrides);
writeFileSync('.oxlintrc.json', JSON.stringify(lint, null, 2));

const rows = floors.toReversed().flatMap(floor => {
  return floor.folders.map(({ name, does }, index) => `| ${index === 0 ? floor.name : ''} | \`${name}/\` | ${does} |`);
});
const exportsRow = '| entries | `exports.ts` | the public names |';
const table = ['| floor | folder | responsibility |', '| --- | --- | --- |', exportsRow, ...rows].join('\n');
const page = readFileSync('ARCHITECTURE.md', 'utf8');
const place = /\| floor[\s\S]*?(?=\n\n)/;
writeFileSync(
  'ARCHITECTURE.md',
  page.replace(place, () => table),
);
execFileSync(process.execPath, [
  'node_modules/prettier/bin/prettier.cjs',
  '--write',
  '--log-level=warn',
  '.oxlintrc.json',
  'ARCHITECTURE.md',
]);
