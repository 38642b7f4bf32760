/** Declares what a power cut needs of the storage under a database, however it is made. */

/** When the power went, in nanoseconds on the clock that all processes share. */
export interface CutWindow {
  /** Before it, everything worked. */
  readonly from: bigint;
  /** After it, nothing did. */
  readonly to: bigint;
}

export interface Ground {
  readonly name: string;
  /** Where the databases go; mounted until `cut`. */
  readonly folder: string;
  /** The power goes: from here on nothing reaches the disk. */
  cut(): CutWindow | Promise<CutWindow>;
  /**
   * The power comes back, after every process that used the folder has ended. Each outcome is one thing that the disk
   * may have kept; it is mounted while `judge` looks at it. The test continues with the last one.
   */
  comeBack(seed: number, judge: (folder: string, outcome: string) => void): void | Promise<void>;
  /** Takes everything away. */
  end(): void | Promise<void>;
}
