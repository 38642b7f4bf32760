// Checks the package as npm would publish it: what is inside, what can be imported, and what the types need.
import { execFileSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire, isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, posix } from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { install, pack, root } from './pack.mjs';

const require = createRequire(import.meta.url);
const folder = mkdtempSync(join(tmpdir(), 'safe-sqlite-package-'));
let failed = false;

try {
  const { tarball, files } = pack(folder);
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  report('contents', contents(files));
  report('publint', await lint(tarball, manifest));
  report('attw', areTheTypesWrong(tarball));
  install(tarball, folder);
  report('exports', exportsOf(folder));
  report('packages that the types need', strangersInTypes(join(folder, 'node_modules/safe-sqlite'), manifest));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = failed ? 1 : 0;

function report(what, problems) {
  console.log(problems.length === 0 ? `ok   ${what}` : `FAIL ${what}`);
  for (const problem of problems) console.log(`     ${problem}`);
  failed ||= problems.length > 0;
}

/** Exactly the files that are meant: two for each source file, the entries, what is carried of others, the docs, the examples and the texts. */
function contents(files) {
  const expected = new Set([
    'package.json',
    'README.md',
    'LICENSE',
    'CHANGELOG.md',
    'SECURITY.md',
    'ARCHITECTURE.md',
    'CONTRIBUTING.md',
    // Errors, the doctor and the README point into them.
    ...globSync(['docs/**/*.*', 'examples/**/*.*'], { cwd: root }).map(path => path.replaceAll('\\', '/')),
    ...['index.js', 'index.d.ts', 'index.mjs', 'index.d.mts'].map(name => `dist/${name}`),
    ...['index.mjs', 'index.d.mts'].map(name => `dist/express/${name}`),
    ...globSync('src/nest/*.ts', { cwd: root }).flatMap(path => {
      const built = `dist/nest/${posix.basename(path.replaceAll('\\', '/'), '.ts')}`;
      return [`${built}.mjs`, `${built}.d.mts`];
    }),
    ...['p-retry.js', 'p-retry.d.ts', 'typed-emitter.d.ts', 'LICENSES.txt'].map(name => `dist/vendor/${name}`),
    ...['index.mjs', 'exports.mjs', 'express.mjs', 'express-exports.mjs', 'shared.mjs', 'LICENSES.txt'].map(
      name => `dist/module/${name}`,
    ),
    ...['worker', 'reader', 'doctor'].map(name => `dist/programs/${name}.js`),
    ...globSync('src/**/*.ts', { cwd: root }).flatMap(path => {
      const built = path.replaceAll('\\', '/').replace(/^src/, 'dist').replace(/\.ts$/, '');
      return [`${built}.js`, `${built}.d.ts`];
    }),
  ]);
  return [
    ...files.filter(file => !expected.has(file)).map(file => `${file} should not be in it`),
    ...[...expected].filter(file => !files.includes(file)).map(file => `${file} is missing`),
  ];
}

async function lint(tarball, manifest) {
  const bytes = readFileSync(tarball);
  const { messages } = await publint({ strict: true, pack: { tarball: bytes.buffer } });
  return messages.map(message => formatMessage(message, manifest, { color: false }) ?? message.code);
}

function areTheTypesWrong(tarball) {
  const attw = join(dirname(require.resolve('@arethetypeswrong/cli/package.json')), 'dist/index.js');
  try {
    // Without --no-definitely-typed it would ask the registry for @types of this package.
    const settings = ['--profile', 'strict', '--no-definitely-typed', '--format', 'ascii', '--no-color', '--no-emoji'];
    execFileSync(process.execPath, [attw, tarball, ...settings], { encoding: 'utf8', stdio: 'pipe' });
    return [];
  } catch (error) {
    return String(error.stdout ?? error)
      .trim()
      .split('\n');
  }
}

/** The same objects must come out of every entry; every error class must come out at all. */
function exportsOf(consumer) {
  const classes = [
    ...Object.keys(require(join(root, 'dist/errors/refusals.js')).refusalClasses),
    ...Object.keys(require(join(root, 'dist/errors/sqlite-errors.js')).sqliteErrorClasses),
  ];
  const wanted = ['Database', 'SafeSqliteError', 'SqliteError', 'closeAllDatabases', 'openDatabase', ...classes];
  const script = join(consumer, 'entries.mjs');
  writeFileSync(
    script,
    `import { createRequire, isBuiltin } from 'node:module';
     import Database, * as esm from 'safe-sqlite';
     const cjs = createRequire(import.meta.url)('safe-sqlite');
     const problems = [];
     if (cjs !== Database || cjs !== esm.Database) problems.push('require() and import give two constructors');
     for (const name of ${JSON.stringify(wanted)}) {
       if (!(name in esm)) problems.push(name + ' cannot be imported');
       if (!Object.hasOwn(cjs, name)) problems.push(name + ' is no property of what require() gives');
     }
     for (const [name, value] of Object.entries(esm)) {
       if (name !== 'default' && cjs[name] !== value) problems.push(name + ' is another object through require()');
     }
     console.log(JSON.stringify(problems));`,
  );
  return JSON.parse(execFileSync(process.execPath, [script], { encoding: 'utf8' }));
}

/** The declarations may name only what is installed with the package: no peer, no types that the user may not have. */
function strangersInTypes(installed, manifest) {
  const seen = new Set();
  const strangers = [];
  const visit = (file, way) => {
    if (seen.has(file)) return;
    seen.add(file);
    const text = readFileSync(join(installed, file), 'utf8').replaceAll(/\/\*.*?\*\//gs, '');
    for (const [, specifier] of text.matchAll(/(?:\bfrom |\bimport\(|\brequire\(|^import )['"]([^'"]+)['"]/gm)) {
      const next = [...way, file];
      if (specifier.startsWith('.')) visit(declarationOf(posix.join(posix.dirname(file), specifier)), next);
      else if (!isBuiltin(specifier) && !(specifier in manifest.dependencies)) {
        strangers.push(`${specifier}, by way of ${next.join(' > ')}`);
      }
    }
  };
  visit('dist/index.d.ts', []);
  visit('dist/index.d.mts', []);
  visit('dist/express/exports.d.ts', []);
  return strangers;
}

function declarationOf(specifier) {
  return specifier.endsWith('.js') ? specifier.replace(/\.js$/, '.d.ts') : `${specifier}.d.ts`;
}
