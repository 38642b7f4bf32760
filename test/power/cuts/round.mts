/** One power cut: several processes at work, the cut at a random commit, the way back, and the judgement. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { run } from '../../mounts/lab.mts';
import { seeded } from '../../faults/random.mts';
import type { PlainError } from '../../support/fault-scenario.mts';
import { startScenario, type Scenario } from '../../support/fault-shim.mts';
import type { Journal, OpenSettings, SubjectName } from '../../faults/subject.mts';
import type { Books, Mark } from '../books/books.mts';
import { judge, nothing, readFile, type Found } from '../books/judge.mts';
import { readWithOurs } from '../books/read-with-ours.mts';
import type { CutWindow, Ground } from './ground.mts';
import type { OperationName, Said, Work } from './workload.scenario.mts';

export interface Load {
  readonly subject: SubjectName;
  readonly settings: OpenSettings;
  readonly processes: number;
  /** The cut comes after so many commits at most; a random number below it. */
  readonly commits: number;
  /** The cut comes when this many commits are done and nothing is under way. Only for one process. */
  readonly atRest?: boolean;
  readonly only?: readonly OperationName[];
}

export interface RoundFault {
  readonly round: number;
  readonly outcome: string;
  readonly file: string;
  readonly openedWith: 'sqlite' | 'safe-sqlite';
  readonly faults: readonly string[];
}

export interface RoundResult {
  /** Transactions that were acknowledged in this round. */
  readonly acknowledged: number;
  readonly unknown: number;
  /** What was carried out before the cut, and how often. */
  readonly operations: Readonly<Partial<Record<OperationName, number>>>;
  /** The processes felt the cut, instead of being killed right before it. */
  readonly felt: boolean;
  /** What disks may have kept: states that were judged. */
  readonly outcomes: number;
  readonly broken: readonly RoundFault[];
  /** What ended processes before the cut: nothing may. */
  readonly failures: readonly PlainError[];
}

const program = join(import.meta.dirname, 'workload.scenario.mts');

/** Processes that have loaded everything and wait for their work. */
export function startCrew({ processes, subject }: Load): readonly Scenario[] {
  return Array.from({ length: processes }, () => {
    const member = startScenario(program);
    member.ask('warm', subject).catch(() => undefined);
    return member;
  });
}

export async function playRound(
  ground: Ground,
  load: Load,
  crew: readonly Scenario[],
  round: { readonly number: number; readonly seed: number; readonly books: Books },
): Promise<RoundResult> {
  const random = seeded(round.seed);
  const { said, window, felt, failures } = await workUntilCut(ground, load, crew, random, round.number);
  const marks = believed(said, window);
  for (const mark of marks) round.books.note(mark);

  const broken: RoundFault[] = [];
  let outcomes = 0;
  await ground.comeBack(round.seed, (folder, outcome) => {
    outcomes += 1;
    for (const fault of judgeFolder(folder, round.books, load.settings.journal))
      broken.push({ round: round.number, outcome, ...fault });
  });
  const txnsOf = (wanted: string): number =>
    new Set(marks.flatMap(mark => (mark.mark === wanted && 'txns' in mark ? mark.txns : []))).size;
  return {
    acknowledged: txnsOf('commit'),
    unknown: txnsOf('unknown'),
    operations: countOf(said),
    felt,
    outcomes,
    broken,
    failures,
  };
}

function countOf(said: readonly Said[]): Partial<Record<OperationName, number>> {
  const counts: Partial<Record<OperationName, number>> = {};
  for (const { did } of said) if (did !== undefined) counts[did] = (counts[did] ?? 0) + 1;
  return counts;
}

interface Heard {
  readonly said: readonly Said[];
  readonly window: CutWindow;
  readonly felt: boolean;
  readonly failures: readonly PlainError[];
}

/**
 * What was said, in order, without what the cut made doubtful: while the kernel takes a filesystem down, an fsync under
 * way may return 0 for data that is gone (measured with a bare loop of write and fsync). No process lives through a real
 * power cut, so no client would have received that answer. What began after the cut is believed, and would show as a loss.
 */
