/** Plays one phase of a script inside the program that is recorded or killed, and says what became of its commits. */
import { existsSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { subjectNamed } from '../../faults/subjects.mts';
import type { Mark } from '../books/books.mts';
import { createTeller } from '../books/teller.mts';
import { marksFile, type Cast } from './cast.mts';
import { counter, type Script, type Stage } from './scripts.mts';

export interface Part extends Cast {
  readonly phase: 'prepare' | 'run';
  readonly folder: string;
}

/** The part that a program was started with. */
export function ownPart(): Part {
  return JSON.parse(process.argv[2] ?? '{}') as Part;
}

export async function playPart(script: Script, part: Part): Promise<void> {
  const marksPath = join(part.folder, marksFile);
  const before = existsSync(marksPath) ? readFileSync(marksPath, 'utf8').split('"begin"').length - 1 : 0;
  // Through a file below the folder: so the record itself says between which changes each mark was made.
  const marks = openSync(marksPath, 'a');
  const say = (mark: Mark): void => void writeSync(marks, `${JSON.stringify(mark)}\n`);
  const stage: Stage = {
    folder: part.folder,
    subject: await subjectNamed(part.subject),
    settings: {
      journal: part.journal ?? script.journal,
      ...(part.synchronous !== undefined && { synchronous: part.synchronous }),
    },
    teller: createTeller(part.subject, say),
    next: counter(before + 1),
  };
  await (part.phase === 'prepare' ? script.prepare?.(stage) : script.run(stage));
}
