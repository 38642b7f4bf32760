import { inFile, type Mutant } from '../mutant.mts';

const reader = 'test/readers/reader.test.mts';
const limits = 'test/readers/limits.test.mts';
const processes = 'test/readers/processes.test.mts';
const watched = 'test/readers/watched.test.mts';
const setup = 'test/readers/setup.test.mts';

export const readers: readonly Mutant[] = [
  ...inFile(
    'readers/serve-reads.ts',
    [reader],
    [
      [
        'refused-by-sqlite',
        'a statement that SQLite counts as a write is refused before it runs',
        "if (!reads) throw new RefusedStatement('write');",
        '',
      ],
      [
        'form-of-the-call',
        'the form of the rows is that of the call, not of the call before',
        'if (prepared.rows !== rows) {',
        'if (prepared.rows === null) {',
      ],
      [
        'integers-of-the-call',
        '`safeIntegers` is that of the call, not of the call before',
        'if (prepared.safeIntegers !== safeIntegers) {',
        'if (prepared.safeIntegers === null) {',
      ],
      [
        'snapshot-from-the-call',
        'a snapshot is fixed when it begins, not at its first query',
        "this.#prepared('SELECT 1 FROM sqlite_schema LIMIT 1').statement.get();",
        '',
      ],
    ],
  ),
  ...inFile(
    'readers/serve-reads.ts',
    [limits],
    [
      [
        'max-rows',
        'more rows than `maxRows` are an error',
        "return new ResultTooLarge('maxRows', maxRows);",
        'return bytes;',
      ],
      [
        'max-bytes',
        'more bytes than `maxBytes` are an error',
        "return new ResultTooLarge('maxBytes', maxBytes);",
        'return bytes;',
      ],
      ['text-in-utf8', 'text counts in UTF-8', 'return Buffer.byteLength(value);', 'return value.length;'],
      ['piece-rows', 'a piece has at most 128 rows', 'const pieceRows = 128;', 'const pieceRows = 100_000;'],
      [
        'credit',
        'the reader reads no further ahead than the application allows',
        'if (this.#running.get(running.query.id) !== running || running.credit === 0) return;',
        'if (this.#running.get(running.query.id) !== running) return;',
        'both callers look at the credit before',
      ],
      [
        'stop',
        'a loop that is left ends the statement',
        "this.#finish(running);\n    this.#send({ type: 'done', id });",
        '',
      ],
    ],
  ),
  ...inFile(
    'readers/serve-reads.ts',
    [watched],
    [
      [
        'piece-time',
        'a slow row ends its piece',
        '(rows.length === 0 || performance.now() < until)',
        '(rows.length === 0 || until > 0)',
      ],
    ],
  ),
  ...inFile(
    'readers/read-connection.ts',
    [reader, setup],
    [
      ['query-only', 'the connection has `query_only`', "verifyPragma(db, 'query_only', 1);", ''],
      [
        'trusted-schema',
        'without a module the schema calls no functions; with one it does',
        "verifyPragma(db, 'trusted_schema', setup === null ? 0 : 1);",
        "verifyPragma(db, 'trusted_schema', 0);",
      ],
      [
        'setup-exports-nothing',
        'a module without a function is named',
        "if (run === null) throw new TypeError('it exports no function: neither `default` nor `setup`');",
        'if (run === null) return;',
      ],
    ],
  ),
  ...inFile(
    'readers/safe-sqlite-reader.ts',
    [processes],
    [
      [
        'parent-gone',
        'a reader in the middle of SQLite ends with its parent',
        "new Socket({ fd: 0 }).on('error', end).on('close', end).resume();",
        '',
      ],
      [
        'signals-of-the-group',
        'Ctrl-C ends no reader of an application that goes on',
        'process.on(signal, () => {});',
        'process.off(signal, () => {});',
      ],
      ['priority', 'a reader yields to the service', '  yieldToTheService();\n  const name', '  const name'],
    ],
  ),
  ...inFile(
    'readers/safe-sqlite-reader.ts',
    [limits],
    [
      [
        'memory',
        'more memory than allowed ends the process',
        'if (process.memoryUsage.rss() > memoryBytes) endOutOfMemory();',
        '',
      ],
      [
        'blocked-application',
        'a query ends at its limit while the application is blocked',
        'if (leftMs <= 0) end();',
        '',
      ],
    ],
  ),
  ...inFile(
    'readers/read-query.ts',
    [limits],
    [
      ['timeout', 'a query ends at `timeoutMs`', 'timeout: () => this.expire(),', 'timeout: () => {},'],
      ['abort', 'a signal ends a query', "abort: reason => this.#end(reason, 'aborted'),", 'abort: () => {},'],
      [
        'part-for-the-whole',
        'a query that is being ended never looks complete',
        "if (this.#state === 'stopping' || this.#state === 'over') return Promise.resolve(null);",
        "if (this.#state !== 'open') return Promise.resolve(null);",
      ],
    ],
  ),
  ...inFile(
    'readers/read-pool.ts',
    [limits],
    [
      [
        'queue-full',
        'a full queue refuses the call',
        'if (this.#queue.size >= maxQueued + Math.max(0, room)) {',
        'if (this.#queue.size >= Infinity) {',
      ],
      [
        'close-waits-for-locks',
        'close() returns when the locks of the readers are gone',
        'this.refuse(() => closedError(this.#connection.file));\n    this.#waitUntilGone();',
        'this.refuse(() => closedError(this.#connection.file));',
      ],
      [
        'lost-is-an-error',
        'a reader that dies is an error of its call',
        'if (turn !== null) turn.lost(pooled, exit);',
        'if (turn !== null) turn.drop(null);',
      ],
      [
        'asynchronous-close-waits',
        '`asyncDispose` waits for the reads of the handle',
        'await Promise.all(turns.map(turn => turn.settled));',
        'void turns;',
      ],
    ],
  ),
  ...inFile(
    'readers/read-pool.ts',
    [processes],
    [
      [
        'idle',
        'an idle reader ends after `idleMs`',
        'pooled.idle = setTimeout(() => this.#rest(pooled), this.#limits.idleMs).unref();',
        '',
      ],
    ],
  ),
  ...inFile(
    'readers/read-pool.ts',
    [watched],
    [
      [
        'fence-ends-readers',
        'after a fence no reader goes on',
        'for (const turn of this.#turns) turn.fail(refusal());\n    for (const pooled of this.#readers) this.#kill(pooled, () => {});',
        '',
      ],
      [
        'rest-for-journal-mode',
        'idle readers are not in the way of a switch of the journal mode',
        'for (const pooled of this.#readers) if (isFree(pooled)) this.#kill(pooled, () => {});\n    this.#waitUntilGone();',
        '',
      ],
    ],
  ),
  ...inFile(
    'readers/snapshot.ts',
    [reader],
    [
      [
        'snapshot-over',
        'the reader of a snapshot cannot be used after it',
        "if (this.#state === 'ending' || this.#state === 'over') {",
        "if (this.#state === 'ending') {",
      ],
    ],
  ),
  ...inFile(
    'readers/database-reader.ts',
    [reader],
    [
      [
        'own-snapshot',
        'db.reader inside a snapshot throws instead of waiting for itself',
        'if (inSnapshot.getStore()?.holdsReaderOf(pool) !== true) return pool;',
        'if (pool !== null) return pool;',
      ],
    ],
  ),
  ...inFile(
    'readers/reader-source.ts',
    [reader],
    [
      [
        'committed-copy',
        'a database without a file is read between two transactions',
        'if (openOn(connection) !== null) continue;',
        '',
      ],
    ],
  ),
  ...inFile(
    'readers/reader-process.ts',
    [processes],
    [['keeps-nothing-alive', 'idle readers keep no process alive', '  child.unref();\n  stdin?.unref?.();', '']],
  ),
  ...inFile(
    'readers/read-errors.ts',
    [limits],
    [
      [
        'memory-is-told',
        'a reader that ended at its memory limit is told from one that crashed',
        'if (signal === outOfMemorySignal) {',
        'if (signal === null && exitCode === -1) {',
      ],
    ],
  ),
  ...inFile(
    'readers/fair-queue.ts',
    ['test/readers/fair-queue.test.mts'],
    [
      [
        'handles-take-turns',
        'a handle with many calls does not keep the others waiting',
        '// Moves to the end of the row, or out of it.\n      this.#queues.delete(session);',
        '',
      ],
    ],
  ),
];
