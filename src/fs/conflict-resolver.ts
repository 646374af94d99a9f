/**
 * What a person decides about a conflict: this computer's side, the others' side, or both. The original keeps its id
 * whichever side it gets; the other one goes to the portal's trash or stays in the history. Bytes that are missing are
 * fetched first, then everything is one transaction: a crash before it has changed nothing. Never drops what a program is
 * writing, nor edits of the original that nobody else has.
 */
import { DriveError, hasCode } from '../base/errors.js'
import type { ContentCache } from '../cache/content-cache.js'
import type { Content } from '../cache/content.js'
import type { Hydrator } from '../hydrate/hydrator.js'
import { forgetConflict, readConflictsOf, type Conflict, type ConflictSide } from '../mirror/conflicts.js'
import type { MirrorDelta } from '../mirror/delta.js'
import type { Item } from '../mirror/item.js'
import type { Mirror } from '../mirror/mirror.js'
import type { Store, Transaction } from '../store/store.js'
import type { Watch } from '../watch/watch.js'
import { holdContent } from './content-holding.js'
import type { Handles } from './handles.js'
import type { Namespace } from './namespace.js'

export type Keep = ConflictSide | 'both'

export interface ConflictResolverOptions {
  readonly store: Store
  readonly mirror: Mirror
  readonly cache: ContentCache
  readonly hydrator: Pick<Hydrator, 'hydrate'>
  readonly watch: Pick<Watch, 'ensureListed'>
  readonly namespace: Namespace
  readonly handles: Handles
  /** Files that were closed a moment ago are looked at now, and nobody here holds them after it. */
  readonly letGoOfClosed: () => Promise<void>
  readonly onDelta: (deltas: readonly MirrorDelta[]) => void
}

type Standing = Item & { readonly parent: NonNullable<Item['parent']> }

export class ConflictResolver {
  readonly #o: ConflictResolverOptions

  constructor(options: ConflictResolverOptions) {
    this.#o = options
  }

