/** All mutants, room by room. */
import type { Mutant } from './mutant.mts';
import { backup } from './rooms/backup.mts';
import { checkpoint } from './rooms/checkpoint.mts';
import { connection } from './rooms/connection.mts';
import { fence } from './rooms/fence.mts';
import { filesystem } from './rooms/filesystem.mts';
import { policy } from './rooms/policy.mts';
import { policyTables } from './rooms/policy-tables.mts';
import { readers } from './rooms/readers.mts';
import { registry } from './rooms/registry.mts';
import { several } from './rooms/several.mts';
import { sql } from './rooms/sql.mts';
import { surroundings } from './rooms/surroundings.mts';
import { writes } from './rooms/writes.mts';

export const mutants: readonly Mutant[] = [
  ...backup,
  ...checkpoint,
  ...connection,
  ...fence,
  ...filesystem,
  ...policy,
  ...policyTables,
  ...readers,
  ...registry,
  ...several,
  ...sql,
  ...surroundings,
  ...writes,
];
