/** Collects what a bug report needs: the versions of this package, SQLite and Node, and the system. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sqliteVersion } from '../native/sqlite-version';

export function versions(): string {
  const manifest = readFileSync(join(__dirname, '../../package.json'), 'utf8');
  const { version } = JSON.parse(manifest) as { version: string };
  return `safe-sqlite ${version}, SQLite ${sqliteVersion(null)}, Node ${process.versions.node}, ${process.platform} ${process.arch}`;
}
