/** The sealing step: puts a finished copy on stable storage and reads its hash, while others may read it too. */
import { startJob } from '../maintenance/host';
import type { FileContent } from '../maintenance/protocol';
import type { Build } from './build';

export interface Seal {
  readonly content: Promise<FileContent>;
  /** Resolves when nothing uses the descriptor any more; never rejects. */
  readonly over: Promise<void>;
}

/** Syncs and hashes the copy through its own descriptor. A failed sync is final: it is not tried again. */
export function startSeal({ work, handle }: Pick<Build, 'work' | 'handle'>, signal: AbortSignal | undefined): Seal {
  const job = startJob({ kind: 'hash', file: work, descriptor: handle.fd }, { signal });
  const content = Promise.all([job.result, handle.sync()]).then(([read]) => read);
  return { content, over: job.over };
}
