/** Declares one row of the catalogue, and builders that keep a row to a line or two. */
import type { FilesystemClass, FilesystemWarning, GroundVerdict } from '../report';

/** The source of the row. */
export type CatalogueSource =
  /** Mounted and measured on a real kernel by this project's experiments. */
  | 'measured'
  /** Read in the source of the kernel, of SQLite, or of the filesystem. */
  | 'source'
  /** Reported by others with evidence. */
  | 'reported'
  /** General knowledge that this project has not verified. */
  | 'general';

export interface CatalogueRow {
  readonly name: string;
  /** Type names as the mount table prints them. */
  readonly types: readonly string[];
  /** `f_type` values of statfs(2); empty if it has none of its own. */
  readonly magics: readonly number[];
  readonly class: FilesystemClass;
  readonly verdict: GroundVerdict;
  /** One sentence: the danger, or why it is safe. */
  readonly reason: string;
  /** False if acknowledged commits do not survive a power cut there. */
  readonly durable: boolean;
  readonly warning: FilesystemWarning | null;
  readonly known: CatalogueSource;
}

type RowCore = readonly [name: string, types: readonly string[], magics: readonly number[]];

/** A row without a warning. */
export function row(
  [name, types, magics]: RowCore,
  kind: FilesystemClass,
  verdict: GroundVerdict,
  known: CatalogueSource,
  reason: string,
): CatalogueRow {
  return { name, types, magics, class: kind, verdict, known, reason, durable: true, warning: null };
}

/** The same row with a warning that every open repeats. */
export function warned(base: CatalogueRow, code: string, message: string): CatalogueRow {
  return { ...base, warning: { code, message } };
}

/** The same row for a filesystem that is removed with its container. */
export function containerLayer(base: CatalogueRow, message: string): CatalogueRow {
  return { ...warned(base, 'container-layer', message), durable: false };
}

/** The same row for a filesystem on which a power cut can lose acknowledged commits. */
export function nonDurable(base: CatalogueRow, message: string): CatalogueRow {
  const warning: FilesystemWarning = { code: 'non-durable-filesystem', message };
  return { ...base, durable: false, warning };
}
