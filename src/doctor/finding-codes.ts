/**
 * Lists the doctor's findings: the topic, the levels, the meaning and the remedy of each code.
 *
 * docs/doctor.md and `npx safe-sqlite explain` are generated from it. The report itself names the file, the device and
 * the process; the sentences here hold for every database.
 */
import { databaseFindings } from './finding-codes/of-database';
import { surroundingFindings } from './finding-codes/of-surroundings';

/** In the order of a report: greater danger for the data comes first. */
export const findingCodes = { ...databaseFindings, ...surroundingFindings } as const;

/** Every code of a finding. */
export type FindingCode = keyof typeof findingCodes;

export function isFindingCode(code: string): code is FindingCode {
  return Object.hasOwn(findingCodes, code);
}
