/** Defines computed own enumerable properties, shown by `console.log(db)` and `{ ...db }` as in better-sqlite3. */

import { originalOf } from '../base/original';

export function ownProperties<Owner extends object>(
  read: Readonly<Record<string, (owner: Owner) => unknown>>,
): PropertyDescriptorMap & ThisType<Owner> {
  const descriptors: PropertyDescriptorMap & ThisType<Owner> = {};
  for (const [name, value] of Object.entries(read)) {
    descriptors[name] = {
      get(this: Owner) {
        return value(originalOf(this));
      },
      enumerable: true,
    };
  }
  return descriptors;
}
