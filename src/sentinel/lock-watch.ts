/** Follows the locks on one file: remembers the descriptor that shows them, and looks at the others when it must. */
import { fstatSync } from 'node:fs';
import { sameFile, type FileIdentity } from '../base/file-identity';
import { parseLocks, watchLocks, type HeldLock, type LockReader } from '../proc/locks';
import { missingLocks, type LockRequirement } from '../policy/expected-locks';

export interface LockWatch {
  /** The requirements that are not met now, looking at the known descriptors. */
  missing(required: readonly LockRequirement[]): readonly LockRequirement[];
  /** Looks at these descriptors from now on. */
  replaceDescriptors(descriptors: readonly number[]): void;
  stop(): void;
}

// Texts of fdinfo that are known to be healthy: idle, reading each of the five read marks, writing, with some to spare.
const rememberedTexts = 16;

/**
 * A process owns its POSIX locks as a whole, but the kernel shows each at the descriptor that took it. With several
 * connections of one copy that is any of their descriptors, and it may change while all is well; so the union counts.
 */
export function createLockWatch(file: FileIdentity): LockWatch {
  let readers: LockReader[] = [];
  // Per requirement set, by identity: the sets are constants of expected-locks.ts.
  let healthy = new WeakMap<readonly LockRequirement[], Set<string>>();
  return {
    missing(required) {
      if (required.length === 0) return required;
      const held: HeldLock[] = [];
      for (const reader of readers) {
        const text = reader.read();
        if (text === null) continue;
        if (healthy.get(required)?.has(text) === true) return [];
        // The descriptor may have been closed behind SQLite's back and its number given to another database.
        if (!isOn(reader.fd, file)) continue;
        const locks = parseLocks(text);
        if (missingLocks(required, locks).length === 0) {
          remember(healthy, required, text);
          return [];
        }
        held.push(...locks);
      }
      return missingLocks(required, held);
    },
    replaceDescriptors(descriptors) {
      for (const reader of readers) reader.stop();
      readers = descriptors.flatMap(fd => {
        const watch = watchLocks(fd);
        return watch.supported ? [watch.reader] : [];
      });
      healthy = new WeakMap();
    },
    stop() {
      this.replaceDescriptors([]);
    },
  };
}

function isOn(fd: number, file: FileIdentity): boolean {
  try {
    return sameFile(fstatSync(fd, { bigint: true }), file);
  } catch {
    return false;
  }
}

function remember(
  healthy: WeakMap<readonly LockRequirement[], Set<string>>,
  required: readonly LockRequirement[],
  text: string,
): void {
  const texts = healthy.get(required) ?? new Set();
  if (texts.size < rememberedTexts) texts.add(text);
  healthy.set(required, texts);
}
