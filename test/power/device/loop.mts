/** Loop devices that are really gone when they are detached. */
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { run } from '../../mounts/lab.mts';

export interface Loop {
  readonly device: string;
  /** Resolves when the kernel has let the file go. */
  detach(): Promise<void>;
}

/** Far longer than another program looks at a device. */
const patienceMs = 30_000;

/**
 * A loop device over a file.
 *
 * `losetup --detach` only asks: as long as any program has the device open, for example a `losetup --find` elsewhere that
 * looks for a free one, the device stays, and the file is in use.
 */
export function attachLoop(file: string): Loop {
  const device = run('losetup', '--show', '--find', file).trim();
  return {
    device,
    async detach() {
      run('losetup', '--detach', device);
      await patiently(() => {
        if (existsSync(`/sys/block/${basename(device)}/loop`)) throw new Error(`${device} is not let go.`);
      });
    },
  };
}

/** Does it again as long as it throws. */
export async function patiently(act: () => void): Promise<void> {
  const end = performance.now() + patienceMs;
  for (;;) {
    try {
      return act();
    } catch (error) {
      if (performance.now() > end) throw error;
      await delay(20);
    }
  }
}
