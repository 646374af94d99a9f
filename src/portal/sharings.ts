/**
 * The list of sharings (E-61, bitrix24-rest.md 9.2): who was invited to what, and whether he has answered.
 */
import type { Level } from './levels.js'

export interface Sharing {
  readonly id: number
  /** Of the real object, never of a link. */
  readonly objectId: number
  readonly byUserId: number
  readonly toUserId: number
  readonly level: Level
  readonly status: 'pending' | 'approved' | 'gone'
}

export class Sharings {
  readonly #record: (sharing: Sharing) => void
  readonly #sharings = new Map<number, Sharing>()

  constructor(record: (sharing: Sharing) => void) {
    this.#record = record
  }

  put(sharing: Sharing): Sharing {
    this.replay(sharing)
    this.#record(sharing)
    return sharing
  }

  replay(sharing: Sharing): void {
    this.#sharings.set(sharing.id, sharing)
  }

  all(): readonly Sharing[] {
    return [...this.#sharings.values()]
  }

  /** The one that is not over. */
  find(objectId: number, toUserId: number): Sharing | undefined {
    return this.all().find((each) => each.status !== 'gone' && each.objectId === objectId && each.toUserId === toUserId)
  }

  nextId(): number {
    return Math.max(0, ...this.#sharings.keys()) + 1
  }
}
