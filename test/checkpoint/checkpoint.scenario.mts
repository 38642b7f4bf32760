/** The program of the tests of checkpoints and fences: raw better-sqlite3 and this library on one file, a call at a time. */
import { existsSync, statSync, writeFileSync } from 'node:fs';
import Native from 'better-sqlite3';
import Database, { clearFence, openDatabase } from 'safe-sqlite';
import { identityKey } from '../../dist/base/file-identity.js';
import { schedulerOf } from '../../dist/checkpoint/schedulers.js';
import { ownFolder, plainError, report, serve } from '../support/fault-scenario.mts';

type Options = ConstructorParameters<typeof Database>[1];

interface Handle {
  exec(sql: string): unknown;
  prepare(sql: string): { run(...values: unknown[]): unknown; all(): unknown[]; get(): unknown };
  close(): unknown;
}

const handles = new Map<string, Handle>();
const iterators = new Map<string, IterableIterator<unknown>>();
const events: Record<string, unknown>[] = [];
const file = `${ownFolder()}/app.db`;
let running: Promise<unknown> | null = null;
let queued: Promise<unknown> | null = null;

const eventNames = [
  'checkpoint',
  'checkpointBlocked',
  'checkpointFailed',
  'fenced',
  'locksLost',
  'warning',
  'closed',
] as const;

function handle(name = 'db'): Handle {
  const found = handles.get(name);
  if (found === undefined) throw new Error(`No handle ${name}.`);
  return found;
}

function ours(name = 'db'): InstanceType<typeof Database> {
  return handle(name) as unknown as InstanceType<typeof Database>;
}

