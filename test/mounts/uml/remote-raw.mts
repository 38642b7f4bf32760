/** The program of a guest that shares a folder with the host: takes step after step from the host (remote.mts). */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { take } from '../processes/raw-step.mts';
import { run } from './grounds/command.mts';
import { pauseMs, put, type RemoteStep } from './remote.mts';

/** Folders of the host. */
export interface Shared {
  /** Where steps and answers are exchanged. */
  readonly talk: string;
  /** Where the database is; the guest sees it at `<work>/shared`. */
  readonly shared: string;
}

if (import.meta.main) {
  const [work, input] = process.argv.slice(2) as [string, string];
  const folders = JSON.parse(readFileSync(input, 'utf8')) as Shared;
  for (const name of ['talk', 'shared'] as const) {
    mkdirSync(`${work}/${name}`);
    run('mount', '-t', 'hostfs', 'hostfs', `${work}/${name}`, '-o', folders[name]);
  }
  const talk = `${work}/talk`;
  for (let number = 1; ; number += 1) {
    const file = join(talk, `step-${number}.json`);
    while (!existsSync(file)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pauseMs);
    const step = JSON.parse(readFileSync(file, 'utf8')) as RemoteStep;
    if (step.do === 'end') break;
    put(
      talk,
      `answer-${number}.json`,
      take('file' in step ? { ...step, file: join(work, 'shared', step.file) } : step),
    );
  }
}
