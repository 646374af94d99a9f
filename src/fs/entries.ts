/**
 * From items to what the kernel is told of them: entries, attributes, listings with both. Whatever is told here goes to
 * the engine's own answers as well, so that the next asking need not come here.
 */
import type { Item } from '../mirror/item.js'
import type { Mirror } from '../mirror/mirror.js'
import type { AnswerFeed } from './answer-feed.js'
import type { AttributesOf } from './attributes.js'
import type { Directories } from './directories.js'
import { nodeIdOf } from './nodes.js'
import type { Attributes, DirectoryEntryPlus, Entry, Validity } from './operations.js'

export interface EntriesOptions {
  readonly mirror: Mirror
  readonly attributes: AttributesOf
  readonly directories: Directories
  readonly feed: AnswerFeed
}

// Every change passes through us and is announced, so the kernel may believe what it has for long.
export const VALIDITY: Validity = { entryMs: 3_600_000, attributesMs: 3_600_000 }

const NO_ATTRIBUTES: Omit<Attributes, 'ino'> = {
  kind: 'file',
  mode: 0,
  sizeBytes: 0,
  blocks: 0,
  linkCount: 0,
  uid: 0,
  gid: 0,
  atimeMs: 0,
  mtimeMs: 0,
  ctimeMs: 0,
}

export class Entries {
  readonly #o: EntriesOptions

  constructor(options: EntriesOptions) {
    this.#o = options
  }

  /** The item was read after `since` (a mark of the feed). */
  async of(item: Item, since: number): Promise<Entry> {
    return { node: nodeIdOf(item), attributes: await this.attributes(item, since), ...VALIDITY }
  }

  /** The folder has no such name. */
  absent(folder: Item): Entry {
    // A folder that the portal does not have yet may turn out to be one that it has, with all that is in it (C22).
    const entryMs = folder.base === null ? 0 : VALIDITY.entryMs
    return { node: 0, attributes: { ...NO_ATTRIBUTES, ino: folder.ino }, ...VALIDITY, entryMs }
  }

  async attributes(item: Item, since: number): Promise<Attributes> {
    const { attributes, feed } = this.#o
    const facts = item.contentId === null ? undefined : (await attributes.facts([item])).get(item.contentId)
    const shown = attributes.of(item, facts)
    feed.keepItem(item, shown, facts?.complete === true, since)
    return shown
  }

  /** The kernel asks for a folder's times at each name made in it: what was just committed, if it is in memory. */
  async tellKnown(ino: Item['ino']): Promise<void> {
    const since = this.#o.feed.mark()
    const item = this.#o.mirror.peek(ino)
    if (item !== undefined) await this.attributes(item, since)
  }

  async listing(folder: Item['ino'], offset: number, sizeBytes: number): Promise<readonly DirectoryEntryPlus[]> {
    const { directories, mirror, attributes } = this.#o
    const entries = await directories.entriesFrom(folder, offset, sizeBytes, true)
    const items = new Map((await mirror.getMany(entries.map(({ ino }) => ino))).map((item) => [item.ino, item]))
    const facts = await attributes.facts([...items.values()])
    return entries.map((entry) => {
      const item = items.get(entry.ino)
      const isDots = entry.name === '.' || entry.name === '..'
      // Gone meanwhile: shown without an answer, so that the kernel asks when somebody cares.
      if (item === undefined || isDots) return { ...entry, entry: { node: 0, attributes: { ...NO_ATTRIBUTES, ino: entry.ino, kind: entry.kind }, ...VALIDITY } }
      const shown = attributes.of(item, item.contentId === null ? undefined : facts.get(item.contentId))
      return { ...entry, entry: { node: nodeIdOf(item), attributes: shown, ...VALIDITY } }
    })
  }
}
