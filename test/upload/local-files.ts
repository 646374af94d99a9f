/**
 * The mount, imitated: what fs does to rows, contents and the journal for each operation of a program, by path. Only as
 * much of it as the tests of sending need.
 */
import { ROOT_INO, type ContentId, type Ino } from '../../src/base/ids.js'
import type { Clock } from '../../src/base/clock.js'
import type { ContentCache } from '../../src/cache/content-cache.js'
import type { Journal } from '../../src/journal/journal.js'
import { isMoved, type Item } from '../../src/mirror/item.js'
import type { Mirror } from '../../src/mirror/mirror.js'
import { comesBackIn, isInTrash, unsentIn } from '../../src/mirror/trash-rows.js'
import type { Store, Transaction } from '../../src/store/store.js'

export interface LocalFilesOptions {
  readonly store: Store
  readonly mirror: Mirror
  readonly journal: Journal
  readonly cache: ContentCache
  readonly clock: Clock
  readonly uploadDelayMs: () => number
}

export class LocalFiles {
  readonly #at: LocalFilesOptions

  constructor(options: LocalFilesOptions) {
    this.#at = options
  }

  async need(path: string): Promise<Item> {
    const item = await this.#at.mirror.find(path === '' ? [] : path.split('/'))
    if (item === undefined) throw new Error(`there is no ${path} here`)
    return item
  }

