// Writes docs/proof.md from the results of the long runs in test/results, so that no number is typed by hand. A test
// compares the two.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { killScripts } from '../test/kills/scripts.mts';
import { mutants } from '../test/mutants/list.mts';
import { describeProof } from './proof/page.mjs';

const names = ['power-cuts', 'write-boundaries', 'kills', 'container-kills', 'soak', 'checked-commits', 'mutants'];
const page = fileURLToPath(new URL('../docs/proof.md', import.meta.url));

export async function proofPage() {
  const read = name => JSON.parse(readFileSync(new URL(`../test/results/${name}.json`, import.meta.url), 'utf8'));
  const results = Object.fromEntries(names.map(name => [name, read(name)]));
  const titles = Object.fromEntries(killScripts.map(({ name, title }) => [name, title]));
  return format(describeProof(results, titles, mutants), { ...(await resolveConfig(page)), parser: 'markdown' });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(page, await proofPage());
