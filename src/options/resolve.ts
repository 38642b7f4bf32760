/** Resolves the caller's options into `ResolvedOptions`: names and values checked, defaults filled in, frozen. */
import { defaultLogger, silentLogger } from '../events/default-logger';
import type { Logger } from '../events/logger';
import { booleanOption, choiceOption, millisecondsOption, pathOption, refuseOption } from './checks';
import { defaults } from './defaults';
import { checkOptionNames } from './option-names';
import type { Options } from './options';
import type { ResolvedDangers, ResolvedOptions } from './resolved';
import { resolveBackup, resolveCheckpoint, resolveReaders, resolveSentinel, resolveWrites } from './resolve-services';
import { resolveSource } from './source';

const optionNames = [
  'readonly',
  'fileMustExist',
  'timeout',
  'verbose',
  'nativeBinding',
  'journalMode',
  'durability',
  'transactionMode',
  'weakerPragmas',
  'processGuard',
  'checkpoint',
  'sentinel',
  'writes',
  'readers',
  'backup',
  'rescueDirectory',
  'logger',
  'dangerously',
] as const satisfies readonly (keyof Options)[];

const dangerNames = [
  'allowNetworkFilesystem',
  'allowUnsyncedCommits',
  'allowNonDurableFilesystem',
  'allowSqliteVersion',
] as const;

/** Characters; a shorter reason gives no reason. */
const shortestReason = 10;

/** Throws `InvalidOptionError` for anything that `Options` does not allow. */
export function resolveOptions(filename: unknown, given: unknown): ResolvedOptions {
  const options = optionsObject(given);
  const source = resolveSource(filename);
  const readonly = booleanOption('readonly', options.readonly, false);
  if (readonly && (source.kind === 'memory' || source.kind === 'temporary')) {
    refuseOption('readonly', '`false` for a database in memory or a temporary one', true);
  }
  const timeout = millisecondsOption('timeout', options.timeout, defaults.timeout, 0);
  return Object.freeze({
    source,
    readonly,
    fileMustExist: booleanOption('fileMustExist', options.fileMustExist, false),
    timeout,
    verbose: resolveVerbose(options.verbose),
    nativeBinding: resolveNativeBinding(options.nativeBinding),
    journalMode: choiceOption('journalMode', options.journalMode, 'auto', ['auto', 'wal', 'rollback']),
    durability: choiceOption('durability', options.durability, 'full', ['full', 'extra']),
    transactionMode: choiceOption('transactionMode', options.transactionMode, 'deferred', ['deferred', 'immediate']),
    weakerPragmas: choiceOption('weakerPragmas', options.weakerPragmas, 'keep', ['keep', 'throw']),
    processGuard: choiceOption('processGuard', options.processGuard, 'on', ['on', 'off']),
    checkpoint: resolveCheckpoint(options.checkpoint),
    sentinel: resolveSentinel(options.sentinel),
    writes: resolveWrites(options.writes, timeout),
    readers: resolveReaders(options.readers),
    backup: resolveBackup(options.backup),
    rescueDirectory: pathOption('rescueDirectory', options.rescueDirectory),
    logger: resolveLogger(options.logger),
    dangerously: resolveDangers(options.dangerously),
  });
}

function optionsObject(given: unknown): Options {
  const options = given ?? {};
  checkOptionNames(options, optionNames, '');
  return options;
}

function resolveVerbose(verbose: Options['verbose']): ResolvedOptions['verbose'] {
  if (verbose === undefined || verbose === null) return null;
  if (typeof verbose !== 'function') refuseOption('verbose', 'a function', verbose);
  return verbose;
}

function resolveNativeBinding(binding: Options['nativeBinding']): ResolvedOptions['nativeBinding'] {
  if (binding === undefined || binding === null) return null;
  if (typeof binding !== 'string' && typeof binding !== 'object') {
    refuseOption('nativeBinding', 'the path of an addon or the addon itself', binding);
  }
  return binding;
}

const loggerMethods = ['debug', 'info', 'warn', 'error', 'fatal'] as const;

function resolveLogger(logger: Options['logger']): Logger {
  if (logger === undefined) return defaultLogger();
  if (logger === false) return silentLogger;
  const complete =
    typeof logger === 'object' && logger !== null && loggerMethods.every(name => typeof logger[name] === 'function');
  if (!complete) refuseOption('logger', `\`false\` or a pino logger (with ${loggerMethods.join(', ')})`, logger);
  return logger;
}

function resolveDangers(given: Options['dangerously']): ResolvedDangers {
  if (given !== undefined) checkOptionNames(given, dangerNames, 'dangerously');
  const reason = (name: (typeof dangerNames)[number]): string | null => {
    const value: unknown = given?.[name];
    if (value === undefined) return null;
    if (typeof value !== 'string' || value.trim().length < shortestReason) {
      refuseOption(`dangerously.${name}`, `a sentence that says why (${shortestReason} characters at least)`, value);
    }
    return value;
  };
  return Object.freeze({
    allowNetworkFilesystem: reason('allowNetworkFilesystem'),
    allowUnsyncedCommits: reason('allowUnsyncedCommits'),
    allowNonDurableFilesystem: reason('allowNonDurableFilesystem'),
    allowSqliteVersion: reason('allowSqliteVersion'),
  });
}
