/**
 * Changes of names: create, mkdir, unlink, rmdir, rename. Each is one transaction that checks the rows it stands on,
 * changes them, and leaves a journal entry; nothing waits for the network. The remote identity moves between rows so that
 * a save through a temporary name stays a new version of the same id (DESIGN.md 6a.6).
 */
import { DriveError } from '../base/errors.js'
import type { ContentId, Ino } from '../base/ids.js'
import { portalNameFault } from '../base/names.js'
import type { Clock } from '../base/clock.js'
import type { ContentCache } from '../cache/content-cache.js'
import type { Content } from '../cache/content.js'
import type { Journal } from '../journal/journal.js'
import { isLink, isMoved, shownName, type Item } from '../mirror/item.js'
import type { Mirror } from '../mirror/mirror.js'
import type { Store, Transaction } from '../store/store.js'
import type { NodeTable } from './nodes.js'
import { mayHandOver } from './save-patterns.js'

export interface NamespaceOptions {
  readonly store: Store
  readonly mirror: Mirror
  readonly journal: Journal
  readonly cache: ContentCache
  readonly nodes: NodeTable
  readonly clock: Clock
  readonly uploadDelayMs: () => number
  readonly isLocalOnlyName: (name: string) => boolean
}

/** Held contents of files that were moved aside, by id. */
type Asides = ReadonlyMap<ContentId, Content>

export class Namespace {
  readonly #store: Store
  readonly #mirror: Mirror
  readonly #journal: Journal
  readonly #cache: ContentCache
  readonly #nodes: NodeTable
  readonly #clock: Clock
  readonly #uploadDelayMs: () => number
  readonly #isLocalOnlyName: (name: string) => boolean

  constructor(options: NamespaceOptions) {
    this.#store = options.store
    this.#mirror = options.mirror
    this.#journal = options.journal
    this.#cache = options.cache
    this.#nodes = options.nodes
    this.#clock = options.clock
    this.#uploadDelayMs = options.uploadDelayMs
    this.#isLocalOnlyName = options.isLocalOnlyName
  }