  /**
   * Which conflicts a wish about the item is about: as the copy its own, as the original all of its copies. 'invalid'
   * where it is in none, or has several copies that could take its place.
   */
  async find(item: Item, keep: Keep): Promise<readonly Conflict[]> {
    const conflicts = await readConflictsOf(this.#o.store.read, item.ino)
    const [first] = conflicts
    if (first === undefined) throw new DriveError('invalid', 'it is in no conflict: "elastic-drive conflicts" names those that are')
    if (first.copy === item.ino) return [first]
    if (keep !== 'both' && conflicts.length > 1 && conflicts.some(({ side }) => side === keep)) {
      throw new DriveError('invalid', `it has ${conflicts.length} conflict copies: name the one that is meant`)
    }
    return conflicts
  }

  /**
   * 'busy' when a program is writing to what would go, or it is being sent; 'would-lose-data' when the original has unsent
   * edits, or a folder that would go is not empty; 'offline' and other codes of fetching when the copy's bytes are not here.
   */
  async resolve(conflict: Conflict, keep: Keep, signal: AbortSignal): Promise<void> {
    const { store, mirror, onDelta } = this.#o
    if (keep === 'both') {
      await store.transact((tx) => forgetConflict(tx, conflict.copy))
      const items = await mirror.getMany([conflict.copy, ...(conflict.original === null ? [] : [conflict.original])])
      onDelta(items.flatMap(attributesOf))
      return
    }
    const deltas = keep === conflict.side ? await this.#keepCopy(conflict, signal) : await this.#dropCopy(conflict, signal)
    onDelta(deltas)
  }

  async #dropCopy(conflict: Conflict, signal: AbortSignal): Promise<readonly MirrorDelta[]> {
    await this.#prepare(conflict.copy, signal)
    return this.#settle(conflict, async (tx, { copy, original }) => {
      this.#checkNotWritten(copy)
      await this.#o.namespace.dropIn(tx, copy)
      const { ino, contentGeneration: generation, parent, name } = copy
      return [{ kind: 'vanished', ino, generation, at: { parent, name } }, ...attributesOf(original)]
    })
  }

  /** The copy takes the original's place and, of two files, its id. */
  async #keepCopy(conflict: Conflict, signal: AbortSignal): Promise<readonly MirrorDelta[]> {
    const content = (await this.#o.mirror.get(conflict.copy))?.kind === 'file' ? await holdContent(this.#o, conflict.copy) : undefined
    try {
      if (content !== undefined) await this.#o.hydrator.hydrate(content, { priority: 'interactive', signal })
      if (conflict.original !== null) await this.#prepare(conflict.original, signal)
      return await this.#settle(conflict, async (tx, { copy, original }) => {
        this.#checkNotWritten(original)
        await this.#checkSent(tx, original)
        if (content !== undefined) await this.#makeItsOwn(tx, copy, content)
        await this.#o.namespace.takePlaceIn(tx, copy, original)
        return [{ kind: 'moved', ino: copy.ino, from: { parent: copy.parent, name: copy.name }, to: { parent: original.parent, name: original.name } }]
      })
    } finally {
      await content?.release()
    }
  }

  /** The bytes become an edit of the original. */
  async #makeItsOwn(tx: Transaction, copy: Item, content: Content): Promise<void> {
    if (copy.contentId !== content.id || !content.isComplete) throw new DriveError('busy', `"${copy.name}" changed in this moment: try again`)
    await content.markDirty(tx)
    // Torn by a power loss or not (6a.3): a person has looked at it.
    if (content.isSuspect) await content.trust(tx)
  }

  /** What can only be found out before the transaction: what a folder that may go has in it, and who still writes. */
  async #prepare(ino: Item['ino'], signal: AbortSignal): Promise<void> {
    const item = await this.#o.mirror.get(ino)
    if (item?.kind === 'folder') await this.#o.watch.ensureListed(ino, signal)
    await this.#o.letGoOfClosed()
  }

  /** One transaction: all of it, and the record goes, or nothing. */
  async #settle(conflict: Conflict, work: (tx: Transaction, rows: { readonly copy: Standing; readonly original: Standing }) => Promise<readonly MirrorDelta[]>): Promise<readonly MirrorDelta[]> {
    const { store, mirror } = this.#o
    try {
      return await store.transact(async (tx) => {
        const now = (await readConflictsOf(tx, conflict.copy)).find(({ copy }) => copy === conflict.copy)
        if (now === undefined) throw new DriveError('invalid', 'the conflict was settled meanwhile')
        const copy = await mirror.needIn(tx, now.copy)
        const original = now.original === null ? undefined : await mirror.getIn(tx, now.original)
        if (!isStanding(copy) || !isStanding(original) || original.excluded) {
          throw new DriveError('would-lose-data', 'the other side cannot be seen from here: keep both, or rename the copy')
        }
        const deltas = await work(tx, { copy, original })
        await forgetConflict(tx, copy.ino)
        return deltas
      })
    } catch (error) {
      if (!hasCode(error, 'not-empty')) throw error
      throw new DriveError('would-lose-data', 'the folder that would go is not empty: keep both, and sort it out by hand', { cause: error })
    }
  }

  #checkNotWritten({ ino, contentId, name }: Item): void {
    const writers = this.#o.handles.peekState(ino)?.writers ?? 0
    const isMapped = contentId !== null && this.#o.cache.peek(contentId)?.isOpenedDirectly === true
    if (writers > 0 || isMapped) throw new DriveError('busy', `a program has "${name}" open for writing`)
  }

  /** The copy's own edits are what the wish is about; the original's are in no history before they are sent. */
  async #checkSent(tx: Transaction, { contentId, name }: Item): Promise<void> {
    if (contentId === null || !(await this.#o.cache.isDirtyIn(tx, contentId))) return
    throw new DriveError('would-lose-data', `"${name}" has edits that the portal does not have yet: "elastic-drive sync --wait 60" sends them, or keep both`)
  }
}

function isStanding(item: Item | undefined): item is Standing {
  if (item === undefined) return false
  return item.parent !== null && !item.deleted
}

/** What is told of an item in `state` has changed. */
function attributesOf(item: Item): readonly MirrorDelta[] {
  return [{ kind: 'attributes', ino: item.ino, generation: item.contentGeneration }]
}
