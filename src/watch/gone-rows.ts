/**
 * Rows whose remote item is gone for this account. What nobody changed here goes too, never to be uploaded again; edits
 * stay as new items, in their folder where that lives, else in the recovery folder (C14 to C20). A folder is dissolved
 * from its leaves in short transactions; one that still holds something that must not go stays until the next look.
 */
import type { Clock } from '../base/clock.js'
import type { Ino } from '../base/ids.js'
import type { Log } from '../base/log.js'
import type { Journal } from '../journal/journal.js'
import { conflictName } from '../mirror/conflict-name.js'
import { recordConflict } from '../mirror/conflicts.js'
import type { MirrorDelta } from '../mirror/delta.js'
import { shownName, type Item } from '../mirror/item.js'
import type { Mirror } from '../mirror/mirror.js'
import type { Store, Transaction } from '../store/store.js'
import { planGone, planOrphan } from './absence-plan.js'
import { hasBase, type BasedItem } from './diff-listing.js'
import type { Stamp } from './folder-listing.js'
import { readGoneTree, type GoneTree } from './gone-tree.js'
import type { RecoveryFolder } from './recovery-folder.js'
import type { RowChanges } from './row-changes.js'

export interface GoneRowsOptions {
  readonly store: Store
  readonly mirror: Mirror
  readonly journal: Journal
  readonly changes: RowChanges
  readonly recovery: RecoveryFolder
  readonly clock: Clock
  readonly log: Log
  readonly host: string
  readonly onDelta: (deltas: readonly MirrorDelta[]) => void
}

const PIECE_ROWS = 300

interface Going {
  readonly tree: GoneTree
  readonly stamp: Stamp
  readonly kept: ReadonlySet<Ino>
  readonly rule: string
}

export class GoneRows {
  readonly #o: GoneRowsOptions

  constructor(options: GoneRowsOptions) {
    this.#o = options
  }

