/**
 * The agent that empties the trash (bitrix24-rest.md 7.4): what lies there longer than the portal keeps it is destroyed.
 * It looks when a request comes, at most once in an hour of the portal's time.
 */
import type { Desk } from './desk.js'
import { destroyRow } from './trash.js'

const DAY_SECONDS = 86_400
const LOOK_SECONDS = 3600

export class TrashKeeper {
  /** Undefined: for ever. */
  days: number | undefined = 30
  readonly #desk: Desk
  #lookedSec = -Infinity

  constructor(desk: Desk) {
    this.#desk = desk
  }

  look(): void {
    const nowSec = this.#desk.time.nowSec()
    if (this.days === undefined || Math.abs(nowSec - this.#lookedSec) < LOOK_SECONDS) return
    this.#lookedSec = nowSec
    const before = nowSec - this.days * DAY_SECONDS
    const old = [...this.#desk.tree.changedRows()].filter((row) => row.deletedType === 3 && (row.deleteSec ?? Infinity) <= before)
    // One that stood inside another went with it.
    for (const { id } of old) {
      const row = this.#desk.tree.get(id)
      if (row !== undefined) destroyRow(this.#desk, row)
    }
  }
}