  async has(path: string): Promise<boolean> {
    return (await this.#at.mirror.find(path.split('/'))) !== undefined
  }

  async mkdir(path: string): Promise<Ino> {
    const { parent, name } = await this.#place(path)
    return this.#at.store.transact(async (tx) => {
      const ino = await this.#at.mirror.insertLocal(tx, { parent, name, kind: 'folder', mode: 0o755, sizeBytes: 0, mtimeMs: this.#at.clock.nowMs(), contentId: null, localOnly: false })
      await this.#touch(tx, ino)
      return ino
    })
  }

  /** Creates or overwrites the whole file. */
  async write(path: string, text: string | Uint8Array): Promise<Ino> {
    const bytes = typeof text === 'string' ? Buffer.from(text) : text
    const { parent, name } = await this.#place(path)
    const { store, mirror, cache } = this.#at
    const found = await mirror.child(parent, name)
    const { ino, contentId } = await store.transact(async (tx) => {
      if (found === undefined) {
        const made = await cache.createLocal(tx)
        return { ino: await mirror.insertLocal(tx, { parent, name, kind: 'file', mode: 0o644, sizeBytes: 0, mtimeMs: this.#at.clock.nowMs(), contentId: made, localOnly: false }), contentId: made }
      }
      return { ino: found.ino, contentId: found.contentId ?? (await this.#placeholder(tx, found)) }
    })
    const content = await cache.acquire(contentId)
    try {
      await store.transact((tx) => content.markDirty(tx))
      await content.truncate(0)
      await content.write(0, bytes)
      await store.transact(async (tx) => {
        await content.persist(tx)
        const now = await mirror.getIn(tx, ino)
        if (now === undefined || now.deleted) return
        await mirror.update(tx, now, { sizeBytes: bytes.length, mtimeMs: this.#at.clock.nowMs() })
        await this.#touch(tx, ino)
      })
    } finally {
      await content.release()
    }
    return ino
  }

  async #placeholder(tx: Transaction, item: Item): Promise<ContentId> {
    const { cache, mirror } = this.#at
    const contentId = await cache.createPlaceholder(tx, item.sizeBytes, { fileId: item.base!.id, version: item.base!.version, blobId: item.base!.blobId })
    await mirror.update(tx, item, { contentId })
    return contentId
  }

  async remove(path: string): Promise<void> {
    const item = await this.need(path)
    await this.#at.store.transact((tx) => this.#discard(tx, item.ino))
  }

  async removeTree(path: string, options: { readonly linkOnly?: boolean } = {}): Promise<void> {
    const item = await this.need(path)
    if (options.linkOnly === true) {
      await this.remove(path)
      return
    }
    const below = await this.#at.mirror.subtreeIn(this.#at.store.read, item.ino)
    for (const { ino } of [...below].reverse()) await this.#at.store.transact((tx) => this.#discard(tx, ino))
  }

  /** As rename(2): a file at the target is replaced; a new file takes over its identity (6a.6). */
  async rename(from: string, to: string): Promise<void> {
    const item = await this.need(from)
    const { parent, name } = await this.#place(to)
    const { store, mirror } = this.#at
    await store.transact(async (tx) => {
      const victim = await mirror.childIn(tx, parent, name)
      const before = await mirror.needIn(tx, item.ino)
      if (victim !== undefined && victim.ino !== item.ino) {
        const inherits = before.base === null && victim.base !== null && before.kind === 'file' && !(await this.#isUnderWay(tx, item.ino))
        if (inherits) await mirror.transferBase(tx, victim.ino, item.ino)
        await this.#discard(tx, victim.ino)
      }
      await mirror.update(tx, await mirror.needIn(tx, item.ino), { parent, name })
      const placed = await mirror.needIn(tx, item.ino)
      await mirror.update(tx, placed, { placeChangedMs: isMoved(placed) ? this.#at.clock.nowMs() : null })
      const target = await mirror.needIn(tx, parent)
      if (target.base !== null && item.base?.trashed === true && (await isInTrash(tx, parent))) await mirror.setTrashed(tx, [item.ino], 'may-be-live')
      await this.#touch(tx, item.ino)
    })
  }

  /** As a file manager: into the trash at the top, with a note of where it was. */
  async trash(path: string, under = path.split('/').at(-1) ?? ''): Promise<void> {
    const { store, mirror, cache, clock } = this.#at
    const local = { mode: 0o700, sizeBytes: 0, mtimeMs: clock.nowMs(), localOnly: true }
    const folder = (parent: Ino, name: string): Promise<Ino> =>
      store.transact(async (tx) => (await mirror.childIn(tx, parent, name))?.ino ?? mirror.insertLocal(tx, { ...local, parent, name, kind: 'folder', contentId: null }))
    const top = await folder(ROOT_INO, '.Trash-0')
    const notes = await folder(top, 'info')
    await folder(top, 'files')
    await store.transact(async (tx) => {
      const contentId = await cache.createLocal(tx)
      await mirror.insertLocal(tx, { ...local, parent: notes, name: `${under}.trashinfo`, kind: 'file', contentId })
    })
    await this.rename(path, `.Trash-0/files/${under}`)
  }

  /** Out of the trash, `path` below its files; the note goes. */
  async untrash(path: string, to: string): Promise<void> {
    const { store, mirror, cache } = this.#at
    await this.rename(`.Trash-0/files/${path}`, to)
    const { ino } = await this.need(to)
    await store.transact(async (tx) => {
      for (const unsent of await unsentIn(mirror, tx, ino, (content) => cache.isDirtyIn(tx, content))) await this.#touch(tx, unsent)
    })
    if (await this.has(`.Trash-0/info/${path}.trashinfo`)) await this.remove(`.Trash-0/info/${path}.trashinfo`)
  }

  async #discard(tx: Transaction, ino: Ino): Promise<void> {
    const { mirror, journal, cache } = this.#at
    const item = await mirror.needIn(tx, ino)
    if (item.contentId !== null) await cache.drop(tx, item.contentId)
    const comesBack = (await comesBackIn(mirror, tx, item)) !== null
    if ((item.base === null || (item.base.trashed && !item.base.mayBeLive && !comesBack)) && !(await this.#isUnderWay(tx, ino))) {
      await journal.remove(tx, ino)
      await mirror.remove(tx, item)
      return
    }
    await mirror.update(tx, item, { parent: null, contentId: null, deleted: true, placeChangedMs: this.#at.clock.nowMs() })
    if (comesBack) await mirror.setTrashed(tx, [ino], 'may-be-live')
    await this.#touch(tx, ino)
  }

  async #isUnderWay(tx: Transaction, ino: Ino): Promise<boolean> {
    return ((await this.#at.journal.get(ino, tx))?.attempt ?? null) !== null
  }

  async #touch(tx: Transaction, ino: Ino): Promise<void> {
    const nowMs = this.#at.clock.nowMs()
    await this.#at.journal.touch(tx, ino, nowMs, nowMs + this.#at.uploadDelayMs())
  }

  async #place(path: string): Promise<{ readonly parent: Ino; readonly name: string }> {
    const names = path.split('/')
    const name = names.pop() ?? ''
    const parent = names.length === 0 ? ROOT_INO : (await this.need(names.join('/'))).ino
    return { parent, name }
  }

  /** Everything shown, by path, with the bytes where they are here. */
  async tree(): Promise<ReadonlyMap<string, { readonly kind: string; readonly id: string | undefined; readonly sizeBytes: number; readonly text: string | undefined }>> {
    const { store, mirror, cache } = this.#at
    const found = new Map<string, { kind: string; id: string | undefined; sizeBytes: number; text: string | undefined }>()
    for (const item of await mirror.subtreeIn(store.read, ROOT_INO)) {
      const names = await mirror.path(item.ino)
      if (names === undefined || names.length === 0) continue
      let text: string | undefined
      if (item.contentId !== null) {
        const content = await cache.acquire(item.contentId)
        if (content.isComplete) text = Buffer.from(await content.read(0, content.sizeBytes)).toString()
        await content.release()
      }
      found.set(names.join('/'), { kind: item.kind, id: item.base?.id, sizeBytes: item.sizeBytes, text })
    }
    return found
  }
}
