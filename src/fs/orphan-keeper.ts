/**
 * Bytes that were written past us into a content that no name leads to any more, because the portal replaced or removed
 * the file meanwhile: kept as a conflict copy beside it, or under its old name where that is free (DESIGN.md section 6,
 * C7, C15). Whoever writes through us is refused at the first write instead (file-writes.ts).
 */
import type { Clock } from '../base/clock.js'
import { DriveError, hasCode } from '../base/errors.js'
import type { Ino } from '../base/ids.js'
import type { Log } from '../base/log.js'
import type { ContentCache } from '../cache/content-cache.js'
import type { Content } from '../cache/content.js'
import { conflictName } from '../mirror/conflict-name.js'
import { recordConflict } from '../mirror/conflicts.js'
import type { MirrorDelta, Place } from '../mirror/delta.js'
import type { Item } from '../mirror/item.js'
import type { Mirror } from '../mirror/mirror.js'
import type { Store, Transaction } from '../store/store.js'
import { holdContent } from './content-holding.js'
import type { Namespace } from './namespace.js'

export interface OrphanKeeperOptions {
  readonly store: Store
  readonly mirror: Mirror
  readonly cache: ContentCache
  readonly namespace: Namespace
  readonly clock: Clock
  readonly log: Log
  readonly host: string
  readonly onDelta: (deltas: readonly MirrorDelta[]) => void
}

export interface Orphan {
  readonly content: Content
  readonly ino: Ino
  /** Where the file stood when it was opened. */
  readonly place: Place
}

const PIECE_BYTES = 1024 * 1024
const NAMES_TRIED = 100
const COPY_MODE = 0o644

export class OrphanKeeper {
  readonly #o: OrphanKeeperOptions
  /** What was kept before of a content that is written on: the same copy gets the rest. */
  readonly #copies = new WeakMap<Content, Ino>()

  constructor(options: OrphanKeeperOptions) {
    this.#o = options
  }

  /** Answers the copy, whose content is held for the caller and not recorded yet. 'vanished' when its folder is gone, too. */
  async keep(orphan: Orphan): Promise<{ item: Item; content: Content }> {
    const { content } = orphan
    const copy = (await this.#earlierCopy(content)) ?? (await this.#makeCopy(orphan))
    try {
      await copy.content.truncate(0)
      for (let offset = 0; offset < content.sizeBytes; offset += PIECE_BYTES) await copy.content.write(offset, await content.read(offset, PIECE_BYTES))
      return copy
    } catch (error) {
      await copy.content.release()
      throw error
    }
  }

  async #earlierCopy(content: Content): Promise<{ item: Item; content: Content } | undefined> {
    const ino = this.#copies.get(content)
    const item = ino === undefined ? undefined : await this.#o.mirror.get(ino)
    return item === undefined || item.deleted ? undefined : { item, content: await holdContent(this.#o, item.ino) }
  }

  async #makeCopy({ content, ino, place }: Orphan): Promise<{ item: Item; content: Content }> {
    const { mirror, clock, log, host } = this.#o
    const now = await mirror.get(ino)
    const at = now === undefined || now.deleted || now.parent === null ? place : { parent: now.parent, name: now.name }
    for (let attempt = 0; attempt < NAMES_TRIED; attempt += 1) {
      const name = attempt === 0 ? at.name : conflictName(at.name, host, clock.nowMs(), attempt)
      try {
        const copy = await this.#o.namespace.createFile(at.parent, name, COPY_MODE, attempt === 0 ? {} : { beside: (tx, made) => this.#noteConflict(tx, made, at) })
        const { item } = copy
        this.#copies.set(content, item.ino)
        log.warn({ ino, copy: item.ino }, 'a file was changed or removed on the portal while it was written here: both are kept')
        this.#o.onDelta([{ kind: 'appeared', ino: item.ino, at: { parent: at.parent, name } }])
        return copy
      } catch (error) {
        if (hasCode(error, 'not-found')) throw new DriveError('vanished', 'the file and its folder were removed on the portal while it was written', { cause: error })
        if (!hasCode(error, 'exists')) throw error
      }
    }
    throw new DriveError('exists', 'no name was free for what was written')
  }

  async #noteConflict(tx: Transaction, copy: Ino, { parent, name }: Place): Promise<void> {
    const { mirror, clock } = this.#o
    const original = (await mirror.childIn(tx, parent, name))?.ino ?? null
    await recordConflict(tx, { copy, original, side: 'mine', why: 'edited-on-both-sides', sinceMs: clock.nowMs() })
  }
}
