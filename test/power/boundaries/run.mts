/** One script from the recording to the verdict, with the command that repeats what it found. */
import type { Cast } from './cast.mts';
import { explore, playedBack, type Exploration, type ExploreOptions } from './explore.mts';
import { discard, isKept, record } from './record.mts';
import { marksFile } from './cast.mts';

export interface Verdict extends Exploration {
  /** Files that the recording, played back, does not give as they are; empty when the recorder missed nothing. */
  readonly notRecorded: readonly string[];
  /** What to run to see the first broken state again; `null` when there is none. */
  readonly command: string | null;
}

export async function tryScript(cast: Cast, options: ExploreOptions): Promise<Verdict> {
  const recording = await record(cast);
  try {
    const back = playedBack(recording);
    const wanted = [...recording.end].filter(([path]) => isKept(path) && !path.endsWith(marksFile));
    const notRecorded = [
      ...wanted.filter(([path, content]) => back.get(path)?.equals(content) !== true).map(([path]) => path),
      ...[...back.keys()].filter(path => !recording.end.has(path)),
    ];
    const exploration = explore(recording, options);
    const [first] = exploration.broken;
    // What better-sqlite3 loses, or a disk that lies, is expected: there is nothing to repeat.
    const expected = cast.subject === 'raw' || options.lyingDisk === true;
    const command = first === undefined || expected ? null : commandFor(recording.keep(), first.state, options.seed);
    return { ...exploration, notRecorded, command };
  } finally {
    discard(recording);
  }
}

function commandFor(kept: string, state: number, seed: number): string {
  return `node test/power/write-boundaries.mts --trace ${kept} --seed ${seed} --state ${state}`;
}
