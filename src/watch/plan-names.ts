/**
 * Who may stand under which name of a folder after a listing was applied. The portal's names win over nothing that
 * somebody here has put there and not sent yet: such a name is left to the upload, which meets the clash on the portal
 * and resolves it (C22). Rows that change places within one listing (a↔b) make room for each other. Pure.
 */
import type { Ino } from '../base/ids.js'
import { isConnected } from '../mirror/connected-rows.js'
import { isMoved, placeKey, type Item } from '../mirror/item.js'

/** An item of the portal that is to stand under `name` of the folder; `ino` of its row, undefined for a new one. */
export interface NameWish {
  readonly ino: Ino | undefined
  readonly name: string
}

export interface NamePlan<W extends NameWish> {
  readonly granted: readonly W[]
  /** To be looked at again with the next listing. */
  readonly blocked: readonly W[]
  /** Rows whose names only live here and stand in the way: they get another name. */
  readonly forked: readonly Item[]
}

/** `standing`: rows of the folder whose names clash with a wish by case, excluded ones too. */
export function planNames<W extends NameWish>(wishes: readonly W[], standing: readonly Item[]): NamePlan<W> {
  const taken = new Set<string>()
  let open = wishes.filter(({ name }) => {
    if (taken.has(name)) return false
    taken.add(name)
    return true
  })
  for (;;) {
    const leaving = new Set(open.map(({ ino }) => ino))
    const staying = standing.filter(({ ino }) => !leaving.has(ino))
    const free = open.filter((wish) => !staying.some((row) => blocks(row, wish)))
    if (free.length === open.length) break
    open = free
  }
  const granted = new Set(open)
  const names = new Set(open.map(({ name }) => name))
  const forked = standing.filter((row) => isOnlyHere(row) && names.has(row.name))
  return { granted: open, blocked: wishes.filter((wish) => !granted.has(wish)), forked }
}

function blocks(row: Item, wish: NameWish): boolean {
  if (isOnlyHere(row) || placeKey(row.name) !== placeKey(wish.name)) return false
  // What is to be sent under this name clashes on the portal, where names fold case; what the portal has told us does not.
  return row.name === wish.name || row.base === null || (isMoved(row) && !row.excluded)
}

/** The portal knows of no such name: one of programs, or of a folder that was connected here. */
function isOnlyHere(row: Item): boolean {
  return row.localOnly || isConnected(row)
}