serve({
  raw({ as, path = file }: { as?: string; path?: string }) {
    const db = new Native(path);
    db.pragma('journal_mode=WAL');
    db.pragma('synchronous=FULL');
    db.pragma('wal_autocheckpoint=0');
    handles.set(as ?? 'db', db as unknown as Handle);
  },
  open({
    as = 'db',
    shared,
    path = file,
    options,
  }: {
    as?: string;
    shared?: boolean;
    path?: string;
    options?: Options;
  }) {
    const settings = { logger: false, ...options } as const;
    const db = shared === true ? openDatabase(path, settings) : new Database(path, settings);
    for (const name of eventNames) {
      db.events.on(name, (event: object) => {
        const { error, ...facts } = event as { error?: Error };
        events.push({ event: name, as, ...facts, ...(error === undefined ? {} : { error: plainError(error) }) });
      });
    }
    handles.set(as, db as unknown as Handle);
  },
  /** What a program does whose open fails: it throws, and closes what it has. */
  openAndGiveUp(subject: 'raw' | 'open') {
    if (subject === 'open') return void new Database(file, { logger: false });
    const db = new Native(file);
    try {
      db.pragma('journal_mode=WAL');
      db.pragma('synchronous=FULL');
      db.prepare('SELECT count(*) FROM t').get();
    } finally {
      db.close();
    }
  },
  exec({ as, sql }: { as?: string; sql: string }) {
    handle(as).exec(sql);
  },
  /** One transaction of one row of `bytes` bytes. */
  insert({ as, id, bytes = 100 }: { as?: string; id: number; bytes?: number }) {
    handle(as).prepare('INSERT INTO t VALUES (?, randomblob(?))').run(id, bytes);
  },
  ids: ({ as }: { as?: string }) =>
    handle(as)
      .prepare('SELECT id FROM t ORDER BY id')
      .all()
      .map(row => (row as { id: number }).id),
  all: ({ as, sql }: { as?: string; sql: string }) => handle(as).prepare(sql).all(),
  iterate({ as }: { as?: string }) {
    const rows = ours(as).prepare('SELECT id FROM t').iterate();
    iterators.set(as ?? 'db', rows);
    return rows.next();
  },
  checkpoint: ({ as, mode }: { as?: string; mode?: 'passive' | 'truncate' }) => ours(as).checkpoint(mode),
  health: () => ours().health(),
  startCheckpoint() {
    running = ours().checkpoint();
  },
  endCheckpoint: () => running,
  /** Requests one that waits for the one that runs; `queued` says what became of it. */
  queueTruncate() {
    queued = ours()
      .checkpoint('truncate')
      .then(
        () => 'made',
        (error: unknown) => plainError(error).code,
      );
  },
  queued: () => queued,
  close({ as }: { as?: string }) {
    handle(as).close();
  },
  /** The close comes while the checkpoint is under way: when the file `gate` is there. */
  async checkpointAndClose(gate: string) {
    const running = ours().checkpoint();
    while (!existsSync(gate)) await new Promise(resolve => setTimeout(resolve, 5));
    handle().close();
    return { complete: (await running).complete };
  },
  async checkpointsAndClose(count: number) {
    const running = Array.from({ length: count }, () => ours().checkpoint());
    handle().close();
    const ends = await Promise.allSettled(running);
    return ends.map(end => (end.status === 'fulfilled' ? 'done' : String(Reflect.get(end.reason as Error, 'code'))));
  },
  /** A marker as another process writes it, and the close right after it. */
  markAndClose() {
    writeFileSync(`${file}-fenced`, '');
    handle().close();
  },
  isOpen: ({ as }: { as?: string }) => ours(as).open,
  events: () => events.splice(0),
  clearFence: (options: Parameters<typeof clearFence>[1]) => clearFence(file, options),
  /** Waits for an event with these facts, and gives it; the ones before it are kept. */
  async until({ event, after = 0, having = {} }: { event: string; after?: number; having?: object }) {
    const facts = Object.entries({ event, ...having });
    for (;;) {
      const found = events.filter(each => facts.every(([name, value]) => each[name] === value))[after];
      if (found !== undefined) return found;
      await new Promise(resolve => setTimeout(resolve, 5));
    }
  },
  /** Commits without a turn of the event loop, until the clock or the WAL says stop; the largest WAL on the way. */
  burst({ as, forMs, bytes = 4000 }: { as?: string; forMs: number; bytes?: number }) {
    const insert = handle(as).prepare('INSERT INTO t(body) VALUES (randomblob(?))');
    const end = performance.now() + forMs;
    let commits = 0;
    let largest = 0;
    while (performance.now() < end) {
      insert.run(bytes);
      commits += 1;
      if (commits % 50 === 0) largest = Math.max(largest, statSync(`${file}-wal`).size);
    }
    return { commits, largest };
  },
  /** Commits in one turn of the event loop; whether a checkpoint was on its way at the end of it, and in the next one. */
  async commitsAndTurn(commits: number) {
    const identity = statSync(file, { bigint: true });
    const scheduler = schedulerOf({ key: identityKey(identity), file, identity });
    const insert = handle().prepare('INSERT INTO t(body) VALUES (randomblob(3000))');
    for (let each = 0; each < commits; each += 1) insert.run();
    const before = scheduler.running !== null;
    await new Promise(resolve => setImmediate(resolve));
    return { before, behind: scheduler.running !== null };
  },
  walSize: () => statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? null,
  wait: (milliseconds: number) => new Promise(resolve => setTimeout(resolve, milliseconds)),
  /** The failing statement runs inside a function that SQL of another connection calls. */
  insertFromSql({ outer, as, id }: { outer: string; as: string; id: number }) {
    const insert = handle(as).prepare('INSERT INTO t VALUES (?, NULL)');
    ours(outer).function('insert_there', () => {
      insert.run(id);
      return 1;
    });
    handle(outer).prepare('SELECT insert_there()').get();
  },
  write: ({ ids }: { ids: number[] }) =>
    Promise.all(
      ids.map(id =>
        ours()
          .write(() => handle().prepare('INSERT INTO t VALUES (?, NULL)').run(id))
          .then(
            () => 'stored',
            (error: unknown) => plainError(error),
          ),
      ),
    ),
  transaction({ as, ids }: { as?: string; ids: number[] }) {
    const insert = handle(as).prepare('INSERT INTO t VALUES (?, NULL)');
    ours(as).transaction(() => ids.forEach(id => insert.run(id)))();
  },
  attach: ({ as, name, path }: { as?: string; name: string; path: string }) => void ours(as).attach(path, name),
  detach: ({ as, name }: { as?: string; name: string }) => void ours(as).detach(name),
  /** Iterates over two rows, with the fault between them. */
  next({ as }: { as?: string }) {
    return iterators.get(as ?? 'db')?.next();
  },
  /** Ends by the end of the event loop: standard input is the last thing that keeps the process alive. */
  fallOff() {
    process.stdin.destroy();
  },
  requestAndFallOff() {
    process.stdin.destroy();
    void ours()
      .checkpoint()
      .then(({ complete }) => report({ complete }));
  },
});
