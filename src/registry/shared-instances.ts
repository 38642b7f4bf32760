/** The one connection that all `openDatabase` calls for a file share. */
import { processGlobal } from '../base/process-global';
import { InstanceConflictError } from '../errors/refusals';
import { contradictions, describeDifference } from './settings-differences';

interface SharedInstance {
  readonly file: string;
  readonly settings: object;
  readonly value: unknown;
}

const instances = processGlobal<Map<string, SharedInstance>>('shared-instances', 1, () => new Map());

/** Makes `value` the shared instance of the file called `key`, until it is withdrawn. */
export function shareInstance(key: string, file: string, settings: object, value: unknown): void {
  instances.set(key, { file, settings, value });
}

/**
 * The shared instance of the file called `key`, or `null`.
 *
 * `asked` holds only what this caller asked for explicitly: what it left open cannot contradict.
 *
 * @throws InstanceConflictError naming each setting that contradicts those that the instance was opened with
 */
export function findInstance(key: string, file: string, asked: object): unknown {
  const instance = instances.get(key);
  if (instance === undefined) return null;
  const differences = contradictions(instance.settings, asked);
  if (differences.length === 0) return instance.value;
  const words = differences.map(difference => describeDifference(difference)).join('; ');
  throw new InstanceConflictError(
    `The database ${file} is already open in this process with other settings: ${words}.`,
    { details: { file, openAs: instance.file, differences: differences.map(difference => difference.name) } },
  );
}

/** Takes the instance out, so that nobody else gets it: it is closing or fenced. */
export function withdrawInstance(value: unknown): void {
  for (const [key, instance] of instances) if (instance.value === value) instances.delete(key);
}
