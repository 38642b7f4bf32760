/** The arguments of `db.write`, checked before anything is queued. */
import { isAsyncFunction } from 'node:util/types';
import { choiceOption, refuseOption } from '../options/checks';
import { checkOptionNames } from '../options/option-names';
import { priorities } from './priority-queue';
import type { WriteCallOptions } from './queued-write';

const optionNames = ['signal', 'priority'] as const satisfies readonly (keyof WriteCallOptions)[];

/** Throws `TypeError` and `InvalidOptionError`. */
export function checkWrite(fn: unknown, options: WriteCallOptions | undefined): void {
  if (typeof fn !== 'function') throw new TypeError('Expected first argument to be a function');
  if (isAsyncFunction(fn)) throw new TypeError('Write function cannot be async: it would go on outside of its batch');
  if (options === undefined) return;
  checkOptionNames(options, optionNames, '');
  const { signal, priority } = options;
  if (signal !== undefined && !(signal instanceof AbortSignal)) refuseOption('signal', 'an AbortSignal', signal);
  choiceOption('priority', priority, 'normal', priorities);
}
