/**
 * How much is listed ahead of a walk: 1, 4, 16, then 50 commands a batch (DESIGN.md 6a.10). One look costs the portal one
 * listing; whoever goes on walking soon gets full batches. Starts anew after a pause. Pure but for its own state.
 */

const STEPS = [1, 4, 16, 50] as const
const IDLE_MS = 5_000 // nobody walks: the next look may be a single one again

export class ListingRamp {
  #step = 0
  #lastMs = Number.NEGATIVE_INFINITY

  /** The size of the batch that is to be sent now. */
  next(nowMs: number): number {
    if (nowMs - this.#lastMs > IDLE_MS) this.#step = 0
    this.#lastMs = nowMs
    const size = STEPS[Math.min(this.#step, STEPS.length - 1)] ?? 1
    this.#step += 1
    return size
  }

  /** An answer has come: the pause begins here, not at the request. */
  answered(nowMs: number): void {
    this.#lastMs = nowMs
  }
}
