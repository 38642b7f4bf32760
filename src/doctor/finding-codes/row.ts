/** Defines the shape of one row of the catalogue of findings. */
import type { Level, Topic } from '../diagnosis';

export interface FindingRow {
  readonly topic: Topic;
  readonly levels: readonly Level[];
  /** What was found, in one sentence. */
  readonly meaning: string;
  /** What to do about it; empty if there is nothing to do. */
  readonly action: string;
}

/** `levels`: one or more, with spaces between them. */
export function row(topic: Topic, levels: string, meaning: string, action: string): FindingRow {
  return { topic, levels: levels.split(' ') as Level[], meaning, action };
}
