/** From a row and what the cache has of its content to what stat(2) shows. */
import type { ContentCache } from '../cache/content-cache.js'
import type { Item } from '../mirror/item.js'
import type { Handles } from './handles.js'
import type { ContentFacts } from './item-state.js'
import type { Attributes } from './operations.js'

const BLOCK_BYTES = 512 // the unit of st_blocks, whatever the block size

export interface AttributesOptions {
  readonly cache: ContentCache
  readonly handles: Handles
  readonly uid: number
  readonly gid: number
}

export class AttributesOf {
  readonly #cache: ContentCache
  readonly #handles: Handles
  readonly #uid: number
  readonly #gid: number

  constructor(options: AttributesOptions) {
    this.#cache = options.cache
    this.#handles = options.handles
    this.#uid = options.uid
    this.#gid = options.gid
  }

  /** What the cache has of the contents of these items, by content id; items without content are missing. */
  async facts(items: readonly Item[]): Promise<ReadonlyMap<number, ContentFacts>> {
    const facts = new Map<number, ContentFacts>()
    const closed: NonNullable<Item['contentId']>[] = []
    for (const { contentId } of items) {
      if (contentId === null) continue
      const live = this.#cache.peek(contentId)
      if (live === undefined) closed.push(contentId)
      else facts.set(contentId, { presentBytes: live.ranges.totalBytes, complete: live.isComplete, dirty: live.isDirty })
    }
    if (closed.length > 0) for (const [id, summary] of await this.#cache.summary(closed)) facts.set(id, summary)
    return facts
  }

  of(item: Item, facts: ContentFacts | undefined): Attributes {
    const live = item.contentId === null ? undefined : this.#cache.peek(item.contentId)
    const lent = live?.figures()
    const modifiedMs = lent?.mtimeMs ?? this.#handles.peekState(item.ino)?.modifiedMs ?? null
    return {
      ino: item.ino,
      kind: item.kind === 'folder' ? 'directory' : 'file',
      mode: item.mode,
      sizeBytes: lent?.sizeBytes ?? live?.sizeBytes ?? item.sizeBytes,
      blocks: Math.ceil((facts?.presentBytes ?? 0) / BLOCK_BYTES),
      linkCount: item.deleted ? 0 : item.kind === 'folder' ? 2 : 1,
      uid: this.#uid,
      gid: this.#gid,
      atimeMs: modifiedMs ?? item.mtimeMs,
      mtimeMs: modifiedMs ?? item.mtimeMs,
      ctimeMs: modifiedMs ?? item.ctimeMs,
    }
  }

  /** Somebody may write to the file without asking: what is told of it is old in a moment. */
  isWrittenDirectly(item: Item): boolean {
    return item.contentId !== null && this.#cache.peek(item.contentId)?.isOpenedDirectly === true
  }

  async one(item: Item): Promise<Attributes> {
    if (item.contentId === null) return this.of(item, undefined)
    return this.of(item, (await this.facts([item])).get(item.contentId))
  }
}
