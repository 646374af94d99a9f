/**
 * What outlives a folder that is gone: what was moved out of it before, as far as nobody has listed its new place yet. The
 * portal is asked about each row, a folder before what is in it; without a word nothing is concluded.
 */
import type { Ino } from '../base/ids.js'
import type { CallOptions, Drive, ItemState } from '../drive/drive.js'
import type { Judged } from './judge-rows.js'
import type { BasedItem } from './diff-listing.js'
import type { GoneTree } from './gone-tree.js'

export interface Survivors {
  /** Alive in another folder; folders first. */
  readonly moved: readonly Judged[]
  /** These, what they took along, and what there is no word about. */
  readonly kept: ReadonlySet<Ino>
}

const MOST_ASKED = 500 // 10 requests; what is beyond them and was moved out shows again where it is, as something new

export async function findSurvivors(drive: Pick<Drive, 'itemStates'>, tree: GoneTree, call: CallOptions): Promise<Survivors> {
  const asked = inOrder(tree).slice(0, MOST_ASKED)
  if (asked.length === 0) return { moved: [], kept: new Set() }
  const states = await drive.itemStates(asked.map(({ base, kind }) => ({ id: base.id, kind })), call)
  return planSurvivors(tree, new Map(asked.map(({ ino }, index) => [ino, states[index]])))
}

/** Pure. `states`: the portal's word, by row; undefined: no answer. What is not in it was not asked about. */
export function planSurvivors(tree: GoneTree, states: ReadonlyMap<Ino, ItemState | undefined>): Survivors {
  const inoOf = new Map([...tree.rows.values()].filter(({ kind }) => kind === 'folder').map(({ ino, base }) => [base.realId, ino]))
  const moved: Judged[] = []
  const kept = new Set<Ino>()
  for (const row of inOrder(tree)) {
    const state = states.get(row.ino)
    const isUnknown = states.has(row.ino) && (state === undefined || state.state === 'unknown')
    const parentId = state?.state === 'live' && state.item.kind === row.kind ? state.item.parentId : null
    const parent = parentId === null ? undefined : inoOf.get(parentId)
    if (state?.state === 'live' && parentId !== null && parent !== row.base.parent && (parent === undefined || kept.has(parent))) {
      moved.push({ row, verdict: { kind: 'elsewhere', parentId, item: state.item } })
      kept.add(row.ino)
    } else if (isUnknown || (row.base.parent !== null && kept.has(row.base.parent))) kept.add(row.ino)
  }
  return { moved, kept }
}

/** Folders from the top, because others go with them; then what costs most to be met again: bytes, and work done here. */
function inOrder({ folder, rows }: GoneTree): readonly BasedItem[] {
  const rank = ({ kind, contentId, parent, base }: BasedItem): number => (kind === 'folder' ? 0 : contentId !== null || parent !== base.parent ? 1 : 2)
  return [...rows.values()].filter((row) => row.ino !== folder.ino && !row.deleted).sort((one, other) => rank(one) - rank(other))
}
