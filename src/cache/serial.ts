/**
 * Works that must not overlap, one after the other in the order they came. A failing work fails its own caller only.
 */
export class Serial {
  #last: Promise<unknown> = Promise.resolve()

  run<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(work)
    this.#last = mine.catch(() => undefined) // the caller of `mine` has the failure
    return mine
  }

  /** Resolves when everything queued so far is over. */
  async settled(): Promise<void> {
    await this.#last
  }
}