  /** One row that stands on its own: a file, a tombstone. `rule` is for the log. */
  async settle(judged: BasedItem, stamp: Stamp, rule: string): Promise<void> {
    await this.#transact(async (tx) => {
      const row = await this.#o.mirror.getIn(tx, judged.ino)
      // Another identity by now (6a.7): of that one nothing was said.
      if (row === undefined || !hasBase(row) || row.base.id !== judged.base.id) return []
      const plan = planGone(row, await this.#o.changes.facts(tx, row, stamp))
      if (plan === 'remove') return this.#o.changes.remove(tx, row)
      return plan === 'keep' ? this.#keep(tx, row, rule) : []
    })
  }

  treeOf(folder: BasedItem): Promise<GoneTree> {
    return readGoneTree(this.#o, folder)
  }

  /** The folder and what is below it, here and on the portal. `kept`: rows whose remote item lives on elsewhere. */
  async dissolve(tree: GoneTree, stamp: Stamp, kept: ReadonlySet<Ino>, rule: string): Promise<void> {
    const going: Going = { tree, stamp, kept, rule }
    const standing = await this.#dissolveBelow(tree.folder.ino, going)
    // Deleted here, or moved away here: their remote items went with the folder.
    for (const row of tree.rows.values()) {
      if (standing.has(row.ino) || kept.has(row.ino)) continue
      if (row.kind === 'folder' && !row.deleted) await this.#dissolveBelow(row.ino, going)
      else await this.settle(row, stamp, rule)
    }
  }

  /** The row and what stands below it, deepest first. Answers all that was looked at. */
  async #dissolveBelow(ino: Ino, going: Going): Promise<ReadonlySet<Ino>> {
    const deepestFirst = [...(await this.#o.mirror.subtreeIn(this.#o.store.read, ino))].reverse()
    for (let from = 0; from < deepestFirst.length; from += PIECE_ROWS) {
      const piece = deepestFirst.slice(from, from + PIECE_ROWS)
      await this.#transact(async (tx) => {
        const deltas: MirrorDelta[] = []
        for (const seen of piece) deltas.push(...(await this.#orphan(tx, seen, going)))
        return deltas
      })
    }
    return new Set(deepestFirst.map((row) => row.ino))
  }

  async #orphan(tx: Transaction, seen: Item, { tree, stamp, kept, rule }: Going): Promise<readonly MirrorDelta[]> {
    const { mirror, changes, recovery } = this.#o
    const row = await mirror.getIn(tx, seen.ino)
    if (row?.parent !== seen.parent) return [] // taken away by somebody here meanwhile
    const parent = row.parent === null ? undefined : await mirror.getIn(tx, row.parent)
    const { dirty, guarded, inTrash } = await changes.facts(tx, row, stamp)
    const facts = { dirty, inTrash, guarded: guarded || kept.has(row.ino), isGone: tree.rows.get(row.ino)?.base.id === row.base?.id, parentIsNew: parent?.base === null }
    switch (planOrphan(row, facts)) {
      case 'leave':
        return []
      case 'remove':
        if (row.kind === 'folder' && (await mirror.childrenIn(tx, row.ino)).length > 0) return [] // something below must stay
        return changes.remove(tx, row)
      case 'keep':
        return this.#keep(tx, row, rule)
      case 'send-back':
        return this.#sendBack(tx, row)
      case 'recover': {
        if (row.base !== null) await mirror.clearBase(tx, row.ino)
        this.#o.log.info({ ino: row.ino, rule }, 'an unsent edit of a folder that is gone was moved to the recovery folder')
        const deltas = await recovery.take(tx, row)
        if (!row.localOnly) await this.#touch(tx, row.ino)
        return deltas
      }
    }
  }

  /** The remote item is gone, the edit is not: it becomes a new item under its name. */
  async #keep(tx: Transaction, row: Item, rule: string): Promise<readonly MirrorDelta[]> {
    await this.#o.mirror.clearBase(tx, row.ino)
    await this.#touch(tx, row.ino)
    this.#o.log.info({ ino: row.ino, rule }, 'an unsent edit of a file that is gone is kept as a new file')
    return [{ kind: 'attributes', ino: row.ino, generation: row.contentGeneration }]
  }

  /** To where the portal has it, under another name when that one is taken here. */
  async #sendBack(tx: Transaction, row: Item): Promise<readonly MirrorDelta[]> {
    const { mirror, recovery, clock, host } = this.#o
    const parent = row.base?.parent ?? null
    const home = parent === null ? undefined : await mirror.getIn(tx, parent)
    if (row.base === null || home === undefined || home.deleted || home.excluded) return recovery.take(tx, row)
    const own = shownName(row.base.name, row.base.id)
    const [twin] = await mirror.twinsIn(tx, home.ino, own)
    const taken = twin !== undefined
    const name = taken ? await mirror.freeNameIn(tx, home.ino, (attempt) => conflictName(own, host, clock.nowMs(), attempt)) : own
    await mirror.update(tx, row, { parent: home.ino, name, placeChangedMs: taken ? clock.nowMs() : null })
    if (taken) {
      await this.#touch(tx, row.ino)
      // The portal has this one under the name; what stands there was put there here.
      await recordConflict(tx, { copy: row.ino, original: twin.ino, side: 'theirs', why: 'name-taken', sinceMs: clock.nowMs() })
    }
    const to = { parent: home.ino, name }
    return row.parent === null ? [{ kind: 'appeared', ino: row.ino, at: to }] : [{ kind: 'moved', ino: row.ino, from: { parent: row.parent, name: row.name }, to }]
  }

  #touch(tx: Transaction, ino: Ino): Promise<void> {
    const nowMs = this.#o.clock.nowMs()
    return this.#o.journal.touch(tx, ino, nowMs, nowMs)
  }

  async #transact(work: (tx: Transaction) => Promise<readonly MirrorDelta[]>): Promise<void> {
    const deltas = await this.#o.store.transact(work)
    if (deltas.length > 0) this.#o.onDelta(deltas)
  }
}
