/** The shape of one row of the catalogue, and builders that keep it on a screen line or two. */
import type { FilesystemClass, FilesystemWarning, GroundVerdict } from '../report';

/** How the row is known. */
export type CatalogueSource =
  /** Mounted and measured on a real kernel by this project's experiments. */
  | 'measured'
  /** Read in the source of the kernel, of SQLite, or of the filesystem. */
  | 'source'
  /** Reported by others with evidence. */
  | 'reported'
  /** General knowledge that nobody here verified. */
  | 'general';

export interface CatalogueRow {
  readonly name: string;
  /** Type names as the mount table prints them. */
  readonly types: readonly string[];
  /** `f_type` values of statfs(2) that belong to it; empty where it has none of its own. */
  readonly magics: readonly number[];
  readonly class: FilesystemClass;
  readonly verdict: GroundVerdict;
  /** One sentence: what can happen there, or why it is good. */
  readonly reason: string;
  /** False when acknowledged commits do not survive a power cut there. */
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

/** The same row, on ground that goes with its container. */
export function containerLayer(base: CatalogueRow, message: string): CatalogueRow {
  return { ...warned(base, 'container-layer', message), durable: false };
}

/** The same row, on ground from which a power cut can take acknowledged commits. */
export function nonDurable(base: CatalogueRow, message: string): CatalogueRow {
  const warning: FilesystemWarning = { code: 'non-durable-filesystem', message };
  return { ...base, durable: false, warning };
}
