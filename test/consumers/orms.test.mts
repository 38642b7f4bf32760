import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { blocksOf } from '../docs/page.mts';
import { copyOfProgram, npmInstall, registrySkip } from './program.mts';

interface Facts {
  /** Of each file that the program uses, as SQLite numbers it: 0 OFF, 1 NORMAL, 2 FULL, 3 EXTRA. */
  readonly synchronous: number[];
  /** What became of `PRAGMA synchronous = OFF`. */
  readonly unsafe: string;
  readonly [fact: string]: unknown;
}

/** Each does real work: migrations, transactions, nested ones, relations, two connections, attached files. */
const programs = ['knex', 'kysely', 'drizzle', 'typeorm', 'mikro-orm', 'session-store', 'key-value'];

const registered = ['--import', 'safe-sqlite/register'];

// All are installed into one folder, as in an application that has grown: with three versions of better-sqlite3.
describe('ORMs, after a real npm install', { skip: registrySkip }, () => {
  let installed = '';
  let runs = 0;
  before(() => {
    installed = copyOfProgram('orms');
    npmInstall(installed);
  });
  after(() => rmSync(installed, { recursive: true, force: true }));

  /** Each run has a folder of its own. */
  function run(flags: string[], program: string, way: 'itself' | 'direct'): { folder: string; out: string } {
    const folder = join(installed, 'runs', String((runs += 1)));
    mkdirSync(folder, { recursive: true });
    const args = [...flags, join(installed, program), way];
    const done = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });
    assert.equal(done.status, 0, done.stderr);
    return { folder, out: done.stdout };
  }

  function factsOf(flags: string[], program: string, way: 'itself' | 'direct'): Facts {
    return JSON.parse(run(flags, `${program}.mjs`, way).out) as Facts;
  }

  for (const program of programs) {
    test(`${program} does over this package what it does over better-sqlite3, and keeps it`, () => {
      const raw = factsOf([], program, 'itself');
      assert.equal(raw.unsafe, 'accepted', 'over better-sqlite3 it can be switched off');
      for (const ours of [factsOf(registered, program, 'itself'), factsOf([], program, 'direct')]) {
        assert.equal(ours.unsafe, 'accepted', 'it is answered, and the level stays');
        assert.ok(ours.synchronous.length > 0 && ours.synchronous.every(level => level >= 2));
        const { unsafe: _, synchronous: __, ...did } = ours;
        const { unsafe: ___, synchronous: ____, ...expected } = raw;
        assert.deepEqual(did, expected);
        assert.ok(Object.keys(did).length >= 3);
      }
    });
  }

  test('the hazard: TypeORM with enableWAL loses its last commits in a power cut, over better-sqlite3', () => {
    assert.deepEqual(factsOf([], 'typeorm', 'itself').synchronous, [1]);
  });

  test('MikroORM pins its own better-sqlite3: the write lock is taken twice, registered once', () => {
    const second = (flags: string[]): unknown => JSON.parse(run(flags, 'two-copies.mjs', 'itself').out);
    assert.deepEqual(second([]), { second: 'accepted' });
    assert.deepEqual(second(registered), { second: 'SQLITE_BUSY' });
  });

  test('Prisma, whose adapter pins better-sqlite3 12', () => {
    const generate = spawnSync(
      process.execPath,
      [join(installed, 'node_modules/prisma/build/index.js'), 'generate', '--schema', 'prisma/schema.prisma'],
      {
        cwd: installed,
        encoding: 'utf8',
        // The engine for migrations would be downloaded; generating only looks whether it is there.
        env: { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, CHECKPOINT_DISABLE: '1' },
      },
    );
    assert.equal(generate.status, 0, generate.stderr);
    assert.deepEqual(factsOf(registered, 'prisma', 'itself'), {
      authors: [
        {
          id: 1,
          name: 'Ada',
          books: [
            { id: 2, title: 'Letters', authorId: 1 },
            { id: 1, title: 'Notes', authorId: 1 },
          ],
        },
        { id: 2, name: 'Kept', books: [] },
      ],
      rolledBack: 'rolled back',
      otherConnection: 2,
      unique: 'P2002',
      foreignKey: 'P2003',
      synchronous: [2],
      unsafe: 'accepted',
    });
  });

  for (const [index, { text }] of blocksOf('orms.md')
    .filter(({ language }) => language === 'js')
    .entries()) {
    test(`docs/orms.md, program ${index + 1}`, () => {
      const program = `docs-${index}.mjs`;
      writeFileSync(join(installed, program), text);
      const { folder } = run(/adapter-better-sqlite3/.test(text) ? registered : [], program, 'itself');
      // Bytes 18 and 19 of a database are 2 in WAL mode (sqlite.org/fileformat2.html 1.3.3), which no program here asks for
      // but this package. The program has ended: no process has the file open.
      assert.deepEqual([...readFileSync(join(folder, 'app.db')).subarray(18, 20)], [2, 2]);
    });
  }
});
