/** One soak: the processes at work, the weather over them, and an operator who looks, measures and clears fences. */
import { copyFileSync, existsSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import Native from 'better-sqlite3';
import { clearFence } from 'safe-sqlite';
import { seeded } from '../faults/random.mts';
import type { PlainError } from '../support/fault-scenario.mts';
import { createFaultBench } from '../support/fault-shim.mts';
import { startCrew, type Crew, type LifeGrowth } from './crew.mts';
import { readLedger, type LedgerView } from './ledger.mts';
import { Notes } from './notes.mts';
import { longestSpellMs, spellAt } from './weather.mts';

export interface SoakOptions {
  readonly minutes: number;
  readonly seed: number;
  readonly onLine?: (line: string) => void;
}

export interface SoakReport extends Readonly<Notes['counts']> {
  readonly seconds: number;
  readonly transactions: ReturnType<Notes['account']['sums']>;
  /** Faults that came, by kind. */
  readonly weather: Notes['weather'];
  readonly walPeakBytes: number;
  readonly walLimitBytes: number;
  readonly growth: readonly LifeGrowth[];
  /** Broken promises, unexplained errors, false alarms, growth beyond a limit. */
  readonly faults: readonly string[];
}

const truncateAboveBytes = 8 << 20;
const longestHoldMs = 4000;
/**
 * docs/checkpoints.md: at twice `truncateAboveBytes` a writer waits for the checkpoint. A reader that holds its snapshot and
 * a disk that is full under a checkpoint keep the WAL from starting over, each with the pause before the next try; what is
 * written meanwhile, in bytes a second, comes on top.
 */
const walLimit = (growthPerSecond: number): number =>
  Math.max(
    8 * truncateAboveBytes,
    2 * truncateAboveBytes + growthPerSecond * ((2 * longestHoldMs + longestSpellMs) / 1000),
  );
/** Without a pause the WAL could never start over, with any library. */
const longestPauseMs = 2000;
const sampleEveryMs = 1500;
/** Of the size of the WAL. */
const samplesPerSecond = 10;
/** However slow the machine is: so that each soak meets a dead disk and goes on after it. */
const fewestSpells = 3;
/** After a passing fault the processes go on for so long at least. */
const recoveryMs = 4000;

export async function soak({ minutes, seed, onLine = () => {} }: SoakOptions): Promise<SoakReport> {
  using bench = createFaultBench();
  const notes = new Notes(onLine);
  const random = seeded(seed);
  // Drawn apart: how often the reader comes to look must not change the weather.
  const holds = seeded(seed + 1);
  const file = join(bench.folder, 'soak.db');
  const backups = join(bench.folder, 'backups');
  mkdirSync(backups);
  const growth: LifeGrowth[] = [];
  const walSizes: number[] = [];
  const walTimer = setInterval(() => {
    walSizes.push(statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0);
  }, 1000 / samplesPerSecond);
  const start = (tokens: readonly number[]): Promise<Crew> =>
    startCrew(bench, {
      file,
      truncateAboveBytes,
      backups,
      seed: seed + notes.counts.fences * 10,
      tokens,
      now: () => notes.now(),
      onReport: (writer, report) => notes.hear(writer, report),
      onEnd: fault => notes.wrong(fault),
    });
  const end = async (crew: Crew): Promise<readonly number[]> => {
    const tokens = await crew.stop();
    growth.push(...crew.growth());
    return tokens;
  };

  let crew = await start([]);
  const lastMs = minutes * 60_000;
  // A fence ends every process, and a leak needs a long life to show.
  const deadEvery = minutes < 3 ? 6 : 30;
  for (let index = 0; index < fewestSpells || notes.now() < lastMs; index += 1) {
    const { kind, calmMs, lastsMs, rules } = spellAt(index, random, deadEvery);
    let over = false;
    const isOver = (): boolean => over;
    const watching = Promise.all([crew.sample(sampleEveryMs, isOver), look(crew, notes, holds, isOver)]).catch(
      // A fenced database is not read either.
      (error: unknown) => notes.explain(error as PlainError, 'a reader'),
    );
    await delay(calmMs);
    notes.turnsTo(kind);
    bench.faults.arm(...rules(file));
    await Promise.race([delay(lastsMs), notes.fenced]);
    bench.faults.heal();
    notes.clearsUp();
    if (kind !== 'dead disk') await delay(recoveryMs);
    over = true;
    await watching;
    if (kind !== 'dead disk') continue;
    const tokens = await end(crew);
    await clearTheFence(file, notes);
    crew = await start(tokens);
  }
  await end(crew);
  clearInterval(walTimer);

  if (existsSync(`${file}-wal`)) notes.wrong('a -wal is left after the last close');
  notes.compare(readPlainly(file), notes.account.promised(), 'the database at the end');
  const walPeakBytes = largest(walSizes);
  const walLimitBytes = walLimit(
    largest(walSizes.map((size, index) => size - (walSizes[index - samplesPerSecond] ?? 0))),
  );
  if (walPeakBytes > walLimitBytes) notes.wrong(`the WAL grew to ${walPeakBytes} bytes`);
  for (const { process: name, measure, rise, limit } of growth)
    if (rise > limit) notes.wrong(`${name}: ${measure} rose by ${rise}, more than ${limit}`);
  return {
    seconds: Math.round(notes.now() / 1000),
    transactions: notes.account.sums(),
    ...notes.counts,
    weather: notes.weather,
    walPeakBytes,
    walLimitBytes,
    growth,
    faults: notes.faults,
  };
}

const largest = (values: readonly number[]): number => values.reduce((most, value) => Math.max(most, value), 0);

/** Compares snapshots and backups with the books, until it is over. */
async function look(crew: Crew, notes: Notes, holds: () => number, isOver: () => boolean): Promise<void> {
  const { reader } = crew;
  while (!isOver()) {
    const promised = notes.account.promised();
    const view = await reader.ask<LedgerView>('snapshot', Math.floor(holds() * longestHoldMs));
    notes.compare(view, promised, 'a snapshot');
    for (const { path, least } of notes.newBackups.splice(0)) {
      const copy = await reader.ask<LedgerView | null>('backup', path);
      notes.counts.backups += 1;
      // The schedule may have removed it already.
      if (copy !== null) notes.compare(copy, least, path);
    }
    await delay(holds() * longestPauseMs);
  }
}

/** What docs/fencing.md says to do, after every process has ended: a copy aside, the check, the fence away. */
async function clearTheFence(file: string, notes: Notes): Promise<void> {
  const aside = `${file}.aside`;
  for (const suffix of ['', '-wal']) if (existsSync(file + suffix)) copyFileSync(file + suffix, aside + suffix);
  notes.compare(readPlainly(aside), notes.account.promised(), 'the fenced files');
  for (const suffix of ['', '-wal', '-shm']) rmSync(aside + suffix, { force: true });
  const { fence } = await clearFence(file);
  if (fence === null) notes.wrong('the disk was dead and nothing was fenced');
  else notes.counts.fences += 1;
}

function readPlainly(path: string): LedgerView {
  const database = new Native(path);
  try {
    return readLedger(database);
  } finally {
    database.close();
  }
}
