/**
 * Changes of names: create, mkdir, unlink, rmdir, rename. Each is one transaction that checks the rows it stands on,
 * changes them, and leaves a journal entry; nothing waits for the network. The remote identity moves between rows so that
 * a save through a temporary name stays a new version of the same id (DESIGN.md 6a.6).
 */
import { DriveError } from '../base/errors.js'
import type { ContentId, Ino } from '../base/ids.js'
import { isLongerThanShown, isTrashName, MAX_LOCAL_NAME_BYTES, portalNameFault } from '../base/names.js'
import type { Clock } from '../base/clock.js'
import { readMark } from '../brake/brake-rows.js'
import type { ContentCache } from '../cache/content-cache.js'
import type { Content } from '../cache/content.js'
import type { Journal } from '../journal/journal.js'
import { isConnected, renameConnected } from '../mirror/connected-rows.js'
import { isLink, isMoved, shownName, type Item } from '../mirror/item.js'
import { passConflictsOn } from '../mirror/conflicts.js'
import type { Mirror } from '../mirror/mirror.js'
import { comesBackIn, isInTrash, unsentIn } from '../mirror/trash-rows.js'
import type { Store, Transaction } from '../store/store.js'
import { makePlainFile, type FileTables } from './file-scripts.js'
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

type Beside = (tx: Transaction, ino: Ino) => Promise<void>

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
  readonly #tables: FileTables & { readonly cache: ContentCache }

  constructor(options: NamespaceOptions) {
    this.#store = options.store
    this.#mirror = options.mirror
    this.#journal = options.journal
    this.#cache = options.cache
    this.#nodes = options.nodes
    this.#clock = options.clock
    this.#uploadDelayMs = options.uploadDelayMs
    this.#isLocalOnlyName = (name) => isTrashName(name) || options.isLocalOnlyName(name)
    this.#tables = options
  }

  /**
   * 'exists', 'bad-name', 'name-too-long'. Answers the new item and its empty, dirty content, held for the caller.
   * `opened`: it will be written directly. `beside`: what is written in the same transaction.
   */
  async createFile(parent: Ino, name: string, mode: number, options: { opened?: boolean; beside?: Beside } = {}): Promise<{ item: Item; content: Content }> {
    if (options.beside === undefined && portalNameFault(name) === undefined && !isLongerThanShown(name) && !this.#isLocalOnlyName(name)) {
      const nowMs = this.#clock.nowMs()
      const made = await makePlainFile(this.#tables, { parent, name, mode, opened: options.opened ?? false, nowMs, notBeforeMs: nowMs + this.#uploadDelayMs() })
      if (made !== undefined) return made
    }
    const { item, contentId } = await this.#createAmongOthers(parent, name, mode, options)
    return { item, content: await this.#cache.acquire(contentId) }
  }

  /** Where the name, or what had it before, has to be looked at. */
  async #createAmongOthers(parent: Ino, name: string, mode: number, { opened, beside }: { opened?: boolean; beside?: Beside }): Promise<{ item: Item; contentId: ContentId }> {
    return this.#holdingAsides(parent, name, async (tx, asides) => {
      const folder = await this.#folder(tx, parent)
      await this.#checkFree(tx, parent, name, [])
      const contentId = await this.#cache.createLocal(tx, opened)
      const localOnly = folder.localOnly || this.#isLocalOnlyName(name)
      const nowMs = this.#clock.nowMs()
      const ino = await this.#mirror.insertLocal(tx, { parent, name, kind: 'file', mode, sizeBytes: 0, mtimeMs: nowMs, contentId, localOnly })
      if (!localOnly) {
        await this.#takeOver(tx, asides, ino, { parent, name })
        await this.#touch(tx, ino)
      }
      await this.#stamp(tx, folder)
      await beside?.(tx, ino)
      return { item: await this.#mirror.needIn(tx, ino), contentId }
    })
  }

  async makeFolder(parent: Ino, name: string, mode: number): Promise<Item> {
    return this.#store.transact(async (tx) => {
      const folder = await this.#folder(tx, parent)
      await this.#checkFree(tx, parent, name, [])
      const localOnly = folder.localOnly || this.#isLocalOnlyName(name)
      const ino = await this.#mirror.insertLocal(tx, { parent, name, kind: 'folder', mode, sizeBytes: 0, mtimeMs: this.#clock.nowMs(), contentId: null, localOnly })
      if (!localOnly) {
        await this.#takeOverFolder(tx, ino, { parent, name })
        await this.#touch(tx, ino)
      }
      await this.#stamp(tx, folder)
      return this.#mirror.needIn(tx, ino)
    })
  }

  /** A folder whose deletion the brake holds is made again: the portal's folder stays, and what was in it stays held. */
  async #takeOverFolder(tx: Transaction, ino: Ino, { parent, name }: { parent: Ino; name: string }): Promise<void> {
    for (const left of await this.#mirror.baseNamedIn(tx, parent, name)) {
      const isHeld = left.deleted && left.kind === 'folder' && !isLink(left) && (await readMark(tx, 'here', left.ino)) === 'held'
      if (!isHeld || left.base === null || shownName(left.base.name, left.base.id) !== name || (await this.#isUnderWay(tx, left.ino))) continue
      await this.#inherit(tx, left, ino)
      await this.#journal.remove(tx, left.ino)
      await this.#mirror.remove(tx, { ...left, base: null })
      if (left.listedMs === null) await this.#mirror.update(tx, await this.#mirror.needIn(tx, ino), { listedMs: null })
      return
    }
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
   * 'exists' (noReplace, or a case twin), 'cross-storage', 'not-empty', 'is-directory', 'not-directory', 'bad-name',
   * 'not-permitted' (a link into the trash: the portal could not bring it back).
   * Answers the item as it was before; undefined when nothing had to change.
   */
  async rename(from: { parent: Ino; name: string }, to: { parent: Ino; name: string }, noReplace: boolean): Promise<Item | undefined> {
    return this.#holdingAsides(to.parent, to.name, async (tx, asides) => {
      const item = await this.#child(tx, from.parent, from.name)
      if (from.parent === to.parent && from.name === to.name) return undefined
      const source = await this.#folder(tx, from.parent)
      const target = await this.#folder(tx, to.parent)
      const victim = await this.#mirror.childIn(tx, to.parent, to.name)
      if (victim !== undefined && (noReplace || victim.excluded)) throw new DriveError('exists', 'the name is taken')
      await this.#checkFree(tx, to.parent, to.name, victim === undefined ? [item.ino] : [item.ino, victim.ino])
      if (item.base !== null && isTrashName(to.name)) throw new DriveError('bad-name', 'file managers keep their trash under this name')
      const leavesTrash = await isInTrash(tx, item.ino)
      const isTrashed = await isInTrash(tx, target.ino)
      if (isTrashed && isLink(item)) throw new DriveError('not-permitted', 'a link goes by being disconnected, which the portal cannot undo: delete it instead')
      if (isConnected(item) && target.ino !== source.ino) throw new DriveError('not-permitted', 'a folder that was connected here stays at the top of the drive')
      if (!isTrashed) await this.#checkSameStorage(tx, item, target)
      // What is in the trash is not sent because of where it is, and stays what it was.
      const localOnly = isTrashed ? item.localOnly : target.localOnly || this.#isLocalOnlyName(to.name)
      if (victim !== undefined) await this.#replace(tx, item, victim, localOnly || isTrashed)
      await this.#place(tx, asides, item.ino, to, { localOnly, isTrashed })
      // Put back into its folder there: that one will not bring it back.
      if (isTrashed && target.base !== null && item.base?.trashed === true) await this.#mirror.setTrashed(tx, [item.ino], 'may-be-live')
      if (leavesTrash && !isTrashed) {
        for (const ino of await unsentIn(this.#mirror, tx, item.ino, (content) => this.#cache.isDirtyIn(tx, content))) await this.#touch(tx, ino)
      }
      await this.#stamp(tx, source)
      if (target.ino !== source.ino) await this.#stamp(tx, target)
      return item
    })
  }

  /** In the caller's transaction: the item goes, as by unlink or rmdir. 'not-empty'. */
  async dropIn(tx: Transaction, item: Item & { readonly parent: Ino }): Promise<void> {
    if (item.kind === 'folder') await this.#checkRemovable(tx, item)
    await this.#discard(tx, item.kind === 'file' ? await this.#handBack(tx, item) : item)
    await this.#stamp(tx, await this.#folder(tx, item.parent))
  }

  /**
   * In the caller's transaction: the item takes the place of `victim`, which goes. Of two files it goes on as the portal's
   * object of the victim, and what the portal had of it goes to the trash. 'busy' while a request about either may have
   * reached the portal, 'not-empty', 'cross-storage'.
   */
  async takePlaceIn(tx: Transaction, item: Item & { readonly parent: Ino }, victim: Item & { readonly parent: Ino }): Promise<void> {
    for (const { ino } of [item, victim]) if (await this.#isUnderWay(tx, ino)) throw new DriveError('busy', 'it is being sent in this moment: try again when that is over')
    const target = await this.#folder(tx, victim.parent)
    const goesOn = item.kind === 'file' && victim.kind === 'file' && victim.base !== null
    if (goesOn) await this.#inherit(tx, victim, item.ino)
    else await this.#checkSameStorage(tx, item, target)
    if (victim.kind === 'folder') await this.#checkRemovable(tx, victim)
    await this.#discard(tx, await this.#mirror.needIn(tx, victim.ino))
    await this.#place(tx, new Map(), item.ino, { parent: victim.parent, name: victim.name }, { localOnly: target.localOnly || this.#isLocalOnlyName(victim.name), isTrashed: false })
    await this.#stamp(tx, await this.#folder(tx, item.parent))
    await this.#stamp(tx, target)
  }

  /** The victim of a rename goes; where the moved file was never on the portal, it takes the victim's identity. */
  async #replace(tx: Transaction, item: Item, victim: Item, localOnly: boolean): Promise<void> {
    if (item.kind === 'folder' && victim.kind === 'file') throw new DriveError('not-directory', 'a folder cannot replace a file')
    if (item.kind === 'file' && victim.kind === 'folder') throw new DriveError('is-directory', 'a file cannot replace a folder')
    if (isLink(victim)) throw new DriveError('not-empty', 'what stands there leads to a folder of others: delete it first, which disconnects it')
    if (victim.kind === 'folder') await this.#checkRemovable(tx, victim)
    const inherits = item.kind === 'file' && item.base === null && victim.base !== null && !localOnly && !(await this.#isUnderWay(tx, item.ino))
    if (inherits) await this.#inherit(tx, victim, item.ino)
    else if (item.kind === 'file') await passConflictsOn(tx, victim.ino, item.ino)
    await this.#discard(tx, inherits ? await this.#mirror.needIn(tx, victim.ino) : victim)
  }

  /** Puts the row at its new place and leaves the entry that says so. */
  async #place(tx: Transaction, asides: Asides, ino: Ino, to: { parent: Ino; name: string }, { localOnly, isTrashed }: { localOnly: boolean; isTrashed: boolean }): Promise<void> {
    const before = await this.#mirror.needIn(tx, ino)
    const nowMs = this.#clock.nowMs()
    if (isConnected(before)) {
      await renameConnected(this.#mirror, tx, before, to.name)
      return
    }
    const leavesPrograms = before.localOnly && !localOnly
    await this.#mirror.update(tx, before, { parent: to.parent, name: to.name, ctimeMs: nowMs, localOnly: localOnly && before.base === null })
    const moved = isMoved({ ...before, parent: to.parent, name: to.name })
    const sinceMs = isTrashed ? nowMs : (before.placeChangedMs ?? nowMs) // the brake goes by when it went to the trash
    await this.#mirror.update(tx, await this.#mirror.needIn(tx, ino), { placeChangedMs: moved ? sinceMs : null })
    if (before.base === null && before.kind === 'file' && !localOnly && !isTrashed) await this.#takeOver(tx, asides, ino, to)
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
      const held = left.deleted && (await readMark(tx, 'here', left.ino)) === 'held'
      if (!mayHandOver(left, { nowMs: this.#clock.nowMs(), sendable, held })) continue
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
    if (base === null || parent === null || !isMoved(item) || (await this.#isUnderWay(tx, item.ino)) || (await isInTrash(tx, item.ino))) return item
    const heir = await this.#mirror.childIn(tx, parent, shownName(base.name, base.id))
    const inherits = heir?.base === null && heir.kind === 'file' && !heir.localOnly
    if (!inherits || (await this.#isUnderWay(tx, heir.ino))) return item
    await this.#inherit(tx, item, heir.ino)
    await this.#touch(tx, heir.ino)
    return this.#mirror.needIn(tx, item.ino)
  }

  /**
   * The item goes: at once when the portal cannot have it or has it in its trash, which nobody here empties; else as a
   * tombstone to be trashed there, also where a folder that is being restored brings it back.
   */
  async #discard(tx: Transaction, item: Item): Promise<void> {
    if (item.contentId !== null) await this.#cache.drop(tx, item.contentId, 'unlinked')
    const comesBack = (await comesBackIn(this.#mirror, tx, item)) !== null
    const isNowhere = item.base === null || (item.base.trashed && !item.base.mayBeLive && !comesBack)
    if (isNowhere && !(await this.#isUnderWay(tx, item.ino))) {
      await this.#journal.remove(tx, item.ino)
      await this.#mirror.remove(tx, item)
    } else {
      await this.#mirror.update(tx, item, { parent: null, contentId: null, deleted: true, placeChangedMs: this.#clock.nowMs() })
      if (comesBack) await this.#mirror.setTrashed(tx, [item.ino], 'may-be-live')
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
    if (fault === 'too-long' || isLongerThanShown(name)) throw new DriveError('name-too-long', `names have up to ${MAX_LOCAL_NAME_BYTES} bytes here`)
    if (fault !== undefined) throw new DriveError('bad-name', `the portal does not take this name: ${fault}`)
    for (const twin of await this.#mirror.twinsIn(tx, parent, name)) {
      if (!allowed.includes(twin.ino)) throw new DriveError('exists', 'the name is taken, upper and lower case being the same on the portal')
    }
  }

  /** REST cannot move between storages (E-42): mv then copies and deletes. */
  async #checkSameStorage(tx: Transaction, item: Item, target: Item): Promise<void> {
    if (item.parent === target.ino || (item.base === null && item.kind === 'file')) return
    const storage = await this.#storageOf(tx, target)
    // A folder that was not sent yet may have got something that the portal has.
    const moved = item.base === null ? await this.#mirror.subtreeIn(tx, item.ino) : [item]
    if (moved.some(({ base }) => base !== null && base.storageId !== storage)) throw new DriveError('cross-storage', 'the folder belongs to another storage')
  }

  /** The storage in which children of the folder live; undefined when nothing here tells. */
  async #storageOf(tx: Transaction, folder: Item): Promise<string | undefined> {
    if (isLink(folder) && !isConnected(folder)) {
      const child = (await this.#mirror.baseChildrenIn(tx, folder.ino)).find(({ base }) => base !== null)
      return child?.base?.storageId
    }
    if (folder.base !== null) return folder.base.storageId
    return folder.parent === null ? undefined : this.#storageOf(tx, await this.#mirror.needIn(tx, folder.parent))
  }

  async #folder(tx: Transaction, ino: Ino): Promise<Item> {
    const folder = await this.#mirror.getIn(tx, ino)
    if (folder === undefined || folder.deleted || folder.excluded) throw new DriveError('not-found', 'the folder is gone')
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
