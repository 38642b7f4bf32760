import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import 'reflect-metadata';
import { Injectable, Module, type DynamicModule, type INestApplicationContext, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Database, InvalidOptionError, openDatabase } from 'safe-sqlite';
import { getDatabaseToken, InjectDatabase, SafeSqliteHealthIndicator, SafeSqliteModule } from 'safe-sqlite/nest';

/** Type stripping leaves decorators alone, so they are called as functions here; test/consumers compiles real ones. */
function moduleOf(metadata: Parameters<typeof Module>[0]): Type {
  class AppModule {}
  Module(metadata)(AppModule);
  return AppModule;
}

class Notes {
  readonly db: Database;

  constructor(db: Database) {
    this.db = db;
  }
}
Injectable()(Notes);
InjectDatabase()(Notes, undefined, 0);

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'nest-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function start(t: TestContext, ...imports: (DynamicModule | Type)[]): Promise<INestApplicationContext> {
  const app = await NestFactory.createApplicationContext(moduleOf({ imports }), { logger: false, abortOnError: false });
  t.after(() => app.close());
  return app;
}

const quiet = { logger: false } as const;

describe('SafeSqliteModule', () => {
  test('opens with the application, injects into every module, closes with the application', async t => {
    const filename = join(folderOf(t), 'app.db');
    const feature = moduleOf({ providers: [Notes] });
    const app = await start(t, SafeSqliteModule.forRoot({ filename, ...quiet }), feature);
    const { db } = app.get(Notes, { strict: false });
    assert.ok(db instanceof Database);
    assert.equal(db.name, filename);
    assert.equal(app.get(getDatabaseToken(), { strict: false }), db);
    db.exec('CREATE TABLE notes (text)');
    assert.equal(existsSync(`${filename}-wal`), true);
    await app.close();
    assert.equal(db.open, false);
    assert.equal(existsSync(`${filename}-wal`), false);
  });

  test('commits what is queued before it closes', async t => {
    const filename = join(folderOf(t), 'app.db');
    const app = await start(t, SafeSqliteModule.forRoot({ filename, ...quiet }));
    const db = app.get<Database>(getDatabaseToken(), { strict: false });
    db.exec('CREATE TABLE notes (text)');
    const insert = db.prepare('INSERT INTO notes VALUES (?)');
    // Another connection keeps them waiting until the application is closing.
    const other = new Database(filename, quiet);
    other.exec('BEGIN IMMEDIATE');
    const dispose = db[Symbol.asyncDispose].bind(db);
    Object.defineProperty(db, Symbol.asyncDispose, {
      value: () => {
        const disposed = dispose();
        if (other.inTransaction) other.exec('ROLLBACK');
        return disposed;
      },
    });
    const writes = Array.from({ length: 100 }, (_, index) => db.write(() => insert.run(String(index))));
    await app.close();
    assert.equal((await Promise.all(writes)).length, 100);
    assert.equal(db.open, false);
    assert.equal(other.prepare('SELECT count(*) FROM notes').pluck().get(), 100);
    other.close();
  });

  test('forRootAsync: useFactory with inject and imports, and several names', async t => {
    const folder = folderOf(t);
    const settings = moduleOf({ providers: [{ provide: 'folder', useValue: folder }], exports: ['folder'] });
    const useFactory = (file: string) => async (where: string) =>
      Promise.resolve({ filename: join(where, file), timeout: 1234, ...quiet });
    const [main, audit] = ['main.db', 'audit.db'].map(useFactory);
    const app = await start(
      t,
      SafeSqliteModule.forRootAsync({ imports: [settings], inject: ['folder'], useFactory: main! }),
      SafeSqliteModule.forRootAsync({ name: 'audit', imports: [settings], inject: ['folder'], useFactory: audit! }),
    );
    const names = [getDatabaseToken(), getDatabaseToken('audit')].map(token => app.get<Database>(token).name);
    assert.deepEqual(names, [join(folder, 'main.db'), join(folder, 'audit.db')]);
    assert.equal(app.get<Database>(getDatabaseToken('audit')).pragma('busy_timeout', { simple: true }), 1234);
  });

  test('forRootAsync: useClass', async t => {
    const filename = join(folderOf(t), 'app.db');
    class Settings {
      create() {
        return { filename, ...quiet };
      }
    }
    const app = await start(t, SafeSqliteModule.forRootAsync({ useClass: Settings }));
    assert.equal(app.get<Database>(getDatabaseToken()).name, filename);
  });

  test('refuses two databases of one name', async t => {
    const folder = folderOf(t);
    const twice = ['a.db', 'b.db'].map(file => SafeSqliteModule.forRoot({ filename: join(folder, file), ...quiet }));
    await assert.rejects(start(t, ...twice), /Two SafeSqliteModules of this application are called `default`/);
  });

  test('two applications in one process: each its own names, one connection of the file', async t => {
    const filename = join(folderOf(t), 'app.db');
    const first = await start(t, SafeSqliteModule.forRoot({ filename, ...quiet }));
    const second = await start(t, SafeSqliteModule.forRoot({ filename, ...quiet }));
    const [one, two] = [first, second].map(app => app.get<Database>(getDatabaseToken()));
    assert.notEqual(one, two);
    one?.exec('CREATE TEMP TABLE here (a)');
    assert.equal(two?.prepare('SELECT count(*) FROM here').pluck().get(), 0);
    await first.close();
    assert.deepEqual([one?.open, two?.open], [false, true]);
  });

  test('isGlobal: false keeps it to the modules that import it', async t => {
    const filename = join(folderOf(t), 'app.db');
    const own = (): DynamicModule => SafeSqliteModule.forRoot({ filename, isGlobal: false, ...quiet });
    const feature = moduleOf({ providers: [Notes] });
    await assert.rejects(start(t, own(), feature), /can't resolve dependencies of the Notes/);
    const importing = moduleOf({ imports: [own()], providers: [Notes] });
    const app = await start(t, importing);
    assert.equal(app.get(Notes, { strict: false }).db.name, filename);
  });

  test('an application whose database cannot be opened does not start', async t => {
    const filename = join(folderOf(t), 'app.db');
    const misspelt = { filename, jornalMode: 'wal' };
    await assert.rejects(start(t, SafeSqliteModule.forRoot(misspelt)), InvalidOptionError);
    assert.equal(existsSync(filename), false);
  });

  test('the health indicator is there for every module, and knows each database', async t => {
    const folder = folderOf(t);
    const app = await start(
      t,
      SafeSqliteModule.forRoot({ filename: join(folder, 'a.db'), ...quiet }),
      SafeSqliteModule.forRoot({ name: 'b', filename: join(folder, 'b.db'), ...quiet }),
    );
    const indicator = app.get(SafeSqliteHealthIndicator);
    const { main } = indicator.isHealthy('main');
    const { status, reasons } = app.get<Database>(getDatabaseToken()).health();
    assert.deepEqual(main, { status: 'up', state: status, reasons });
    app.get<Database>(getDatabaseToken('b')).close();
    assert.deepEqual(indicator.isHealthy('other', 'b'), {
      other: { status: 'down', state: 'closed', reasons: ['the database is closed'] },
    });
    assert.throws(() => indicator.isHealthy('x', 'c'), /No SafeSqliteModule .* is called `c`; there are: default, b/);
  });

  test('closing twice, and after the application closed the database itself', async t => {
    const filename = join(folderOf(t), 'app.db');
    const app = await start(t, SafeSqliteModule.forRoot({ filename, ...quiet }));
    const db = app.get<Database>(getDatabaseToken());
    db.close();
    await app.close();
    await app.close();
    const own = openDatabase(filename, quiet);
    assert.equal(own.open, true);
    own.close();
  });
});
