/**
 * The hook `act` (DESIGN.md section 3): what the owner or a colleague does on the web. Acts bypass rights but record their
 * author; they obey the rules of names, links and the trash like everything else. Each answers the item as in `tree`.
 */
import { addVersion, copyRow, createFile, createFolder, moveRow, renameRow } from './changes.js'
import type { Content } from './content.js'
import type { Desk } from './desk.js'
import { IncomingContent } from './incoming.js'
import { idOf } from './parameters.js'
import { LEVELS, type Level } from './levels.js'
import { RestFailure } from './rest-failure.js'
import type { FileRow, FolderRow, ObjectRow, StorageRow } from './rows.js'
import { COLLEAGUE_ID, OWNER_ID, OWNER_STORAGE_ID } from './seeds/seed.js'
import { approve, invite, makeLink, withdraw } from './sharing-steps.js'
import type { Sharing } from './sharings.js'
import { specialFolder } from './special-folders.js'
import { destroyRow, restoreRow, trashRow } from './trash.js'
import { treeItem, type TreeItem } from './tree-hook.js'

export type ActOrder = Readonly<Record<string, unknown>>

/** Fails with a RangeError that says what does not fit; a refusal of the portal's own rules is one too. */
export async function act(desk: Desk, order: ActOrder): Promise<TreeItem> {
  try {
    const row = await performed(new Act(desk, order))
    return await treeItem(desk, row, desk.tree.path(row), true)
  } catch (error) {
    if (error instanceof RestFailure) throw new RangeError(error.message, { cause: error })
    throw error
  }
}

async function performed(each: Act): Promise<ObjectRow> {
  const op = each.text('op')
  switch (op) {
    case 'write':
      return each.write()
    case 'mkdir':
      return each.folderAt(each.text('path'))
    case 'rename':
      return each.rename()
    case 'move':
      return each.move()
    case 'trash':
      return each.trash()
    case 'restore':
      return each.restore()
    case 'purge':
      return each.purge()
    case 'share':
      return each.share()
    case 'approve':
      return each.approve()
    case 'decline':
      return each.decline()
    case 'attach':
      return each.attach()
    case 'unshare':
      return each.unshare()
    case 'connect':
      return each.connect()
    case 'rights':
      return each.rights()
    case 'lock':
      return each.lock(each.by)
    case 'unlock':
      return each.lock(null)
    default:
      throw new RangeError(`no act ${op}; there are write, mkdir, rename, move, trash, restore, purge, share, approve, decline, unshare, attach, connect, rights, lock, unlock`)
  }
}

class Act {
  readonly #desk: Desk
  readonly #order: ActOrder
  readonly by: number
  readonly #storage: StorageRow

  constructor(desk: Desk, order: ActOrder) {
    this.#desk = desk
    this.#order = order
    const as = order.as ?? 'owner'
    if (as !== 'owner' && as !== 'colleague') throw new RangeError('as must be owner or colleague')
    this.by = as === 'owner' ? OWNER_ID : COLLEAGUE_ID
    this.#storage = this.#storageOf(order.storage ?? OWNER_STORAGE_ID)
  }

  text(key: string): string {
    const value = this.#order[key]
    if (typeof value !== 'string') throw new RangeError(`${key} must be a text`)
    return value
  }

