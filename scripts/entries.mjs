// Writes the entry files of the package around dist/exports.js, the compiled list of its named exports:
//
//   require('safe-sqlite')  index.js   index.d.ts   module.exports is the Database constructor, as in better-sqlite3,
//                                                   and every named export is a property of it
//   import 'safe-sqlite'    index.mjs  index.d.mts  the same objects: Database as the default, the rest by name
//
// and, for entries that have no default (safe-sqlite/express), the two files by which ESM gets the objects of CommonJS.
import { existsSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
// TypeScript 7 has no interface for programs yet.
import ts from 'typescript-5';

const require = createRequire(import.meta.url);
/** Entries whose CommonJS side is their own `exports.js`. */
const namedOnly = ['express'];
const mark = '// Written by scripts/entries.mjs.';

/** Writes the entry files into `dist`, where the compiled `exports.js` and `exports.d.ts` must be. */
export function writeEntries(dist) {
  writeMainEntry(dist);
  for (const folder of namedOnly) writeNamedEntry(join(dist, folder));
}

function writeMainEntry(dist) {
  const declarations = join(dist, 'exports.d.ts');
  if (!existsSync(declarations)) return;
  const names = exportedNames(declarations);
  const values = names.filter(({ value }) => value).map(({ name }) => name);
  const actual = require(resolve(dist, 'exports.js'));
  checkValues(values, actual);
  if (typeof actual.Database !== 'function')
    throw new Error('dist/exports.js does not export the Database constructor');
  const entry = { 'index.js': commonJs, 'index.d.ts': commonJsTypes, 'index.mjs': esm, 'index.d.mts': esmTypes };
  for (const [file, write] of Object.entries(entry))
    writeFileSync(join(dist, file), `${mark}\n${write(values, names)}`);
}

function writeNamedEntry(folder) {
  const values = exportedNames(join(folder, 'exports.d.ts'))
    .filter(({ value }) => value)
    .map(({ name }) => name);
  checkValues(values, require(resolve(folder, 'exports.js')));
  writeFileSync(join(folder, 'index.mjs'), `${mark}\nexport { ${values.join(', ')} } from './exports.js';\n`);
  writeFileSync(join(folder, 'index.d.mts'), `${mark}\nexport * from './exports.js';\n`);
}

// Written so that cjs-module-lexer, by which Node finds the names that ESM may import from CommonJS, sees each name.
// Half loaded, with no Database, where the package is installed as `better-sqlite3`: native/better-sqlite3.ts says so.
function commonJs(values) {
  const lines = values.map(name => `module.exports.${name} = api.${name};`);
  return [
    "'use strict';",
    "const api = require('./exports.js');",
    'module.exports = api.Database ?? {};',
    ...lines,
    '',
  ].join('\n');
}

function esm(values) {
  return `export { ${values.join(', ')} } from './exports.js';\nexport { Database as default } from './exports.js';\n`;
}

function esmTypes() {
  return `import Database = require('./index.js');\nexport default Database;\nexport * from './exports.js';\n`;
}

// A constant can share its name with a namespace of types only, and a type can only be renamed with its parameters.
function commonJsTypes(values, names) {
  const types = names
    .filter(({ type }) => type)
    .map(({ name, parameters, args }) => `  export type ${name}${parameters} = api.${name}${args};`);
  return [
    "import * as api from './exports';",
    'declare const Database: api.DatabaseConstructor & typeof api;',
    'declare namespace Database {',
    ...types,
    '}',
    'export = Database;',
    '',
  ].join('\n');
}

/** What the package exports: each name, whether it is a value and a type, and the type parameters it takes. */
function exportedNames(declarations) {
  const program = ts.createProgram([declarations], options, ownFilesOnly());
  const checker = program.getTypeChecker();
  const module = checker.getSymbolAtLocation(program.getSourceFile(declarations));
  return checker
    .getExportsOfModule(module)
    .map(symbol => {
      const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
      const generic = target.declarations.find(declaration => declaration.typeParameters !== undefined);
      const typeOnly = symbol.declarations.some(ts.isTypeOnlyImportOrExportDeclaration);
      const isType = Boolean(target.flags & ts.SymbolFlags.Type);
      return {
        name: symbol.name,
        value: Boolean(target.flags & ts.SymbolFlags.Value) && !typeOnly,
        type: isType,
        parameters: generic && isType ? `<${parametersOf(generic, checker, dirname(declarations)).join(', ')}>` : '',
        args: generic && isType ? `<${generic.typeParameters.map(({ name }) => name.text).join(', ')}>` : '',
      };
    })
    .toSorted((left, right) => (left.name < right.name ? -1 : 1));
}

const options = { module: ts.ModuleKind.NodeNext, types: [], noLib: true, skipLibCheck: true };

/** A host that reads no declarations but ours: those of Node alone take two seconds. */
function ownFilesOnly() {
  const host = ts.createCompilerHost(options);
  host.resolveTypeReferenceDirectiveReferences = references =>
    references.map(() => ({ resolvedTypeReferenceDirective: undefined }));
  host.resolveModuleNameLiterals = (literals, file) =>
    literals.map(({ text }) =>
      text.startsWith('.') ? ts.resolveModuleName(text, file, options, host) : { resolvedModule: undefined },
    );
  return host;
}

/** The type parameters of `declaration` as text that is valid in another file: names of its file become import types. */
function parametersOf(declaration, checker, dist) {
  const source = declaration.getSourceFile();
  const file = relative(resolve(dist), resolve(source.fileName))
    .replaceAll('\\', '/')
    .replace(/\.d\.ts$/, '');
  return declaration.typeParameters.map(parameter => {
    let text = parameter.getText();
    for (const reference of referencesIn(parameter).toReversed()) {
      const symbol = checker.getSymbolAtLocation(reference.typeName);
      const own = symbol?.declarations?.some(
        found => found.getSourceFile() === source && !ts.isTypeParameterDeclaration(found),
      );
      if (!own) continue;
      const start = reference.getStart() - parameter.getStart();
      text = `${text.slice(0, start)}import('./${file}').${text.slice(start)}`;
    }
    return text;
  });
}

function referencesIn(node) {
  const found = ts.isTypeReferenceNode(node) ? [node] : [];
  ts.forEachChild(node, child => void found.push(...referencesIn(child)));
  return found;
}

function checkValues(values, actual) {
  const missing = values.filter(name => !(name in actual));
  const unknown = Object.keys(actual).filter(name => !values.includes(name));
  if (missing.length > 0 || unknown.length > 0) {
    throw new Error(`dist/exports.js and its types disagree: ${[...missing, ...unknown].join(', ')}`);
  }
}
