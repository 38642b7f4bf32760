// Writes the table of findings in docs/doctor.md from the catalogue in dist/doctor. A test compares the two.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';

const require = createRequire(import.meta.url);
const { findingCodes } = require('../dist/doctor/finding-codes.js');

const page = fileURLToPath(new URL('../docs/doctor.md', import.meta.url));
const begin = '<!-- findings: written by scripts/doctor-page.mjs from src/doctor/finding-codes -->';
const end = '<!-- end of findings -->';

/** The page with the table of today. */
export async function doctorPage() {
  const text = readFileSync(page, 'utf8');
  const [before, rest] = text.split(begin);
  const [, after] = rest.split(end);
  const options = { ...(await resolveConfig(page)), filepath: page };
  return format(`${before}${begin}\n\n${table()}\n\n${end}${after}`, options);
}

function table() {
  const rows = Object.entries(findingCodes).flatMap(([code, { levels, meaning, action }]) => {
    const serious = levels.filter(level => level !== 'ok');
    return serious.length === 0
      ? []
      : [`| \`${code}\` | ${serious.join(', ')} | ${meaning} | ${action || 'nothing'} |`];
  });
  return ['| finding | level | what | what to do |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(page, await doctorPage());
