/**
 * When the brake pulls (DESIGN.md 6a.12): more than 100 items and more than 20 % of a storage deleted within a minute.
 * Pure, and the same for both directions. What is held stays held; what has gone already counts along, so that deletions
 * that are sent one by one cannot slip through in small portions.
 */
import type { Ino, StorageId } from '../base/ids.js'

export const WINDOW_MS = 60_000
const MOST_ITEMS = 100
const MOST_SHARE = 0.2

/** One deletion that is not carried out yet, with everything that goes with it. */
export interface Deletion {
  readonly ino: Ino
  readonly storageId: StorageId
  readonly atMs: number
  readonly items: number
  readonly isHeld: boolean
}

/** What was carried out already. */
export interface Gone {
  readonly storageId: StorageId
  readonly atMs: number
  readonly items: number
}

/** How many items of the storage have to be counted to tell, for those where it is not clear without counting. */
export function countsNeeded(deletions: readonly Deletion[], gone: readonly Gone[]): ReadonlyMap<StorageId, number> {
  const sums = new Map<StorageId, number>()
  for (const { storageId, items } of [...deletions, ...gone]) sums.set(storageId, (sums.get(storageId) ?? 0) + items)
  return new Map([...sums].flatMap(([storageId, sum]) => (sum > MOST_ITEMS ? [[storageId, Math.ceil(sum / MOST_SHARE)] as const] : [])))
}

/** Which deletions are to be held. `known`: items of a storage, those to be deleted too, those gone not; as far as `countsNeeded` asks. */
export function planBrake(deletions: readonly Deletion[], gone: readonly Gone[], known: ReadonlyMap<StorageId, number>): ReadonlySet<Ino> {
  const held = new Set(deletions.filter(({ isHeld }) => isHeld).map(({ ino }) => ino))
  for (const [storageId, knownItems] of known) {
    const of = <T extends Gone>(all: readonly T[]): readonly T[] => all.filter((one) => one.storageId === storageId)
    for (const ino of planStorage(of(deletions), of(gone), knownItems)) held.add(ino)
  }
  return held
}

function planStorage(deletions: readonly Deletion[], gone: readonly Gone[], knownItems: number): readonly Ino[] {
  const events = [...deletions, ...gone.map((one) => ({ ...one, ino: undefined }))].sort((a, b) => a.atMs - b.atMs)
  const held: Ino[] = []
  let first = 0
  let items = 0
  let goneItems = 0
  /** Of those before it is decided already that they are held. */
  let decided = 0
  for (const [last, event] of events.entries()) {
    items += event.items
    if (event.ino === undefined) goneItems += event.items
    for (let left = events[first]; left !== undefined && left.atMs < event.atMs - WINDOW_MS; left = events[first]) {
      items -= left.items
      if (left.ino === undefined) goneItems -= left.items
      first += 1
    }
    if (items <= MOST_ITEMS || items <= MOST_SHARE * (knownItems + goneItems)) continue
    for (const { ino } of events.slice(Math.max(first, decided), last + 1)) if (ino !== undefined) held.push(ino)
    decided = last + 1
  }
  return held
}
