/** Finds entries that wait for each other in a ring. Pure. */
import type { Ino } from '../base/ids.js'

/** Each ring once, as the list of its members in waiting order. `waits` says who waits for whom. */
export function findRings(waits: ReadonlyMap<Ino, Ino>): readonly (readonly Ino[])[] {
  const rings: Ino[][] = []
  const seen = new Set<Ino>()
  for (const start of waits.keys()) {
    const path: Ino[] = []
    let at: Ino | undefined = start
    while (at !== undefined && !seen.has(at)) {
      seen.add(at)
      path.push(at)
      at = waits.get(at)
    }
    const entry = at === undefined ? -1 : path.indexOf(at)
    if (entry >= 0) rings.push(path.slice(entry))
  }
  return rings
}