  /** A new file, with the folders above it, or a new version of the one that is there. */
  async write(): Promise<ObjectRow> {
    const bytes = typeof this.#order.contentBase64 === 'string' ? Buffer.from(this.#order.contentBase64, 'base64') : Buffer.from(this.text('content'))
    const incoming = new IncomingContent(await this.#desk.contents.store(bytes), null)
    try {
      return this.#writeContent(() => incoming.take())
    } finally {
      incoming.dispose(this.#desk.contents)
    }
  }

  #writeContent(takeContent: () => Content): ObjectRow {
    const { folder, name } = this.#split(this.text('path'))
    const parent = this.folderAt(folder)
    const there = this.#child(parent, name)
    if (there === undefined) return createFile(this.#desk, { parent, name, by: this.by }, takeContent)
    const file = there.type === 'file' ? this.#realFile(there) : undefined
    if (file === undefined) throw new RangeError(`${this.text('path')} is a folder`)
    addVersion(this.#desk, file, takeContent(), this.by)
    return this.#now(there)
  }

  /** The folder of a path, made where it is missing, through links. */
  folderAt(path: string): FolderRow {
    let folder = this.#root()
    for (const name of path.split('/').filter((part) => part !== '')) {
      const child = this.#child(folder, name) ?? createFolder(this.#desk, { parent: folder, name, by: this.by })
      if (child.type !== 'folder') throw new RangeError(`${path} leads through a file`)
      folder = this.#desk.tree.folder(child.realId) ?? child
    }
    return folder
  }

  rename(): ObjectRow {
    return renameRow(this.#desk, this.#row(), this.text('name'), this.by)
  }

  /** Into another drive, the web copies and trashes the original: the id is a new one. */
  move(): ObjectRow {
    const row = this.#row()
    const storage = this.#order.toStorage === undefined ? this.#storage : this.#storageOf(this.#order.toStorage)
    const target = this.#at(storage, this.text('to'))
    if (target.type !== 'folder') throw new RangeError('to must be a folder')
    const real = this.#desk.tree.folder(target.realId) ?? target
    if (real.storageId === row.storageId) return moveRow(this.#desk, row, real)
    const copy = copyRow(this.#desk, row, real, { by: this.by })
    trashRow(this.#desk, row, this.by)
    return copy
  }

  trash(): ObjectRow {
    return trashRow(this.#desk, this.#row(), this.by)
  }

  restore(): ObjectRow {
    return restoreRow(this.#desk, this.#row())
  }

  purge(): ObjectRow {
    const row = this.#row()
    destroyRow(this.#desk, row)
    return row
  }

  /** The other person gets a level on the item (`edit`) and a link to it in the root of his drive, at once. */
  share(): ObjectRow {
    return approve(this.#desk, invite(this.#desk, this.#row(), { byUserId: this.by, toUserId: this.#other(), level: this.#level('edit') }))
  }

  /** The invited person takes what was shared with him (`path` and `storage`, or `id`, of the object itself): the link. */
  approve(): ObjectRow {
    return approve(this.#desk, this.#pending(this.#row()))
  }

  decline(): ObjectRow {
    const row = this.#row()
    withdraw(this.#desk, this.#pending(row).objectId, this.by)
    return row
  }

  /** The level and the other person's link go. */
  unshare(): ObjectRow {
    const row = this.#row()
    withdraw(this.#desk, row.id, this.#other())
    return row
  }

  /** Something sent in a chat: a file `name` in the special folder of `code`, made when it is needed, and hung on a message. */
  async attach(): Promise<ObjectRow> {
    const code = this.#order.code === undefined ? 'FOR_UPLOADED_FILES' : this.text('code')
    const incoming = new IncomingContent(await this.#desk.contents.store(Buffer.from(this.text('content'))), null)
    try {
      const parent = specialFolder(this.#desk, this.by, code)
      const file = createFile(this.#desk, { parent, name: this.text('name'), by: this.by, unique: true }, () => incoming.take())
      this.#desk.attachments.add({ objectId: file.id, moduleId: 'im', entityType: 'message', entityId: '1', createSec: this.#desk.time.nowSec(), createdBy: this.by })
      if (code !== 'FOR_RECORDED_FILES') return file
      return this.#desk.tree.change(() => this.#desk.tree.put({ ...file, code: 'RECORDED' }))
    } finally {
      incoming.dispose(this.#desk.contents)
    }
  }

  /** A folder or file of another drive (`path` "" is all of it) as a link in the owner's root. */
  connect(): ObjectRow {
    const row = this.#row()
    if (row.storageId === OWNER_STORAGE_ID) throw new RangeError('storage must be another drive than the owner’s')
    if (!this.#desk.rights.allows(OWNER_ID, row, 'read')) this.#desk.rights.grant({ objectId: row.id, userId: OWNER_ID, level: 'edit' })
    return makeLink(this.#desk, row, OWNER_ID)
  }

  /** What the webhook's owner may do with the item from now on. */
  rights(): ObjectRow {
    const row = this.#row()
    this.#desk.rights.grant({ objectId: row.id, userId: OWNER_ID, level: this.#level(undefined) })
    return row
  }

  lock(by: number | null): ObjectRow {
    const file = this.#row()
    if (file.type !== 'file') throw new RangeError('only a file can be locked')
    const real = this.#realFile(file)
    this.#desk.tree.change(() => this.#desk.tree.put({ ...real, lockedBy: by }))
    return this.#now(file)
  }

  #other(): number {
    return this.by === OWNER_ID ? COLLEAGUE_ID : OWNER_ID
  }

  #pending(row: ObjectRow): Sharing {
    const sharing = this.#desk.sharings.find(row.id, this.by)
    if (sharing?.status !== 'pending') throw new RangeError('nothing of this was shared with you and waits')
    return sharing
  }

  /** By `id` when there is one, else by `path`. */
  #row(): ObjectRow {
    if (this.#order.id === undefined) return this.#at(this.#storage, this.text('path'))
    const row = this.#desk.tree.get(idOf(this.#order.id) ?? 0)
    if (row === undefined) throw new RangeError(`no object ${JSON.stringify(this.#order.id)}`)
    return row
  }

  /** The item itself: a link at the path's end is not followed. */
  #at(storage: StorageRow, path: string): ObjectRow {
    let row: ObjectRow = this.#rootOf(storage)
    for (const name of path.split('/').filter((part) => part !== '')) {
      const folder: ObjectRow | undefined = row.type === 'folder' ? (this.#desk.tree.folder(row.realId) ?? row) : undefined
      const child: ObjectRow | undefined = folder?.type === 'folder' ? this.#child(folder, name) : undefined
      if (child === undefined) throw new RangeError(`nothing at ${path} in storage ${storage.id}`)
      row = child
    }
    return row
  }

  #child(folder: FolderRow, name: string): ObjectRow | undefined {
    return this.#desk.tree.named(folder.id, name)
  }

  #split(path: string): { folder: string; name: string } {
    const slash = path.lastIndexOf('/')
    return { folder: slash < 0 ? '' : path.slice(0, slash), name: path.slice(slash + 1) }
  }

  #level(otherwise: Level | undefined): Level {
    const level = LEVELS.find((each) => each === (this.#order.level ?? otherwise))
    if (level === undefined) throw new RangeError(`level must be one of ${LEVELS.join(', ')}`)
    return level
  }

  #realFile(file: FileRow): FileRow {
    return file.linkTo === null ? file : (this.#desk.tree.file(file.linkTo) ?? file)
  }

  #now(row: ObjectRow): ObjectRow {
    return this.#desk.tree.get(row.id) ?? row
  }

  #root(): FolderRow {
    return this.#rootOf(this.#storage)
  }

  #rootOf(storage: StorageRow): FolderRow {
    const root = this.#desk.tree.folder(storage.rootId)
    if (root === undefined) throw new Error(`storage ${storage.id} has no root`)
    return root
  }

  #storageOf(id: unknown): StorageRow {
    const storage = this.#desk.tree.storage(idOf(id) ?? 0)
    if (storage === undefined) throw new RangeError(`no storage ${JSON.stringify(id)}`)
    return storage
  }
}
