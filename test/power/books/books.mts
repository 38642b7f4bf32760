/** Keeps the books about what a program said of its commits and copies; what may stand on the disk follows from them. */

/** One thing that a program says, at the moment when it is true. Files are named relative to the folder of the run. */
export type Mark =
  | {
      readonly mark: 'begin' | 'commit' | 'unknown' | 'rolled-back';
      readonly file: string;
      readonly txns: readonly number[];
    }
  /** From here on a copy of `of` may stand at `file`. */
  | { readonly mark: 'copy'; readonly file: string; readonly of: string }
  /** The copy was reported as done, or as failed with the destination as it was. */
  | { readonly mark: 'copied' | 'not-copied'; readonly file: string };

/** One content that a file may have. */
export interface Version {
  /** Transactions that must be there. */
  readonly required: ReadonlySet<number>;
  /** Transactions that may be there or not. */
  readonly allowed: ReadonlySet<number>;
}

interface OpenVersion extends Version {
  readonly required: Set<number>;
  readonly allowed: Set<number>;
}

export interface Books {
  note(mark: Mark): void;
  /** Every content that the file may have now. A file that nothing was said of holds nothing. */
  versionsOf(file: string): readonly Version[];
  files(): readonly string[];
  /** Whether a copy was reported as done there. */
  isCopy(file: string): boolean;
}

/** A copy that may stand at its destination already, with the file that it is made of. */
interface Coming {
  readonly of: string;
  readonly version: OpenVersion;
}

/** Sets that later marks do not change. */
function frozen({ required, allowed }: Version): OpenVersion {
  return { required: new Set(required), allowed: new Set(allowed) };
}

export function openBooks(): Books {
  const current = new Map<string, OpenVersion>();
  const coming = new Map<string, Coming[]>();
  const copied = new Set<string>();

  const versionOf = (file: string): OpenVersion => {
    const known = current.get(file);
    if (known !== undefined) return known;
    const fresh = { required: new Set<number>(), allowed: new Set<number>() };
    current.set(file, fresh);
    return fresh;
  };
  const copies = (): Coming[] => [...coming.values()].flat();

  return {
    note(mark) {
      const version = versionOf(mark.file);
      switch (mark.mark) {
        case 'begin':
          for (const txn of mark.txns) {
            version.allowed.add(txn);
            // A copy that reads meanwhile may catch it.
            for (const copy of copies()) if (copy.of === mark.file) copy.version.allowed.add(txn);
          }
          return;
        case 'commit':
          for (const txn of mark.txns) version.required.add(txn);
          return;
        case 'unknown':
          return;
        case 'rolled-back':
          for (const { allowed } of [...current.values(), ...copies().map(copy => copy.version)])
            for (const txn of mark.txns) allowed.delete(txn);
          return;
        case 'copy':
          coming.set(mark.file, [
            ...(coming.get(mark.file) ?? []),
            { of: mark.of, version: frozen(versionOf(mark.of)) },
          ]);
          return;
        case 'copied': {
          const copy = coming.get(mark.file)?.at(-1);
          if (copy !== undefined) current.set(mark.file, copy.version);
          coming.delete(mark.file);
          copied.add(mark.file);
          return;
        }
        case 'not-copied':
          coming.delete(mark.file);
      }
    },
    versionsOf: file => [versionOf(file), ...(coming.get(file) ?? []).map(copy => copy.version)].map(frozen),
    files: () => [...new Set([...current.keys(), ...coming.keys()])],
    isCopy: file => copied.has(file),
  };
}
