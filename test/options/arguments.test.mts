// Tests the arguments besides a path: anything that is no object of known options is refused by name.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import {
  clearFence,
  Database,
  diagnose,
  inspectFilesystem,
  InvalidOptionError,
  restoreDatabase,
  verifyDatabase,
} from 'safe-sqlite';

type Call = (file: string, options: never) => unknown;

const functions: Readonly<Record<string, Call>> = {
  verifyDatabase,
  clearFence,
  diagnose,
  inspectFilesystem,
  restoreDatabase: (_, options) => restoreDatabase(options),
  'db.backup': (file, options) => withDatabase(file, db => db.backup(`${file}.copy`, options)),
  'db.withSnapshot': (file, options) => withDatabase(file, db => db.withSnapshot(() => 1, options)),
  'db.write': (file, options) => withDatabase(file, db => db.write(() => 1, options)),
};

async function withDatabase(file: string, run: (db: Database) => unknown): Promise<unknown> {
  const db = new Database(file, { logger: false });
  try {
    return await run(db);
  } finally {
    db.close();
  }
}

describe('options that are none', () => {
  for (const [name, call] of Object.entries(functions))
    for (const wrong of [1, 'quick', [], { nope: true }])
      test(`${name}: ${JSON.stringify(wrong)}`, async t => {
        const folder = mkdtempSync(join(tmpdir(), 'arguments-'));
        t.after(() => rmSync(folder, { recursive: true }));
        const file = join(folder, 'a.db');
        new Database(file, { logger: false }).close();
        await assert.rejects(async () => call(file, wrong as never), InvalidOptionError);
      });
});
