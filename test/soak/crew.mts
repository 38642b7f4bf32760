/** The processes of the soak: started, measured, stopped, and started again after a fence. */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { FaultBench, Scenario } from '../support/fault-shim.mts';
import { growthOf, type Growth, type Sample } from './growth.mts';
import type { WorkerReport } from './worker.mts';
import type { WriterTask } from './writer.scenario.mts';

export const writers = [0, 1, 2] as const;

export interface LifeGrowth extends Growth {
  readonly process: string;
  readonly seconds: number;
}

export interface Crew {
  readonly reader: Scenario;
  /** Asks every process again and again what it holds, until it is over. */
  sample(everyMs: number, isOver: () => boolean): Promise<void>;
  /** Ends every process in good order; resolves with the next free token of each writer. */
  stop(): Promise<readonly number[]>;
  /** How what each process held has grown. */
  growth(): readonly LifeGrowth[];
}

export interface CrewTask extends Pick<WriterTask, 'file' | 'truncateAboveBytes'> {
  readonly backups: string;
  readonly seed: number;
  readonly tokens: readonly number[];
  readonly now: () => number;
  readonly onReport: (writer: number, report: WorkerReport) => void;
  readonly onEnd: (name: string) => void;
}

const execArgv = ['--expose-gc'];

export async function startCrew(bench: FaultBench, task: CrewTask): Promise<Crew> {
  const lives = new Map<string, { readonly scenario: Scenario; readonly samples: Sample[] }>();
  let stopping = false;
  const start = (name: string, program: string, writer: number): Scenario => {
    const scenario = bench.start(join(import.meta.dirname, program), { execArgv });
    scenario.onReport(said => task.onReport(writer, said as WorkerReport));
    void scenario.ended.then(() => stopping || task.onEnd(`${name} ended by itself.\n${scenario.stderr()}`));
    lives.set(name, { scenario, samples: [] });
    return scenario;
  };
  const crew = writers.map(writer => start(`writer ${writer}`, 'writer.scenario.mts', writer));
  const { file, truncateAboveBytes } = task;
  await Promise.all(
    crew.map((scenario, writer) =>
      scenario.ask('start', {
        file,
        truncateAboveBytes,
        writer,
        seed: task.seed + writer,
        firstToken: task.tokens[writer] ?? 1,
        backups: writer === 0 ? task.backups : null,
      } satisfies WriterTask),
    ),
  );
  const reader = start('reader', 'reader.scenario.mts', -1);
  await reader.ask('open', file);

  return {
    reader,
    async sample(everyMs, isOver) {
      await Promise.all(
        // Each by itself: the reader answers between its snapshots only.
        [...lives.values()].map(async ({ scenario, samples }) => {
          for (; !isOver(); await delay(everyMs)) {
            const held = await scenario.ask<Omit<Sample, 'at'>>('measure');
            samples.push({ at: task.now(), ...held });
          }
        }),
      );
    },
    async stop() {
      stopping = true;
      // One after the other, the reader first: a read-only connection that is the last to close leaves the -wal.
      await reader.ask('stop');
      const ends: number[] = [];
      for (const scenario of crew) ends.push(await scenario.ask<number>('stop'));
      for (const { scenario } of lives.values()) scenario.kill();
      await Promise.all([...lives.values()].map(({ scenario }) => scenario.ended));
      return ends;
    },
    growth: () =>
      [...lives].flatMap(([name, { samples }]) => {
        const seconds = Math.round(((samples.at(-1)?.at ?? 0) - (samples[0]?.at ?? 0)) / 1000);
        return growthOf(samples).map(growth => ({ process: name, seconds, ...growth }));
      }),
  };
}
