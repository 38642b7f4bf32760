/**
 * A process in the guest that takes the steps of a process on the host: two kernels, one folder.
 *
 * ```
 *   host: RemotePeer                     guest: remote-raw.mts
 *   talk/step-1.json   ───────────────>  takes the step
 *                      <───────────────  talk/answer-1.json
 * ```
 *
 * Each file is new and comes into its place by a rename, so neither side meets half of one, or an old one in a cache.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RawAnswer, RawStep } from '../processes/raw-step.mts';
import type { RawPeer } from '../processes/steps.mts';

export type RemoteStep = RawStep | { readonly do: 'end' };

/** Pause between two checks for the other side's file, in milliseconds. */
export const pauseMs = 5;

/** The guest needs a few seconds to boot; longer than this it hangs. */
const answerMs = 30_000;

export function put(folder: string, name: string, content: unknown): void {
  writeFileSync(join(folder, `${name}.new`), JSON.stringify(content));
  renameSync(join(folder, `${name}.new`), join(folder, name));
}

export class RemotePeer implements RawPeer {
  readonly #talk: string;
  #steps = 0;

  constructor(talk: string) {
    this.#talk = talk;
  }

  async ask(step: RawStep): Promise<RawAnswer> {
    this.#steps += 1;
    put(this.#talk, `step-${this.#steps}.json`, step);
    const answer = join(this.#talk, `answer-${this.#steps}.json`);
    for (let waitedMs = 0; !existsSync(answer); waitedMs += pauseMs) {
      if (waitedMs > answerMs) throw new Error(`${JSON.stringify(step)}: no answer in ${answerMs / 1000} s`);
      await new Promise(resolve => setTimeout(resolve, pauseMs));
    }
    return JSON.parse(readFileSync(answer, 'utf8')) as RawAnswer;
  }

  end(): void {
    const last: RemoteStep = { do: 'end' };
    put(this.#talk, `step-${this.#steps + 1}.json`, last);
  }
}
