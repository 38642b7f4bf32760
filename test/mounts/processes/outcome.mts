/** Names the outcome of two writers for the record and the tests. Pure. */
import type { TwoWriters } from './raw-two-writers.mts';

/**
 * `'ok'` where every commit was acknowledged and found; `'rows lost, no error'` where acknowledged rows are missing and
 * no error was reported; otherwise the code that one of them got, and what is missing nevertheless.
 */
export function outcome({ acknowledged, refused, found, integrity }: TwoWriters): string {
  const told = refused.map(refusal => refusal.split(' ')[0]).join(', ');
  const afterwards =
    typeof found === 'string'
      ? `then ${found}`
      : found < acknowledged
        ? 'rows lost'
        : integrity === 'ok'
          ? ''
          : `then ${integrity}`;
  if (told !== '') return afterwards === '' ? told : `${told}; ${afterwards}`;
  return afterwards === '' ? 'ok' : `${afterwards}, no error`;
}
