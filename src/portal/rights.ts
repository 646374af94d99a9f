/**
 * Who may do what (bitrix24-rest.md 5.5), by levels that contain each other. A level given on an object holds for what is
 * below it; without one, a drive's owner has everything, everybody may edit the common drive, and nobody else sees a
 * user's drive, except an administrator (E-59).
 */
import { LEVELS, type Grant, type Level } from './levels.js'
import type { ObjectRow } from './rows.js'
import type { Tree } from './tree.js'

export class Rights {
  readonly #tree: Tree
  readonly #isAdmin: (userId: number) => boolean
  readonly #record: (grant: Grant) => void
  readonly #grants = new Map<number, Map<number, Level>>()

  constructor(options: { tree: Tree; isAdmin: (userId: number) => boolean; record: (grant: Grant) => void }) {
    this.#tree = options.tree
    this.#isAdmin = options.isAdmin
    this.#record = options.record
  }

  grant(grant: Grant): void {
    this.replay(grant)
    this.#record(grant)
  }

  replay({ objectId, userId, level }: Grant): void {
    const ofObject = this.#grants.get(objectId) ?? new Map<number, Level>()
    this.#grants.set(objectId, ofObject.set(userId, level))
  }

  *grants(): Generator<Grant> {
    for (const [objectId, ofObject] of this.#grants) for (const [userId, level] of ofObject) yield { objectId, userId, level }
  }

  level(userId: number, row: ObjectRow): Level {
    if (this.#grants.size > 0) {
      for (const each of [row, ...this.#tree.ancestors(row)]) {
        const granted = this.#grants.get(each.id)?.get(userId)
        if (granted !== undefined) return granted
      }
    }
    const storage = this.#tree.storage(row.storageId)
    if (storage?.entityType !== 'user') return this.#isAdmin(userId) ? 'full' : 'edit'
    return storage.entityId === String(userId) || this.#isAdmin(userId) ? 'full' : 'none'
  }

  allows(userId: number, row: ObjectRow, needed: Level): boolean {
    return LEVELS.indexOf(this.level(userId, row)) >= LEVELS.indexOf(needed)
  }
}
