/** Hooks Node's module loader to give programs this package when they ask for better-sqlite3. */
import { existsSync } from 'node:fs';
import { registerHooks, type ResolveFnOutput, type ResolveHookSync } from 'node:module';
import { dirname, join, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { judgeRequest, type Resolution } from './resolve-request';

const dist = join(__dirname, '..');
const ownFolder = pathToFileURL(`${dist}/`).href;
const ours = pathToFileURL(join(dist, 'index.js')).href;

/**
 * Redirects every later `require` and `import` of this thread.
 *
 * @throws Error in Node 22.14, which has no synchronous hooks: without them a `require` inside an imported module
 *   would not be redirected
 */
export function redirect(): void {
  // Older versions lack it, whatever the types say.
  if (typeof (registerHooks as unknown) !== 'function') {
    throw new Error(
      `safe-sqlite/register needs Node 22.15 or newer (module.registerHooks), and this is ${process.version}. ` +
        'Update Node, or pass the Database of safe-sqlite to your ORM: `npx safe-sqlite explain orms` shows how for each.',
    );
  }
  registerHooks({ resolve });
}

const resolve: ResolveHookSync = (specifier, context, next) => {
  const parent = context.parentURL;
  const named = given(judgeRequest({ specifier, parent }, ownFolder));
  if (named !== null) return named;
  const resolved = next(specifier, context);
  // By a path, an alias, or the `imports` of a package.json.
  return given(judgeRequest({ specifier: resolved.url, parent }, ownFolder)) ?? resolved;
};

function given({ give, subpath }: Resolution): ResolveFnOutput | null {
  if (give === 'ours') return { url: ours, format: 'commonjs', shortCircuit: true };
  if (give === 'untouched') return null;
  const file = realFile(subpath);
  return file === null ? null : { url: pathToFileURL(file).href, shortCircuit: true };
}

/** Returns a file of the copy that this package itself uses; null if that copy has no such file. */
function realFile(subpath: string): string | null {
  // Its own request passes the hook: its parent is a file of this package.
  const main = require.resolve('better-sqlite3');
  if (subpath === '') return main;
  const folder = dirname(require.resolve('better-sqlite3/package.json'));
  const path = join(folder, subpath);
  if (!path.startsWith(`${folder}${sep}`)) return null;
  return [path, `${path}.js`].find(candidate => existsSync(candidate)) ?? null;
}
