/** The report that docs/doctor.md shows: a service and a forgotten reader on one database, and what the doctor says. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root } from '../../scripts/pack.mjs';

const service = `
  const Database = require('better-sqlite3');
  const db = new Database('app.db');
  db.exec('CREATE TABLE IF NOT EXISTS note(text)');
  db.pragma('wal_autocheckpoint=0');
  for (let row = 0; row < 100; row++) db.exec("INSERT INTO note VALUES ('a')");
`;
// An unfinished iterator keeps its read transaction open.
const report = `
  const db = new (require('better-sqlite3'))('app.db');
  globalThis.rows = db.prepare('SELECT * FROM note').iterate();
  rows.next();
`;

/** Runs it in `folder`, which must be empty, and gives what is printed. */
export async function exampleReport(folder: string): Promise<string> {
  const processes: ChildProcess[] = [];
  try {
    install(folder);
    const path = process.env['PATH'] ?? '';
    const env = { ...process.env, PATH: `${dirname(process.execPath)}:${path}`, NO_COLOR: '1' };
    const start = async (name: string, script: string): Promise<void> => {
      writeFileSync(join(folder, name), `${script}\nconsole.log('ready'); setInterval(() => {}, 1000);`);
      const child = spawn('node', [name], { cwd: folder, env, stdio: ['ignore', 'pipe', 'inherit'] });
      processes.push(child);
      await once(child.stdout, 'data');
    };
    const setUp = `const db = new (require('better-sqlite3'))('app.db'); db.pragma('journal_mode=WAL'); db.exec('CREATE TABLE note(text); INSERT INTO note VALUES (1)')`;
    spawnSync('node', ['-e', setUp], { cwd: folder, env });
    // Others reach the file, and may write it.
    chmodSync(folder, 0o755);
    chmodSync(join(folder, 'app.db'), 0o666);
    await start('report.js', report);
    await start('server.js', service);
    const { stdout } = spawnSync('npx', ['safe-sqlite', 'doctor', 'app.db'], { cwd: folder, env, encoding: 'utf8' });
    return stdout.trimEnd();
  } finally {
    for (const child of processes) child.kill('SIGKILL');
  }
}

function install(folder: string): void {
  const modules = join(folder, 'node_modules');
  mkdirSync(join(modules, '.bin'), { recursive: true });
  symlinkSync(root, join(modules, 'safe-sqlite'));
  symlinkSync(join(root, 'node_modules/better-sqlite3'), join(modules, 'better-sqlite3'));
  chmodSync(join(root, 'dist/cli/bin.js'), 0o755);
  symlinkSync(join(root, 'dist/cli/bin.js'), join(modules, '.bin/safe-sqlite'));
}
