/** Whether commits leave gaps that a checkpoint fits into: learned from the last one that looked for some. */

/** ms. Commits that left no gap go on like that for a while, and each look for one costs the disk some syncs. */
const gaplessMs = 1000;
/** Commits that left no gap three times in a row leave none. */
const looks = 3;

export class Gaps {
  /** ms of the monotonic clock. */
  #noneUntil = 0;

  get likely(): boolean {
    return performance.now() >= this.#noneUntil;
  }

  /** How many checkpoints may follow one that a commit overtook, each of them in the next gap. */
  get followUps(): number {
    return this.likely ? looks : 0;
  }

  noneFound(): void {
    this.#noneUntil = performance.now() + gaplessMs;
  }
}
