/**
 * What has to be taken away again: mounts, processes, folders, in the opposite order of their making. A scope ends before
 * the whole. Goes on when one step fails, because the next one may still free something; what failed is told.
 */
export class Tidy {
  readonly #undo: (() => unknown)[] = []

  /** Named as tap's, so that what is made for tests can be made here. */
  teardown(undo: () => unknown): void {
    this.#undo.push(undo)
  }

  /** A part that can be tidied earlier; it is tidied with this one at the latest. */
  scope(): Tidy {
    const inner = new Tidy()
    this.teardown(() => inner.end())
    return inner
  }

  async end(): Promise<void> {
    for (let undo = this.#undo.pop(); undo !== undefined; undo = this.#undo.pop()) {
      try {
        await undo()
      } catch (error) {
        console.error(`could not be taken away: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
  }
}
