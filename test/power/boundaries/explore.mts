/** Tries what a crash may leave at every moment of a recording, and judges each state with SQLite itself. */
import { basename, join, relative } from 'node:path';
import { seeded } from '../../faults/random.mts';
import { openBooks, type Books, type Mark } from '../books/books.mts';
import { marksFile } from './cast.mts';
import { createDisk, type Contents, type Disk } from './disk-model.mts';
import { scriptNamed } from './scripts.mts';
import { judgeFiles, type OpenedWith } from './judge-files.mts';
import { isKept, layOut, type Recording } from './record.mts';
import { endingsOf, type Ending } from './states.mts';
import type { TraceEvent } from './trace.mts';

export interface ExploreOptions {
  /** Chooses the random combinations, and the states when there are more than `budget`. */
  readonly seed: number;
  /** At most so many states are judged. */
  readonly budget: number;
  /** Of those judged, one in so many is also opened with this library. */
  readonly oursEvery: number;
  /** Only this state. */
  readonly only?: number;
  /** A disk that answers a sync and does nothing: what the bench must be able to see. */
  readonly lyingDisk?: boolean;
}

export interface StateFault {
  readonly state: number;
  /** After which change of the trace, and how the pending ones ended. */
  readonly moment: string;
  readonly file: string;
  readonly openedWith: OpenedWith;
  readonly faults: readonly string[];
}

export interface Exploration {
  readonly events: number;
  /** Moments times endings, and how many of them differ. */
  readonly states: number;
  readonly different: number;
  readonly judged: number;
  readonly judgedByOurs: number;
  readonly broken: readonly StateFault[];
}

const markStart = Buffer.from('{"mark"');

/** One state, with what was promised when the crash came. */
interface State {
  readonly number: number;
  readonly moment: number;
  readonly ending: Ending;
  readonly disk: Disk;
  readonly books: Books;
  /** The same for states that would be judged the same. */
  readonly key: string;
  /** A promise was made just now, or a name changed: here a loss would show first. */
  readonly telling: boolean;
}

export function explore(recording: Recording, options: ExploreOptions): Exploration {
  let states = 0;
  const different = new Map<string, number>();
  const telling: number[] = [];
  walk(recording, options, ({ key, number, ...state }) => {
    states += 1;
    if (different.has(key)) return;
    different.set(key, number);
    if (state.telling) telling.push(number);
  });
  const chosen = new Set(
    options.only === undefined ? chooseStates(telling, [...different.values()], options) : [options.only],
  );
  const broken: StateFault[] = [];
  let judged = 0;
  let judgedByOurs = 0;
  walk(recording, options, state => {
    if (!chosen.has(state.number)) return;
    const byOurs = options.only !== undefined || judged % options.oursEvery === 0;
    judged += 1;
    broken.push(...judgeState(recording, state, 'sqlite'));
    if (!byOurs) return;
    judgedByOurs += 1;
    broken.push(...judgeState(recording, state, 'safe-sqlite'));
  });
  return { events: recording.events.length, states, different: different.size, judged, judgedByOurs, broken };
}

/** The recording played back to its end must give the files that are there: the recorder has missed nothing. */
export function playedBack(recording: Recording): Contents {
  let contents: Contents = new Map();
  walkEvents(recording, disk => {
    contents = disk.render(() => 'kept');
  });
  return contents;
}

/** Half of the places for the telling moments, the rest for all others alike. */
function chooseStates(telling: readonly number[], all: readonly number[], options: ExploreOptions): readonly number[] {
  const { budget, seed } = options;
  const first = choose(telling, Math.ceil(budget / 2), seed);
  const others = new Set(all);
  for (const number of first) others.delete(number);
  return [...first, ...choose([...others], budget - first.length, seed)];
}

function choose(numbers: readonly number[], budget: number, seed: number): readonly number[] {
  if (numbers.length <= budget) return numbers;
  const random = seeded(seed);
  const drawn = numbers.map(number => ({ number, lot: random() }));
  return drawn
    .toSorted((one, other) => one.lot - other.lot)
    .slice(0, budget)
    .map(({ number }) => number);
}

