import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { judgeRequest } from '../../dist/register/resolve-request.js';

const own = 'file:///srv/app/node_modules/safe-sqlite/dist/';
const app = 'file:///srv/app/app.js';
const nested = 'file:///srv/app/node_modules/orm/node_modules/better-sqlite3';

const table: [specifier: string, parent: string | undefined, give: string, subpath: string][] = [
  ['better-sqlite3', app, 'ours', ''],
  ['better-sqlite3', undefined, 'ours', ''],
  ['better-sqlite3/linux-x64', app, 'ours', 'linux-x64'],
  ['better-sqlite3/linuxmusl-arm64', app, 'ours', 'linuxmusl-arm64'],
  ['better-sqlite3/lib', app, 'ours', 'lib'],
  ['better-sqlite3/lib/index.js', app, 'ours', 'lib/index.js'],
  ['better-sqlite3/lib/database', app, 'ours', 'lib/database'],
  ['better-sqlite3/package.json', app, 'real', 'package.json'],
  ['better-sqlite3/lib/sqlite-error', app, 'real', 'lib/sqlite-error'],
  [`${nested}/lib/index.js`, app, 'ours', 'lib/index.js'],
  [`${nested}/lib/index.js?fresh`, app, 'ours', 'lib/index.js'],
  [`${nested}/lib/win32-x64.js`, app, 'ours', 'lib/win32-x64.js'],
  [`${nested}/build/Release/better_sqlite3.node`, app, 'real', 'build/Release/better_sqlite3.node'],
  ['file:///srv/.pnpm/better-sqlite3@12.8.0/node_modules/better-sqlite3/lib/index.js', app, 'ours', 'lib/index.js'],
  // Out of the package, however it is written: Node resolves it, and what it is resolved to is judged.
  ['better-sqlite3/../evil/index.js', app, 'untouched', ''],
  ['better-sqlite3/lib/../../evil', app, 'untouched', ''],
  ['better-sqlite3/..', app, 'untouched', ''],
  ['better-sqlite3/./lib/index.js', app, 'untouched', ''],
  ['better-sqlite3//etc/passwd', app, 'untouched', ''],
  ['better-sqlite3/%2e%2e/evil', app, 'untouched', ''],
  [String.raw`better-sqlite3/..\evil`, app, 'untouched', ''],
  [`${nested}/../evil/index.js`, app, 'untouched', ''],
  [`${nested}/lib/%2e%2e/%2e%2e/evil/index.js`, app, 'untouched', ''],
  // Who asks for what is native.
  ['better-sqlite3', `${own}native/better-sqlite3.js`, 'untouched', ''],
  ['better-sqlite3/package.json', `${own}native/addon.js`, 'untouched', ''],
  [
    'better-sqlite3',
    'file:///srv/app/node_modules/x/node_modules/safe-sqlite/dist/native/better-sqlite3.js',
    'real',
    '',
  ],
  [`${nested}/lib/database.js`, `${nested}/lib/index.js`, 'untouched', ''],
  // Other things with a name like it.
  ['better-sqlite3-session-store', app, 'untouched', ''],
  ['@types/better-sqlite3', app, 'untouched', ''],
  ['drizzle-orm/better-sqlite3', app, 'untouched', ''],
  ['file:///srv/app/node_modules/drizzle-orm/better-sqlite3/index.js', app, 'untouched', ''],
  ['file:///srv/app/better-sqlite3.js', app, 'untouched', ''],
  ['file:///srv/better-sqlite3/app.js', 'file:///srv/better-sqlite3/main.js', 'untouched', ''],
  ['express', app, 'untouched', ''],
];

describe('judgeRequest', () => {
  for (const [specifier, parent, give, subpath] of table) {
    test(`${specifier} from ${parent ?? 'nobody'}: ${give}`, () => {
      const verdict = judgeRequest({ specifier, parent }, own);
      assert.equal(verdict.give, give);
      assert.equal(verdict.subpath, subpath);
      assert.notEqual(verdict.reason, '');
    });
  }

  test('a folder of the application is not taken for this package', () => {
    const parent = 'file:///srv/safe-sqlite/dist/app.js';
    assert.equal(judgeRequest({ specifier: 'better-sqlite3', parent }, own).give, 'ours');
  });
});
