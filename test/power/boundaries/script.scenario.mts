/** The program that is recorded: one script, one phase, then it ends. */
import { existsSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { subjectNamed } from '../../faults/subjects.mts';
import type { SubjectName } from '../../faults/subject.mts';
import type { Mark } from '../books/books.mts';
import { createTeller } from '../books/teller.mts';
import { marksFile, type Cast } from './cast.mts';
import { counter, scriptNamed, type Stage } from './scripts.mts';

const cast = JSON.parse(process.argv[2] ?? '{}') as Cast & { phase: 'prepare' | 'run'; folder: string };
const script = scriptNamed(cast.script);

const marksPath = join(cast.folder, marksFile);
const before = existsSync(marksPath) ? readFileSync(marksPath, 'utf8').split('"begin"').length - 1 : 0;
// Through a file below the folder: so the record itself says between which changes each mark was made.
const marks = openSync(marksPath, 'a');
const say = (mark: Mark): void => void writeSync(marks, `${JSON.stringify(mark)}\n`);
const name: SubjectName = cast.subject;
const stage: Stage = {
  folder: cast.folder,
  subject: await subjectNamed(name),
  settings: {
    journal: cast.journal ?? script.journal,
    ...(cast.synchronous !== undefined && { synchronous: cast.synchronous }),
  },
  teller: createTeller(name, say),
  next: counter(before + 1),
};
await (cast.phase === 'prepare' ? script.prepare?.(stage) : script.run(stage));
