/**
 * Keeps the engine's own answers true: fills them a folder at a time, and takes back what a commit has changed before
 * anybody is told of it. What was read before a change is never told after it: each read begins with `mark()`, and what
 * changed since that mark is not kept.
 */
import { LRUCache } from 'lru-cache'
import { errorCode, errorText } from '../base/errors.js'
import type { ContentId, Ino } from '../base/ids.js'
import type { Log } from '../base/log.js'
import type { Item } from '../mirror/item.js'
import type { Mirror } from '../mirror/mirror.js'
import type { NameEdit, RowsChanged } from '../mirror/row-cache.js'
import type { AttributesOf } from './attributes.js'
import type { Handles } from './handles.js'
import type { KernelAnswers } from './kernel-answers.js'
import { nodeIdOf } from './nodes.js'
import type { Attributes } from './operations.js'

export interface AnswerFeedOptions {
  readonly answers: KernelAnswers
  readonly mirror: Mirror
  readonly attributes: AttributesOf
  readonly handles: Handles
  readonly log: Log
}

/** A folder being filled. */
interface Filling {
  done: Promise<void>
  /** Its names have changed since its rows were asked for. */
  stale: boolean
  /** Items of any folder that have changed since. */
  readonly changed: Ino[]
}

const CHANGES_REMEMBERED = 20_000

/** When things changed last, bounded: what fell out counts as changed when the last one fell. */
class ChangeTimes<K extends number> {
  #floor = -1
  readonly #times = new LRUCache<K, number>({
    max: CHANGES_REMEMBERED,
    dispose: (time, _key, reason) => {
      if (reason === 'evict') this.#floor = Math.max(this.#floor, time)
    },
  })

  note(key: K, time: number): void {
    this.#times.set(key, time)
  }

  changedAfter(key: K, time: number): boolean {
    return (this.#times.get(key) ?? this.#floor) > time
  }
}

export class AnswerFeed {
  readonly #answers: KernelAnswers
  readonly #mirror: Mirror
  readonly #attributes: AttributesOf
  readonly #handles: Handles
  readonly #log: Log
  readonly #items = new ChangeTimes<Ino>()
  readonly #contents = new ChangeTimes<ContentId>()
  readonly #filling = new Map<Ino, Filling>()
  /** Changes of the running commit, told together when all its effects have run. */
  #changedItems: Ino[] = []
  #changedNames: NameEdit[] = []
  #time = 0

  constructor(options: AnswerFeedOptions) {
    this.#answers = options.answers
    this.#mirror = options.mirror
    this.#attributes = options.attributes
    this.#handles = options.handles
    this.#log = options.log
    options.mirror.onChange((change) => {
      this.#rowsChanged(change)
    })
  }

  /** To be taken before anything is read that will be told. */
  mark(): number {
    return this.#time
  }

  /** Fills the folder, unless it is kept or not known whole. Never fails: what is not kept is asked for. */
  async keepFolder(folder: Item): Promise<void> {
    const { ino } = folder
    if (!this.#answers.keeps || folder.listedMs === null || this.#answers.hasFolder(ino)) return
    let filling = this.#filling.get(ino)
    if (filling === undefined) {
      filling = { done: Promise.resolve(), stale: false, changed: [] }
      this.#filling.set(ino, filling)
      filling.done = this.#fill(folder, filling)
        .catch((error: unknown) => {
          this.#log.error({ ino, code: errorCode(error), error: errorText(error) }, 'a folder could not be told to the engine')
        })
        .finally(() => this.#filling.delete(ino))
    }
    await filling.done
  }

  /** Tells the attributes of an item that was read after `since`. */
  keepItem(item: Item, attributes: Attributes, complete: boolean, since: number): void {
    const { ino, contentId } = item
    if (!this.#answers.keeps || item.deleted || this.#items.changedAfter(ino, since)) return
    if (contentId !== null && this.#contents.changedAfter(contentId, since)) return
    // While somebody may write, size and times are what the handles know.
    if ((this.#handles.peekState(ino)?.writers ?? 0) > 0 || this.#attributes.isWrittenDirectly(item)) return
    this.#answers.keepItem({ node: nodeIdOf(item), attributes, content: contentId, complete })
  }

  /** Somebody may write to the item from now on. */
  writerCame(ino: Ino): void {
    this.#itemChanged(ino)
  }

  /** How much of a content is here has changed, or is about to. */
  contentChanged(content: ContentId): void {
    this.#time += 1
    this.#contents.note(content, this.#time)
    this.#answers.dropContent(content)
  }

  /** Nothing runs any more. */
  async settle(): Promise<void> {
    await Promise.all([...this.#filling.values()].map(({ done }) => done))
  }

  async #fill(folder: Item, filling: Filling): Promise<void> {
    const rows = await this.#mirror.childRows(folder.ino)
    // Next time: the folder is being worked in.
    if (filling.stale) return
    const withContent = this.#answers.keepFolder(folder.ino, nodeIdOf(folder), folder.base !== null, rows)
    this.#answers.applyChanges(filling.changed, [])
    if (withContent.length > 0) await this.#keepContents(withContent)
  }

  async #keepContents(inos: readonly Ino[]): Promise<void> {
    const since = this.mark()
    const items = await this.#mirror.getMany(inos)
    const facts = await this.#attributes.facts(items)
    for (const item of items) {
      const known = item.contentId === null ? undefined : facts.get(item.contentId)
      this.keepItem(item, this.#attributes.of(item, known), known?.complete === true, since)
    }
  }

  #itemChanged(ino: Ino): void {
    this.#note([ino])
    this.#answers.applyChanges([ino], [])
  }

  /** Called for each change of a commit, one after another before anybody learns of it: told together, so that no name is missing in between. */
  #rowsChanged({ inos, names, unlisted }: RowsChanged): void {
    this.#note(inos)
    for (const { parent } of names) this.#markStale(parent)
    for (const ino of unlisted) this.#markStale(ino)
    if (!this.#answers.keeps) return
    if (this.#changedItems.length === 0 && this.#changedNames.length === 0) {
      queueMicrotask(() => {
        this.#tell()
      })
    }
    this.#changedItems.push(...inos)
    this.#changedNames.push(...names)
    for (const ino of unlisted) this.#answers.dropFolder(ino)
  }

  #note(inos: readonly Ino[]): void {
    this.#time += 1
    for (const ino of inos) this.#items.note(ino, this.#time)
    for (const { changed } of this.#filling.values()) changed.push(...inos)
  }

  #markStale(folder: Ino): void {
    const filling = this.#filling.get(folder)
    if (filling !== undefined) filling.stale = true
  }

  #tell(): void {
    const [items, names] = [this.#changedItems, this.#changedNames]
    this.#changedItems = []
    this.#changedNames = []
    this.#answers.applyChanges(items, names)
  }
}
