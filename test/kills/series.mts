/** Many kills at system calls, in an order that a seed draws, over all scripts. */
import { seeded } from '../faults/random.mts';
import { raiseStand, type Spot, type SpotFault, type Stand } from './at-call.mts';
import { killScripts } from './scripts.mts';

export interface CallSeries {
  readonly seed: number;
  /** Which of the drawn spots come first. Default 0. */
  readonly first?: number;
  readonly rounds: number;
  /** Ends the series early. */
  readonly enough?: () => boolean;
  readonly onBroken: (spot: Spot, faults: readonly SpotFault[]) => void;
}

export interface CallSums {
  /** Spots that there are. */
  readonly spots: number;
  readonly rounds: number;
  readonly kills: number;
  readonly broken: number;
  /** Kills of each script. */
  readonly scripts: Readonly<Record<string, number>>;
}

export async function killAtCalls(series: CallSeries): Promise<CallSums> {
  using stack = new DisposableStack();
  const stands = new Map<string, Stand>();
  for (const { name } of killScripts) stands.set(name, stack.use(await raiseStand(name)));
  const spots = shuffled(
    [...stands.values()].flatMap(stand => stand.spots),
    series.seed,
  );
  const scripts: Record<string, number> = {};
  let rounds = 0;
  let kills = 0;
  let broken = 0;
  const first = series.first ?? 0;
  for (const spot of spots.slice(first, first + series.rounds)) {
    if (series.enough?.() === true) break;
    const { reached, faults } = await stands.get(spot.script)!.strike(spot);
    rounds += 1;
    if (reached) {
      kills += 1;
      scripts[spot.script] = (scripts[spot.script] ?? 0) + 1;
    }
    if (faults.length === 0) continue;
    broken += 1;
    series.onBroken(spot, faults);
  }
  return { spots: spots.length, rounds, kills, broken, scripts };
}

function shuffled(spots: readonly Spot[], seed: number): readonly Spot[] {
  const random = seeded(seed);
  return spots
    .map(spot => ({ spot, lot: random() }))
    .toSorted((one, other) => one.lot - other.lot)
    .map(({ spot }) => spot);
}

/** What to run to see one spot again. */
export function commandFor({ script, strike, nth }: Spot): string {
  return `node test/kills/kills.mts --script ${script} --strike ${strike} --nth ${nth}`;
}
