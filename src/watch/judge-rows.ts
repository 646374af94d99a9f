/**
 * Asks the portal about rows that no listing showed, each with the folder it should be in. Reads only; what follows from a
 * verdict is the business of whoever asked.
 */
import { DriveError } from '../base/errors.js'
import type { RemoteId } from '../base/ids.js'
import type { CallOptions, Drive, ItemState } from '../drive/drive.js'
import { askedId } from '../mirror/connected-rows.js'
import type { Mirror } from '../mirror/mirror.js'
import { judgeAbsence, type Verdict } from './absence-plan.js'
import type { BasedItem } from './diff-listing.js'

export interface Judged {
  readonly row: BasedItem
  readonly verdict: Verdict
}

/** As `Judged`, for who must not take "stays" for "nobody knows". */
export interface Asked extends Judged {
  /** Why the portal gave no word about the row or the folder it should be in; undefined: it did. */
  readonly unknown: Error | undefined
}

interface Judging {
  readonly drive: Pick<Drive, 'itemStates'>
  readonly mirror: Mirror
}

export async function judgeRows({ drive, mirror }: Judging, rows: readonly BasedItem[], call: CallOptions): Promise<readonly Asked[]> {
  if (rows.length === 0) return []
  const parents = new Map((await mirror.getMany([...new Set(rows.flatMap(({ base }) => (base.parent === null ? [] : [base.parent])))])).map((row) => [row.ino, row]))
  const asked = new Map<RemoteId, 'file' | 'folder'>(rows.map(({ base, kind }) => [askedId(base), kind]))
  for (const { base } of parents.values()) if (base !== null) asked.set(askedId(base), 'folder').set(base.realId, 'folder')
  const ids = [...asked].map(([id, kind]) => ({ id, kind }))
  const answers = await drive.itemStates(ids, call)
  const states = new Map(ids.map(({ id }, index) => [id, answers[index]]))
  return rows.map((row): Asked => {
    const parent = (row.base.parent === null ? undefined : parents.get(row.base.parent)?.base) ?? undefined
    const state = states.get(askedId(row.base))
    const above = parent === undefined ? [] : [askedId(parent), parent.realId].map((id) => states.get(id))
    const unknown = [state, ...above].map(wordOf).find((error) => error !== undefined)
    // A folder that is no longer ours lists nothing: that says nothing about what was in it. Only its own row is judged.
    const isParentLive = parent !== undefined && above.every((each) => each?.state === 'live')
    if (state === undefined || !isParentLive) return { row, unknown, verdict: { kind: 'stays' } }
    return { row, unknown, verdict: judgeAbsence(row, parent.realId, state) }
  })
}

function wordOf(state: ItemState | undefined): Error | undefined {
  if (state === undefined) return new DriveError('bad-answer', 'the portal left an item out')
  return state.state === 'unknown' ? state.error : undefined
}
