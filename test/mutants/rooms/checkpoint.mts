import { inFile, type Mutant } from '../mutant.mts';

const schedulerTests = [
  'test/checkpoint/scheduler.test.mts',
  'test/checkpoint/loops.test.mts',
  'test/checkpoint/several-connections.test.mts',
  'test/fence',
  'test/sentinel/changed-underneath.test.mts',
];

export const checkpoint: readonly Mutant[] = [
  ...inFile(
    'checkpoint/close-checkpoint.ts',
    ['test/checkpoint/close.test.mts', 'test/checkpoint/several-connections.test.mts', 'test/fence'],
    [
      [
        'close-last-only',
        'only the last connection of the thread checkpoints at its close',
        'if (!user.checkpoints || others) return',
        'if (!user.checkpoints) return',
      ],
      [
        'close-marker',
        'a close does not checkpoint a file that another process has fenced',
        "if (noticeMarker(scheduler.target)) return 'without-checkpoint';",
        '',
      ],
      [
        'close-external',
        'a close leaves the WAL to the external owner of the checkpoints',
        "scheduler.settings.owner === 'external') return 'without-checkpoint'",
        "scheduler.settings.owner === 'external') return 'ordinary'",
      ],
      [
        'close-fault',
        'a fault in the checkpoint of a close is thrown',
        'faultOf(scheduler.target.key) !== null) throw error;',
        'faultOf(scheduler.target.key) !== null) return "without-checkpoint";',
      ],
      [
        'close-failed',
        'a connection whose last checkpoint failed closes without another one',
        "    return 'without-checkpoint';\n  }\n}",
        "    return 'ordinary';\n  }\n}",
      ],
      [
        'close-halt',
        'no checkpoint starts while a connection closes',
        '  scheduler.halt();\n',
        '',
        'The wait that follows stops requested checkpoints itself. No other code of this thread runs until the connection has left, and that halts the scheduler.',
      ],
    ],
  ),
  ...inFile(
    'checkpoint/run-checkpoint.ts',
    [
      'test/checkpoint/target.test.mts',
      'test/checkpoint/request.test.mts',
      'test/checkpoint/scheduler.test.mts',
      'test/checkpoint/close.test.mts',
    ],
    [
      [
        'retry-busy-only',
        'only a lock is waited for: nothing is retried after a failed sync',
        '(error === undefined || error instanceof SqliteBusyError)',
        '(error === undefined || error instanceof Error)',
      ],
      [
        'retry-closed',
        'a closed file is not tried again',
        '!signal.aborted && (error',
        '(error',
        'Each attempt begins with `signal.throwIfAborted()`, whose reason is no busy error.',
      ],
      [
        'awaited-truncate',
        'an awaited TRUNCATE that met a lock is tried again',
        "isDone: result => !(awaited && mode === 'truncate' && result.busy),",
        'isDone: () => true,',
      ],
      [
        'object-in-thread',
        'an addon given as an object is used in this thread only',
        "nativeBinding !== null ? 'main' : wanted",
        'nativeBinding !== null ? wanted : wanted',
      ],
      [
        'fullfsync',
        'a checkpoint syncs as its connection does',
        'fullfsync: connection?.plan.fullfsync ?? false',
        'fullfsync: false',
      ],
      [
        'translated',
        'a failed checkpoint throws a typed error',
        'throw translateError(error, { file: target.file, operation: `checkpoint (${mode})` });',
        'throw error;',
      ],
      ['aborted', 'a checkpoint of a closed file does not begin', '  signal.throwIfAborted();\n', ''],
    ],
  ),
  ...inFile(
    'checkpoint/scheduler.ts',
    ['test/fence/fence.test.mts', ...schedulerTests],
    [
      [
        'poll-marker',
        'checkpoints stop when another process fences the file',
        'if (noticeMarker(this.target)) return this.halt();\n    if (point',
        'if (point',
      ],
      [
        'go-on-marker',
        'the checkpoint after a checkpoint respects the fence of another process',
        '  #goOn(justCompleted: boolean): void {\n    if (noticeMarker(this.target)) return this.halt();\n',
        '  #goOn(justCompleted: boolean): void {\n',
      ],
      [
        'fences',
        'a checkpoint whose sync failed fences the file',
        'if (sqlite !== null && fence) fenceFiles([this.target], sqlite, `checkpoint (${mode})`);',
        '',
      ],
      [
        'fenced-arranges',
        'nothing checkpoints a fenced file again when a connection comes or goes',
        'if (checkpointing.length === 0 || faultOf(this.target.key) !== null) this.halt();',
        'if (checkpointing.length === 0) this.halt();',
        'A fence takes every connection that may write off the list of those that checkpoint; one in whose statement the fence fell leaves when that ends, before other code of the thread runs.',
      ],
    ],
  ),
  ...inFile(
    'checkpoint/scheduler.ts',
    ['test/checkpoint/switched-to-wal.test.mts', ...schedulerTests],
    [
      [
        'switch-noticed',
        'a database that another program switched to WAL is checkpointed',
        "if (point === 'tick' && noticeSwitch(this.target.file, this.#users)) this.#arrange();",
        '',
      ],
    ],
  ),
  ...inFile(
    'checkpoint/scheduler.ts',
    ['test/checkpoint/long-transactions.test.mts', ...schedulerTests],
    [
      [
        'long-transactions',
        'a transaction that stays open is reported',
        "if (point === 'tick') findLongTransactions(this.#users, performance.now());",
        '',
      ],
    ],
  ),
  ...inFile(
    'checkpoint/scheduler.ts',
    ['test/sentinel/changed-underneath.test.mts', ...schedulerTests],
    [
      [
        'unchanged-background',
        'a background checkpoint copies nothing into an overwritten file',
        '    this.#assertUnchanged();\n    const signal',
        '    const signal',
      ],
      [
        'unchanged-here',
        'a checkpoint in this thread copies nothing into an overwritten file',
        '    const { file } = this.target;\n    this.#assertUnchanged();\n',
        '    const { file } = this.target;\n',
      ],
    ],
  ),
  ...inFile(
    'checkpoint/scheduler.ts',
    ['test/checkpoint/scheduler.test.mts', ...schedulerTests],
    [
      [
        'failure-reported',
        'a failed checkpoint is an event',
        'reportFailure(this.#users, {',
        'if (sqlite === null && fence) reportFailure(this.#users, {',
      ],
      [
        'kept-alive',
        'the process waits for a checkpoint that a request follows',
        'while (this.#running !== null) await keptAlive(this.#running);',
        'while (this.#running !== null) await this.#running;',
      ],
      [
        'guess',
        'an estimate of the WAL does not checkpoint at every tick',
        'pendingBytes: state.exact ? state.pendingBytes : this.#guessed(state.pendingBytes)',
        'pendingBytes: state.pendingBytes',
      ],
    ],
  ),
  ...inFile(
    'checkpoint/scheduler.ts',
    ['test/checkpoint/pinned.test.mts', ...schedulerTests],
    [
      [
        'pinned-counts',
        'a WAL that a reader pins is reported',
        "if (verdict !== 'pinned') return;",
        "if (verdict !== 'undecided') return;",
      ],
    ],
  ),
  ...inFile(
    'checkpoint/report.ts',
    ['test/checkpoint/report.test.mts', 'test/checkpoint/pinned.test.mts', 'test/checkpoint/scheduler.test.mts'],
    [
      ['pinned-once', 'one short reader is no alarm', ' || pinned.consecutive === 1) return;', ') return;'],
      [
        'warning-again',
        'a WAL above its limit is reported at growing intervals',
        'if (now < this.#nextAt) return;',
        '',
      ],
      [
        'warning-over',
        'a WAL that was small again is reported at once when it grows again',
        '      this.#warnings = 0;\n      this.#nextAt = 0;\n',
        '',
      ],
      [
        'copied-first',
        'a listener that opens a connection is not told without end',
        'const hubs = new Map([...users].map(({ connection }) => [connection.hub, connection.options.logger]));',
        'const hubs = (function* () { for (const { connection } of users) yield [connection.hub, connection.options.logger] as const; })();',
      ],
      ['logged-once', 'one logger gets an event once', 'if (told.has(logger)) hub.relay(name, about);\n    else ', ''],
    ],
  ),
  ...inFile(
    'checkpoint/long-transactions.ts',
    ['test/checkpoint/long-transactions.test.mts', 'test/open/forgotten-transaction.test.mts'],
    [
      [
        'another-transaction',
        'the age of a transaction does not count its predecessors',
        'const seen = known?.ended === ended ? known :',
        'const seen = known !== undefined ? known :',
      ],
      [
        'reported-again',
        'a transaction that stays open is reported again',
        'return ageMs + Math.min(ageMs, longestGapMs);',
        'return ageMs + 1e12;',
      ],
      [
        'growing-gaps',
        'the reports of one transaction get rarer',
        'return ageMs + Math.min(ageMs, longestGapMs);',
        'return ageMs;',
      ],
      [
        'iterators',
        'an open iterator is reported',
        'for (const iterator of user.connection.openIterators()) reportIterator(user, iterator, now);',
        '',
      ],
    ],
  ),
  ...inFile(
    'checkpoint/history.ts',
    ['test/checkpoint/history.test.mts', 'test/checkpoint/scheduler.test.mts'],
    [
      ['failure-ends', 'a success ends a streak of failures', 'endedAt: now, failed: null };', 'endedAt: now };'],
      [
        'blocked-ends',
        'a complete checkpoint ends a streak of blocked ones',
        'completeAt: now, blocked: null, untruncated };',
        'completeAt: now, untruncated };',
      ],
      [
        'streak-since',
        'a streak knows when it began',
        'since: streak?.since ?? now, pausedUntil',
        'since: now, pausedUntil',
      ],
      [
        'pause',
        'a blocked checkpoint pauses before the next attempt',
        'pausedUntil: now + checkpointPause(outcome, consecutive, random)',
        'pausedUntil: now',
      ],
    ],
  ),
  ...inFile(
    'checkpoint/wal-status.ts',
    [
      'test/checkpoint/wal-status.test.mts',
      'test/checkpoint/switched-to-wal.test.mts',
      'test/checkpoint/pinned.test.mts',
    ],
    [
      [
        'iterator-occupies',
        'a connection with an open iterator is not asked for its WAL',
        ' || !connection.openIterators().next().done;',
        ';',
      ],
      ['clock-back', 'a clock that went back does not hide a written WAL', ' || since > wallClockNow();', ';'],
      [
        'known-ends',
        'a checkpoint of this process is seen at once',
        '  attempted(): void {\n    this.#known = null;\n',
        '  attempted(): void {\n',
      ],
      [
        'unsettled',
        'a WAL that was written just now is asked again',
        'this.#known = settled && state.exact ? state : null;',
        'this.#known = state.exact ? state : null;',
      ],
      [
        'reset-seen',
        'a WAL that was reset and has grown again counts as reset',
        ' || copiedBytes < this.#copiedBytes) {',
        ') {',
      ],
      [
        'readonly-switch',
        'a read-only connection does not take over checkpoints',
        '!user.checkpoints && !user.connection.plan.readonly && !isOccupied(user)',
        '!user.checkpoints && !isOccupied(user)',
      ],
    ],
  ),
];
