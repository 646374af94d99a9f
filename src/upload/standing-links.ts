/**
 * Which links were seen standing on the portal a moment ago, so that a tree that is sent below one asks about it once. A
 * folder that was connected here stands while the portal shows us the folder it leads to.
 */
import type { Clock } from '../base/clock.js'
import { hasCode } from '../base/errors.js'
import type { RemoteId } from '../base/ids.js'
import type { CallOptions, Drive } from '../drive/drive.js'
import { askedId } from '../mirror/connected-rows.js'
import type { Base } from '../mirror/item.js'

const SEEN_MS = 10_000 // as old as what a look at a folder in use knows

export class StandingLinks {
  readonly #drive: Pick<Drive, 'getFolder'>
  readonly #clock: Clock
  readonly #seenMs = new Map<RemoteId, number>()

  constructor({ drive, clock }: { drive: Pick<Drive, 'getFolder'>; clock: Clock }) {
    this.#drive = drive
    this.#clock = clock
  }

  /** After a time without the portal everything may have changed. */
  forget(): void {
    this.#seenMs.clear()
  }

  /** Whether the link to a folder is there. Fails as `getFolder` does, but for 'not-found'. */
  async stands(link: Base, call: CallOptions): Promise<boolean> {
    const id = askedId(link)
    const nowMs = this.#clock.monotonicMs()
    if (nowMs - (this.#seenMs.get(id) ?? Number.NEGATIVE_INFINITY) < SEEN_MS) return true
    this.#seenMs.delete(id)
    try {
      if ((await this.#drive.getFolder(id, call)).deletedType !== 0) return false
    } catch (error) {
      if (hasCode(error, 'not-found')) return false
      throw error
    }
    this.#seenMs.set(id, nowMs)
    return true
  }
}
