/**
 * What outlives folders that are gone: what was moved out of them before, as far as nobody has listed its new place yet. The
 * portal is asked about each row, a folder before what is in it; without a word nothing is concluded.
 */
import type { Ino } from '../base/ids.js'
import type { CallOptions, Drive, ItemState } from '../drive/drive.js'
import type { Judged } from './judge-rows.js'
import type { BasedItem } from './diff-listing.js'
import type { GoneTree } from './gone-tree.js'

export interface Survivors {
  /** Alive in another folder, each after the folder it is in. */
  readonly moved: readonly Judged[]
  /** These, what they took along, and what there is no word about. */
  readonly kept: ReadonlySet<Ino>
}

const MOST_ASKED = 500 // 10 requests a look; what is beyond them and was moved out shows again where it is, as something new

export async function findSurvivors(drive: Pick<Drive, 'itemStates'>, trees: readonly GoneTree[], call: CallOptions): Promise<Survivors> {
  const asked = inOrder(trees).slice(0, MOST_ASKED)
  if (asked.length === 0) return { moved: [], kept: new Set() }
  const states = await drive.itemStates(asked.map(({ base, kind }) => ({ id: base.id, kind })), call)
  return planSurvivors(trees, new Map(asked.map(({ ino }, index) => [ino, states[index]])))
}

/** Pure. `states`: the portal's word, by row; undefined: no answer. What is not in it was not asked about. */
export function planSurvivors(trees: readonly GoneTree[], states: ReadonlyMap<Ino, ItemState | undefined>): Survivors {
  const gone = new Map(trees.flatMap(({ rows }) => [...rows.values()].filter(({ kind }) => kind === 'folder').map(({ ino, base }) => [base.realId, ino] as const)))
  const moved: Judged[] = []
  const kept = new Set<Ino>()
  let open = inOrder(trees)
  // Again while something is found, because a folder may have been moved into one that comes later.
  for (let before = -1; before !== kept.size; open = open.filter(({ ino }) => !kept.has(ino))) {
    before = kept.size
    for (const row of open) {
      const place = movedTo(row, states.get(row.ino))
      const parent = place === undefined ? undefined : gone.get(place.parentId)
      if (place !== undefined && parent !== row.base.parent && (parent === undefined || kept.has(parent))) {
        moved.push({ row, verdict: { kind: 'elsewhere', ...place } })
        kept.add(row.ino)
      } else if (hasNoWord(states, row) || (row.base.parent !== null && kept.has(row.base.parent))) kept.add(row.ino)
    }
  }
  return { moved, kept }
}

/** Where the portal says that it is alive. */
function movedTo({ kind }: BasedItem, state: ItemState | undefined): Omit<Extract<Judged['verdict'], { kind: 'elsewhere' }>, 'kind'> | undefined {
  if (state?.state !== 'live' || state.item.kind !== kind || state.item.parentId === null) return undefined
  return { parentId: state.item.parentId, item: state.item }
}

function hasNoWord(states: ReadonlyMap<Ino, ItemState | undefined>, { ino }: BasedItem): boolean {
  const state = states.get(ino)
  return states.has(ino) && (state === undefined || state.state === 'unknown')
}

/** Folders from the top, because others go with them; then what costs most to be met again: bytes, and work done here. */
function inOrder(trees: readonly GoneTree[]): readonly BasedItem[] {
  const rank = ({ kind, contentId, parent, base }: BasedItem): number => (kind === 'folder' ? 0 : contentId !== null || parent !== base.parent ? 1 : 2)
  const tops = new Set(trees.map(({ folder }) => folder.ino))
  const rows = new Map(trees.flatMap(({ rows }) => [...rows])) // one folder may have gone inside another
  return [...rows.values()].filter(({ ino }) => !tops.has(ino)).sort((one, other) => rank(one) - rank(other))
}
