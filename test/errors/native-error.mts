/** Provides what the tests of the errors share: a folder of their own, and an error of better-sqlite3. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import Native from 'better-sqlite3';

export function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'safe-sqlite-errors-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** The `SqliteError` that `provoke` throws. */
export function nativeError(t: TestContext, provoke: () => unknown): InstanceType<typeof Native.SqliteError> {
  try {
    provoke();
  } catch (error) {
    assert.ok(error instanceof Native.SqliteError, String(error));
    return error;
  }
  throw new Error(`${t.name}: nothing was thrown`);
}
