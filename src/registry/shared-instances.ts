/** Keeps the one connection that all `openDatabase` calls for a file share. */
import { processGlobal } from '../base/process-global';
import { InstanceConflictError } from '../errors/refusals';
import { contradictions, describeDifference } from './settings-differences';

interface SharedInstance {
  readonly file: string;
  readonly settings: object;
  readonly value: unknown;
}

const instances = processGlobal<Map<string, SharedInstance>>('shared-instances', 1, () => new Map());

/** Makes `value` the shared instance of the file with `key`, until it is withdrawn. */
export function shareInstance(key: string, file: string, settings: object, value: unknown): void {
  instances.set(key, { file, settings, value });
}

/**
 * Returns the shared instance of the file with `key`; `null` if there is none to share: an instance that is closing or
 * refuses every call is not returned.
 *
 * `asked` holds only what this caller asked for explicitly: unset options cannot contradict.
 *
 * @throws InstanceConflictError naming each setting that contradicts those that the instance was opened with
 */
export function findInstance<Value>(
  key: string,
  file: string,
  asked: object,
  isShareable: (value: unknown) => value is Value,
): Value | null {
  const instance = instances.get(key);
  if (instance === undefined || !isShareable(instance.value)) return null;
  const differences = contradictions(instance.settings, asked);
  if (differences.length === 0) return instance.value;
  const words = differences.map(difference => describeDifference(difference)).join('; ');
  throw new InstanceConflictError(
    `The database ${file} is already open in this process with other settings: ${words}.`,
    { details: { file, openAs: instance.file, differences: differences.map(difference => difference.name) } },
  );
}

/** Withdraws the instance when it closes. */
export function withdrawInstance(value: unknown): void {
  for (const [key, instance] of instances) if (instance.value === value) instances.delete(key);
}