  /** 'exists', 'bad-name', 'name-too-long'. Answers the new item and its empty, dirty content. */
  async createFile(parent: Ino, name: string, mode: number): Promise<{ item: Item; contentId: ContentId }> {
    return this.#holdingAsides(parent, name, async (tx, asides) => {
      const folder = await this.#folder(tx, parent)
      await this.#checkFree(tx, parent, name, [])
      const contentId = await this.#cache.createLocal(tx)
      const localOnly = folder.localOnly || this.#isLocalOnlyName(name)
      const nowMs = this.#clock.nowMs()
      const ino = await this.#mirror.insertLocal(tx, { parent, name, kind: 'file', mode, sizeBytes: 0, mtimeMs: nowMs, contentId, localOnly })
      if (!localOnly) {
        await this.#takeOver(tx, asides, ino, { parent, name })
        await this.#touch(tx, ino)
      }
      await this.#stamp(tx, folder)
      return { item: await this.#mirror.needIn(tx, ino), contentId }
    })
  }

  async makeFolder(parent: Ino, name: string, mode: number): Promise<Item> {
    return this.#store.transact(async (tx) => {
      const folder = await this.#folder(tx, parent)
      await this.#checkFree(tx, parent, name, [])
      const localOnly = folder.localOnly || this.#isLocalOnlyName(name)
      const ino = await this.#mirror.insertLocal(tx, { parent, name, kind: 'folder', mode, sizeBytes: 0, mtimeMs: this.#clock.nowMs(), contentId: null, localOnly })
      if (!localOnly) await this.#touch(tx, ino)
      await this.#stamp(tx, folder)
      return this.#mirror.needIn(tx, ino)
    })
  }

  /** 'not-found', 'is-directory'. */
  async unlink(parent: Ino, name: string): Promise<void> {
    await this.#store.transact(async (tx) => {
      const item = await this.#child(tx, parent, name)
      if (item.kind === 'folder') throw new DriveError('is-directory', 'unlink of a folder')
      await this.#discard(tx, await this.#handBack(tx, item))
      await this.#stamp(tx, await this.#folder(tx, parent))
    })
  }

  /** The folder must have been listed. 'not-found', 'not-directory', 'not-empty'. A link is disconnected, whatever it leads to. */
  async removeFolder(parent: Ino, name: string): Promise<void> {
    await this.#store.transact(async (tx) => {
      const item = await this.#child(tx, parent, name)
      await this.#checkRemovable(tx, item)
      await this.#discard(tx, item)
      await this.#stamp(tx, await this.#folder(tx, parent))
    })
  }

  /**
   * 'exists' (noReplace, or a case twin), 'cross-storage', 'not-empty', 'is-directory', 'not-directory', 'bad-name'.
   * Answers the item as it was before; undefined when nothing had to change.
   */
  async rename(from: { parent: Ino; name: string }, to: { parent: Ino; name: string }, noReplace: boolean): Promise<Item | undefined> {
    return this.#holdingAsides(to.parent, to.name, async (tx, asides) => {
      const item = await this.#child(tx, from.parent, from.name)
      if (from.parent === to.parent && from.name === to.name) return undefined
      const source = await this.#folder(tx, from.parent)
      const target = await this.#folder(tx, to.parent)
      const victim = await this.#mirror.childIn(tx, to.parent, to.name)
      if (victim !== undefined && noReplace) throw new DriveError('exists', 'the name is taken')
      await this.#checkFree(tx, to.parent, to.name, victim === undefined ? [item.ino] : [item.ino, victim.ino])
      await this.#checkSameStorage(tx, item, target)
      const localOnly = target.localOnly || this.#isLocalOnlyName(to.name)
      if (victim !== undefined) await this.#replace(tx, item, victim, localOnly)
      await this.#place(tx, asides, item.ino, to, localOnly)
      await this.#stamp(tx, source)
      if (target.ino !== source.ino) await this.#stamp(tx, target)
      return item
    })
  }

  /** The victim of a rename goes; where the moved file was never on the portal, it takes the victim's identity. */
  async #replace(tx: Transaction, item: Item, victim: Item, localOnly: boolean): Promise<void> {
    if (item.kind === 'folder' && victim.kind === 'file') throw new DriveError('not-directory', 'a folder cannot replace a file')
    if (item.kind === 'file' && victim.kind === 'folder') throw new DriveError('is-directory', 'a file cannot replace a folder')
    if (victim.kind === 'folder') await this.#checkRemovable(tx, victim)
    const inherits = item.kind === 'file' && item.base === null && victim.base !== null && !localOnly && !(await this.#isUnderWay(tx, item.ino))
    if (inherits) await this.#inherit(tx, victim, item.ino)
    await this.#discard(tx, inherits ? await this.#mirror.needIn(tx, victim.ino) : victim)
  }

  /** Puts the row at its new place and leaves the entry that says so. */
  async #place(tx: Transaction, asides: Asides, ino: Ino, to: { parent: Ino; name: string }, localOnly: boolean): Promise<void> {
    const before = await this.#mirror.needIn(tx, ino)
    const nowMs = this.#clock.nowMs()
    const leavesPrograms = before.localOnly && !localOnly
    await this.#mirror.update(tx, before, { parent: to.parent, name: to.name, ctimeMs: nowMs, localOnly: localOnly && before.base === null })
    const moved = isMoved({ ...before, parent: to.parent, name: to.name })
    await this.#mirror.update(tx, await this.#mirror.needIn(tx, ino), { placeChangedMs: moved ? (before.placeChangedMs ?? nowMs) : null })
    if (before.base === null && before.kind === 'file' && !localOnly) await this.#takeOver(tx, asides, ino, to)
    if (!localOnly || before.base !== null) await this.#touch(tx, ino)
    if (leavesPrograms && before.kind === 'folder') await this.#releaseSubtree(tx, ino)
  }

  /** A folder got a real name: what stands in it is to be sent as well, but for names of programs. */
  async #releaseSubtree(tx: Transaction, ino: Ino): Promise<void> {
    for (const item of await this.#mirror.subtreeIn(tx, ino)) {
      if (item.ino === ino || !item.localOnly || this.#isLocalOnlyName(item.name)) continue
      await this.#mirror.update(tx, item, { localOnly: false })
      await this.#touch(tx, item.ino)
    }
  }

  /**
   * The name is made again shortly after its file was moved aside or deleted, and nothing of that was sent: the portal's
   * object stays with the name, and the file aside becomes the new one.
   */
  async #takeOver(tx: Transaction, asides: Asides, ino: Ino, { parent, name }: { parent: Ino; name: string }): Promise<void> {
    for (const left of await this.#mirror.baseNamedIn(tx, parent, name)) {
      if (left.base === null || shownName(left.base.name, left.base.id) !== name || left.ino === ino) continue
      const sendable = !(await this.#isUnderWay(tx, left.ino))
      if (!mayHandOver(left, this.#clock.nowMs(), sendable)) continue
      if (left.deleted) {
        await this.#inherit(tx, left, ino)
        await this.#journal.remove(tx, left.ino)
        await this.#mirror.remove(tx, { ...left, base: null })
        return
      }
      // The file aside must have all its bytes here to become a new file; they are to be sent.
      const content = left.contentId === null ? undefined : asides.get(left.contentId)
      if (content?.isComplete !== true) continue
      await content.markDirty(tx)
      await this.#inherit(tx, left, ino)
      await this.#touch(tx, left.ino)
      return
    }
  }

  /** The portal's object goes on as the row `to`, and so does "always keep here". */
  async #inherit(tx: Transaction, from: Item, to: Ino): Promise<void> {
    await this.#mirror.transferBase(tx, from.ino, to)
    const heir = await this.#mirror.needIn(tx, to)
    if (!from.pinned || heir.pinned) return
    await this.#mirror.update(tx, heir, { pinned: true })
    if (heir.contentId !== null) await this.#cache.setPinned(tx, [heir.contentId], true)
  }

  /** Runs `work` in a transaction while the contents of files moved aside from this name are held: inside it nothing can be acquired. */
  async #holdingAsides<T>(parent: Ino, name: string, work: (tx: Transaction, asides: Asides) => Promise<T>): Promise<T> {
    const asides = new Map<ContentId, Content>()
    try {
      for (const left of await this.#mirror.baseNamedIn(this.#store.read, parent, name)) {
        if (left.contentId !== null && isMoved(left)) asides.set(left.contentId, await this.#cache.acquire(left.contentId))
      }
      return await this.#store.transact((tx) => work(tx, asides))
    } finally {
      for (const content of asides.values()) await content.release()
    }
  }

  /**
   * A file that was moved aside goes while its old name stands again as something new: the identity goes back to the
   * name. Answers the row as it is then.
   */
  async #handBack(tx: Transaction, item: Item): Promise<Item> {
    const { base } = item
    const parent = base?.parent ?? null
    if (base === null || parent === null || !isMoved(item) || (await this.#isUnderWay(tx, item.ino))) return item
    const heir = await this.#mirror.childIn(tx, parent, shownName(base.name, base.id))
    const inherits = heir?.base === null && heir.kind === 'file' && !heir.localOnly
    if (!inherits || (await this.#isUnderWay(tx, heir.ino))) return item
    await this.#inherit(tx, item, heir.ino)
    await this.#touch(tx, heir.ino)
    return this.#mirror.needIn(tx, item.ino)
  }

  /** The item goes: at once when the portal cannot have it, else as a tombstone to be trashed there. */
  async #discard(tx: Transaction, item: Item): Promise<void> {
    if (item.contentId !== null) await this.#cache.drop(tx, item.contentId)
    if (item.base === null && !(await this.#isUnderWay(tx, item.ino))) {
      await this.#journal.remove(tx, item.ino)
      await this.#mirror.remove(tx, item)
    } else {
      await this.#mirror.update(tx, item, { parent: null, contentId: null, deleted: true, placeChangedMs: this.#clock.nowMs() })
      await this.#touch(tx, item.ino)
    }
    tx.afterCommit(() => {
      this.#nodes.markGone(item)
    })
  }

  async #checkRemovable(tx: Transaction, item: Item): Promise<void> {
    if (item.kind === 'file') throw new DriveError('not-directory', 'the item is a file')
    if (isLink(item)) return
    if ((await this.#mirror.childrenIn(tx, item.ino)).length > 0) throw new DriveError('not-empty', 'the folder is not empty')
  }

  async #checkFree(tx: Transaction, parent: Ino, name: string, allowed: readonly Ino[]): Promise<void> {
    const fault = portalNameFault(name)
    if (fault === 'too-long') throw new DriveError('name-too-long', 'the portal takes names of up to 255 characters')
    if (fault !== undefined) throw new DriveError('bad-name', `the portal does not take this name: ${fault}`)
    for (const twin of await this.#mirror.twinsIn(tx, parent, name)) {
      if (!allowed.includes(twin.ino)) throw new DriveError('exists', 'the name is taken, upper and lower case being the same on the portal')
    }
  }

  /** REST cannot move between storages (E-42): mv then copies and deletes. */
  async #checkSameStorage(tx: Transaction, item: Item, target: Item): Promise<void> {
    if (item.base === null || item.parent === target.ino) return
    const storage = await this.#storageOf(tx, target)
    if (storage !== item.base.storageId) throw new DriveError('cross-storage', 'the folder belongs to another storage')
  }

  /** The storage in which children of the folder live; undefined when nothing here tells. */
  async #storageOf(tx: Transaction, folder: Item): Promise<string | undefined> {
    if (isLink(folder)) {
      const child = (await this.#mirror.baseChildrenIn(tx, folder.ino)).find(({ base }) => base !== null)
      return child?.base?.storageId
    }
    if (folder.base !== null) return folder.base.storageId
    return folder.parent === null ? undefined : this.#storageOf(tx, await this.#mirror.needIn(tx, folder.parent))
  }

  async #folder(tx: Transaction, ino: Ino): Promise<Item> {
    const folder = await this.#mirror.getIn(tx, ino)
    if (folder === undefined || folder.deleted) throw new DriveError('not-found', 'the folder is gone')
    return folder
  }

  async #child(tx: Transaction, parent: Ino, name: string): Promise<Item> {
    const item = await this.#mirror.childIn(tx, parent, name)
    if (item === undefined || item.excluded) throw new DriveError('not-found', 'no such item')
    return item
  }

  /** A request about the item may have reached the portal. */
  async #isUnderWay(tx: Transaction, ino: Ino): Promise<boolean> {
    return ((await this.#journal.get(ino, tx))?.attempt ?? null) !== null
  }

  async #stamp(tx: Transaction, folder: Item): Promise<void> {
    const nowMs = this.#clock.nowMs()
    await this.#mirror.update(tx, folder, { mtimeMs: nowMs, ctimeMs: nowMs })
  }

  async #touch(tx: Transaction, ino: Ino): Promise<void> {
    const nowMs = this.#clock.nowMs()
    await this.#journal.touch(tx, ino, nowMs, nowMs + this.#uploadDelayMs())
  }
}