function walk(recording: Recording, options: ExploreOptions, visit: (state: State) => void): void {
  let number = 0;
  const tightened = { count: 0, now: false };
  walkEvents(
    recording,
    (disk, books, moment) => {
      const next = recording.events[moment + 1];
      const windowEnds = next === undefined || next.kind.startsWith('sync') || isMark(next);
      for (const ending of endingsOf(disk, moment, options.seed, windowEnds)) {
        const key = `${tightened.count} ${disk.keyOf(ending.fateOf)}`;
        visit({ number, moment, ending, disk, books, key, telling: tightened.now || nameChange(recording, moment) });
        number += 1;
      }
      tightened.now = false;
    },
    {
      lyingDisk: options.lyingDisk === true,
      onMark: mark => {
        if (!isTighter(mark)) return;
        tightened.count += 1;
        tightened.now = true;
      },
    },
  );
}

function nameChange({ events }: Recording, moment: number): boolean {
  return ['rename', 'unlink', 'link'].includes(events[moment]?.kind ?? '');
}

/** A begin allows more; states before it are judged more strictly, so they need not be judged again. */
function isTighter({ mark }: Mark): boolean {
  return mark !== 'begin' && mark !== 'copy';
}

/** Marks are lines of JSON, which nothing else in these runs writes. */
function isMark(event: TraceEvent): boolean {
  return event.kind === 'write' && event.data.subarray(0, markStart.length).equals(markStart);
}

function walkEvents(
  { folder, base, events }: Recording,
  visit: (disk: Disk, books: Books, moment: number) => void,
  { lyingDisk = false, onMark = () => {} }: { lyingDisk?: boolean; onMark?: (mark: Mark) => void } = {},
): void {
  const marksPath = join(folder, marksFile);
  const disk = createDisk(new Map([...base].filter(([path]) => path !== marksPath && isKept(path))));
  const books = openBooks();
  const note = (text: string): void => {
    for (const line of text.split('\n').filter(each => each !== '')) {
      const mark = JSON.parse(line) as Mark;
      books.note(mark);
      onMark(mark);
    }
  };
  note(base.get(marksPath)?.content.toString() ?? '');
  const ignored = new Set([...base].filter(([path]) => !isKept(path)).map(([, { inode }]) => inode));
  events.forEach((event, moment) => {
    if (isMark(event)) note(event.data.toString());
    else if (event.path === marksPath || isOfShm(event, ignored)) return;
    else if (!(lyingDisk && event.kind.startsWith('sync'))) disk.apply(event);
    visit(disk, books, moment);
  });
}

/** Changes of `-shm` files: by name, and by inode until the number is used for another file. */
function isOfShm(event: TraceEvent, ignored: Set<bigint>): boolean {
  const { kind, inode, path } = event;
  if (kind === 'create') {
    if (isKept(path)) ignored.delete(inode);
    else ignored.add(inode);
  }
  return ignored.has(inode) || !isKept(path);
}

function judgeState(recording: Recording, state: State, openedWith: OpenedWith): StateFault[] {
  const { folder, cast } = recording;
  const contents = state.disk.render(state.ending.fateOf);
  layOut(folder, contents);
  const moment = `after change ${state.moment} (${nameOf(recording, state.moment)}), ${state.ending.label}`;
  const script = scriptNamed(cast.script);
  const judged = { folder, contents, books: state.books, script, base: recording.base };
  return judgeFiles({ ...judged, journal: cast.journal ?? script.journal }, openedWith).map(fault => ({
    state: state.number,
    moment,
    openedWith,
    ...fault,
  }));
}

function nameOf({ events, folder }: Recording, moment: number): string {
  const event = events[moment];
  if (event === undefined) return 'none';
  return `${event.kind} ${event.path === '' ? `inode ${event.inode}` : basename(relative(folder, event.path))}`;
}
