/** The one connection that all `openDatabase` calls for a file share, counted by its holders. */
import { processGlobal } from '../base/process-global';
import { InstanceConflictError } from '../errors/refusals';
import { describeDifference, settingsDifferences } from './settings-differences';

interface SharedInstance {
  readonly file: string;
  readonly settings: object;
  readonly value: unknown;
  holders: number;
}

/** One holder's part in a shared instance. */
export interface Lease<Value> {
  readonly value: Value;
  /** Gives the part back; true when it was the last one and the connection is to be closed. False when called again. */
  release(): boolean;
}

const instances = processGlobal<Map<string, SharedInstance>>('shared-instances', 1, () => new Map());

/** Makes `value` the shared instance of the file called `key`, and holds it once. */
export function shareInstance<Value>(key: string, file: string, settings: object, value: Value): Lease<Value> {
  const instance: SharedInstance = { file, settings, value, holders: 0 };
  instances.set(key, instance);
  return lease<Value>(key, instance);
}

/**
 * Holds the shared instance of the file called `key`, if there is one.
 *
 * Throws `InstanceConflictError` naming each setting that contradicts those that the instance was opened with.
 */
export function leaseInstance<Value>(key: string, file: string, settings: object): Lease<Value> | null {
  const instance = instances.get(key);
  if (instance === undefined) return null;
  const differences = settingsDifferences(instance.settings, settings);
  if (differences.length > 0) {
    const words = differences.map(difference => describeDifference(difference)).join('; ');
    throw new InstanceConflictError(
      `The database ${file} is already open in this process with other settings: ${words}.`,
      {
        details: { file, openAs: instance.file, differences: differences.map(difference => difference.name) },
      },
    );
  }
  return lease<Value>(key, instance);
}

/** Takes the instance out, so that nobody else gets it: it is closing or fenced. Its holders keep their leases. */
export function withdrawInstance(key: string, value: unknown): void {
  if (instances.get(key)?.value === value) instances.delete(key);
}

function lease<Value>(key: string, instance: SharedInstance): Lease<Value> {
  instance.holders += 1;
  let held = true;
  return {
    // The value is what the same package version stored under this key; other versions have other keys.
    value: instance.value as Value,
    release() {
      if (!held) return false;
      held = false;
      instance.holders -= 1;
      if (instance.holders > 0) return false;
      withdrawInstance(key, instance.value);
      return true;
    },
  };
}
