/** Serves the status page of a database of its own over real HTTP. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { openDatabase, type Database } from 'safe-sqlite';
import { statusRoute, type DatabaseWithStatus } from 'safe-sqlite/express';
import { acceptedGround } from '../support/accepted-ground.mts';

export function database(t: TestContext, name = 'app.db'): Database {
  const folder = mkdtempSync(join(tmpdir(), 'status-'));
  const db = openDatabase(join(folder, name), {
    logger: false,
    dangerously: acceptedGround,
    backup: { directory: join(folder, 'backups') },
  });
  t.after(() => {
    db.close();
    rmSync(folder, { recursive: true, force: true });
  });
  db.exec('CREATE TABLE IF NOT EXISTS t (a)');
  return db;
}

export async function served(t: TestContext, db: DatabaseWithStatus, sampleMs = 10_000): Promise<string> {
  const server: Server = createServer(statusRoute(db, { sampleMs }));
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/status`;
}