function believed(said: readonly Said[], { from, to }: CutWindow): readonly Mark[] {
  const told = said
    .flatMap(({ at, mark }) => (mark === undefined ? [] : [{ at: BigInt(at), mark }]))
    .toSorted((one, other) => (one.at < other.at ? -1 : 1));
  const begun = new Map<string, bigint>();
  const keysOf = (mark: Mark): readonly string[] => ('txns' in mark ? mark.txns.map(String) : [mark.file]);
  return told.flatMap(({ at, mark }) => {
    if (mark.mark === 'begin' || mark.mark === 'copy') for (const key of keysOf(mark)) begun.set(key, at);
    const promises = ['commit', 'copied', 'not-copied'].includes(mark.mark);
    const doubtful = promises && at >= from && keysOf(mark).some(key => (begun.get(key) ?? to) < to);
    return doubtful ? [] : [mark];
  });
}

async function workUntilCut(
  ground: Ground,
  load: Load,
  crew: readonly Scenario[],
  random: () => number,
  round: number,
): Promise<Heard> {
  const said: Said[] = [];
  const failures: PlainError[] = [];
  const felt = random() < 0.5;
  const wanted = load.atRest === true ? load.commits : 1 + Math.floor(random() * load.commits);
  const due = Promise.withResolvers<void>();
  let commits = 0;
  let cut = false;
  const works = crew.map((member, index) => {
    member.onReport(report => {
      const line = report as Said;
      said.push(line);
      if (line.failed !== undefined && !cut) failures.push(line.failed);
      if (line.mark?.mark === 'commit') commits += 1;
      if (line.failed !== undefined || (load.atRest !== true && commits >= wanted)) due.resolve();
    });
    const task: Work = {
      subject: load.subject,
      settings: load.settings,
      folder: ground.folder,
      writer: round * 10 + index,
      seed: Math.floor(random() * 0xffffffff),
      ...(load.atRest === true && { commits: load.commits }),
      ...(load.only !== undefined && { only: load.only }),
    };
    return member.ask('work', task).catch(() => undefined);
  });
  await (load.atRest === true ? Promise.all(works) : due.promise);
  const kill = (): void => {
    for (const member of crew) member.kill();
  };
  // Half of the rounds the processes go on into the cut, and what they then say of their commits counts too.
  if (!felt) kill();
  cut = true;
  const window = await ground.cut();
  kill();
  await Promise.all(crew.map(({ ended }) => ended));
  return { said, window, felt, failures };
}

/** Plain SQLite first, then this library on the same bytes: each recovers what it finds by itself. */
function judgeFolder(folder: string, books: Books, journal: Journal): Omit<RoundFault, 'round' | 'outcome'>[] {
  const before = new Map(
    readdirSync(folder, { withFileTypes: true })
      .filter(entry => entry.isFile())
      .map(({ name }) => [name, readFileSync(join(folder, name))]),
  );
  const withSqlite = judgeFiles(folder, books, 'sqlite', before, readFile);
  for (const entry of readdirSync(folder, { withFileTypes: true }))
    if (entry.isFile()) rmSync(join(folder, entry.name));
  for (const [name, content] of before) writeFileSync(join(folder, name), content);
  const withOurs = judgeFiles(folder, books, 'safe-sqlite', before, file => readWithOurs(file, journal));
  // What was put back here must outlive the next cut as if it had been there all the time.
  run('sync', '--file-system', folder);
  return [...withSqlite, ...withOurs];
}

function judgeFiles(
  folder: string,
  books: Books,
  openedWith: RoundFault['openedWith'],
  there: ReadonlyMap<string, Buffer>,
  read: (file: string) => Found,
): Omit<RoundFault, 'round' | 'outcome'>[] {
  return books.files().flatMap(file => {
    const found = there.has(file) ? read(join(folder, file)) : nothing;
    const faults = judge(found, books.versionsOf(basename(file)));
    return faults.length === 0 ? [] : [{ file, openedWith, faults }];
  });
}
