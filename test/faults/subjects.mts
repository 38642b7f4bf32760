/** Finds a subject by its name; loaded only when asked for, so that a raw child never loads this library. */
import type { Subject, SubjectName } from './subject.mts';

export async function subjectNamed(name: SubjectName): Promise<Subject> {
  return name === 'ours' ? (await import('./ours.mts')).ours : (await import('./raw.mts')).raw;
}
