/** Resolves the options of the services: checkpoints, sentinel, write queue, readers, scheduled backups. */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { booleanOption, choiceOption, integerOption, millisecondsOption, pathOption, refuseOption } from './checks';
import { defaults } from './defaults';
import { checkOptionNames } from './option-names';
import type { Options } from './options';
import type {
  ResolvedCheckpoint,
  ResolvedReaders,
  ResolvedScheduledBackup,
  ResolvedSentinel,
  ResolvedWrites,
} from './resolved';

/** One page of the smallest size; a smaller WAL limit has no meaning. */
const smallestWalBytes = 512;
/** Shorter timers only burn processor time. */
const shortestIntervalMs = 10;
const shortestBackupIntervalMs = 1000;
const largestCount = 1_000_000;
/** Node itself does not start reliably with less. */
const smallestReaderBytes = 128 * 1024 * 1024;
const mostReaders = 1024;

export function resolveCheckpoint(given: Options['checkpoint']): ResolvedCheckpoint | 'off' {
  if (given === 'off') return 'off';
  const names = ['walBytes', 'intervalMs', 'truncateAboveBytes', 'owner', 'thread'] as const;
  const options = serviceObject('checkpoint', given, names, true);
  const { walBytes, intervalMs, truncateAboveBytes } = defaults.checkpoint;
  const bytes = (name: 'walBytes' | 'truncateAboveBytes', fallback: number): number =>
    integerOption(`checkpoint.${name}`, options[name], fallback, smallestWalBytes, Number.MAX_SAFE_INTEGER);
  const resolved = Object.freeze({
    walBytes: bytes('walBytes', walBytes),
    intervalMs: millisecondsOption('checkpoint.intervalMs', options.intervalMs, intervalMs, shortestIntervalMs),
    truncateAboveBytes: bytes('truncateAboveBytes', Math.max(truncateAboveBytes, options.walBytes ?? 0)),
    owner: choiceOption('checkpoint.owner', options.owner, 'self', ['self', 'external']),
    thread: choiceOption('checkpoint.thread', options.thread, 'worker', ['worker', 'main']),
  });
  if (resolved.truncateAboveBytes < resolved.walBytes) {
    refuseOption(
      'checkpoint.truncateAboveBytes',
      `at least \`walBytes\` (${resolved.walBytes})`,
      resolved.truncateAboveBytes,
    );
  }
  return resolved;
}

export function resolveSentinel(given: Options['sentinel']): ResolvedSentinel | 'off' {
  if (given === 'off') return 'off';
  const options = serviceObject('sentinel', given, ['intervalMs', 'onCommit'] as const, true);
  const { intervalMs, onCommit } = defaults.sentinel;
  return Object.freeze({
    intervalMs: millisecondsOption('sentinel.intervalMs', options.intervalMs, intervalMs, shortestIntervalMs),
    onCommit: booleanOption('sentinel.onCommit', options.onCommit, onCommit),
  });
}

export function resolveWrites(given: Options['writes'], timeout: number): ResolvedWrites {
  const names = ['maxBatch', 'maxBatchMs', 'maxQueued', 'timeoutMs', 'retries', 'minDelayMs', 'maxDelayMs'] as const;
  const options = serviceObject('writes', given, names, false);
  const { writes } = defaults;
  const resolved = Object.freeze({
    maxBatch: integerOption('writes.maxBatch', options.maxBatch, writes.maxBatch, 1, largestCount),
    maxBatchMs: millisecondsOption('writes.maxBatchMs', options.maxBatchMs, writes.maxBatchMs, 1),
    maxQueued: integerOption('writes.maxQueued', options.maxQueued, writes.maxQueued, 1, largestCount),
    timeoutMs: millisecondsOption('writes.timeoutMs', options.timeoutMs, timeout, 0),
    retries: integerOption('writes.retries', options.retries, writes.retries, 0, largestCount),
    minDelayMs: millisecondsOption('writes.minDelayMs', options.minDelayMs, writes.minDelayMs, 1),
    maxDelayMs: millisecondsOption(
      'writes.maxDelayMs',
      options.maxDelayMs,
      Math.max(writes.maxDelayMs, options.minDelayMs ?? 0),
      1,
    ),
  });
  if (resolved.maxDelayMs < resolved.minDelayMs) {
    refuseOption('writes.maxDelayMs', `at least \`minDelayMs\` (${resolved.minDelayMs})`, resolved.maxDelayMs);
  }
  return resolved;
}

export function resolveReaders(given: Options['readers']): ResolvedReaders | 'off' {
  if (given === 'off') return 'off';
  const names = ['max', 'idleMs', 'timeoutMs', 'maxQueued', 'setup', 'memoryBytes'] as const;
  const options = serviceObject('readers', given, names, true);
  const { readers } = defaults;
  const memory = options.memoryBytes;
  return Object.freeze({
    max: options.max === undefined ? null : integerOption('readers.max', options.max, 1, 1, mostReaders),
    idleMs: millisecondsOption('readers.idleMs', options.idleMs, readers.idleMs, 0),
    timeoutMs: millisecondsOption('readers.timeoutMs', options.timeoutMs, readers.timeoutMs, 1),
    maxQueued: integerOption('readers.maxQueued', options.maxQueued, readers.maxQueued, 0, largestCount),
    setup: setupModule(options.setup),
    memoryBytes: integerOption('readers.memoryBytes', memory, readers.memoryBytes, smallestReaderBytes, 2 ** 50),
  });
}

function setupModule(given: unknown): string | null {
  const text = given instanceof URL ? given.href : given;
  const path = pathOption('readers.setup', text, 'the path of a module');
  if (path === null) return null;
  if (!path.startsWith('file:')) return resolve(path);
  try {
    return fileURLToPath(path);
  } catch {
    return refuseOption('readers.setup', 'the path of a module', path);
  }
}

export function resolveBackup(given: Options['backup']): ResolvedScheduledBackup | 'off' {
  if (given === undefined) return 'off';
  const options = serviceObject(
    'backup',
    given,
    ['directory', 'intervalMs', 'keep', 'verify', 'reserveBytes'] as const,
    false,
  );
  const directory = pathOption('backup.directory', options.directory);
  if (directory === null) refuseOption('backup.directory', 'the path of a folder', undefined);
  const { intervalMs, keep } = defaults.backup;
  const kept = serviceObject('backup.keep', options.keep, ['newest', 'daily', 'weekly'] as const, false);
  const count = (name: 'newest' | 'daily' | 'weekly', minimum: number): number =>
    integerOption(`backup.keep.${name}`, kept[name], keep[name], minimum, largestCount);
  return Object.freeze({
    directory,
    intervalMs: millisecondsOption('backup.intervalMs', options.intervalMs, intervalMs, shortestBackupIntervalMs),
    keep: Object.freeze({ newest: count('newest', 1), daily: count('daily', 0), weekly: count('weekly', 0) }),
    verify: choiceOption('backup.verify', options.verify, 'quick', ['quick', 'full']),
    reserveBytes:
      options.reserveBytes === undefined
        ? null
        : integerOption('backup.reserveBytes', options.reserveBytes, 0, 0, Number.MAX_SAFE_INTEGER),
  });
}

/** Returns the options object of one service with its names checked; `{}` if none was given. */
function serviceObject<Given extends object>(
  option: string,
  given: Given | undefined,
  names: readonly (keyof Given & string)[],
  canBeOff: boolean,
): Partial<Given> {
  if (given === undefined) return {};
  checkOptionNames(given, names, option, canBeOff ? "an object or `'off'`" : 'an object');
  return given;
}
