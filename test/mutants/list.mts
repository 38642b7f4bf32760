/** All mutants, room by room. */
import type { Mutant } from './mutant.mts';
import { filesystem } from './rooms/filesystem.mts';
import { policy } from './rooms/policy.mts';
import { writes } from './rooms/writes.mts';

export const mutants: readonly Mutant[] = [...filesystem, ...policy, ...writes];
