/**
 * The mirror: every known item of the drive, by our own row id. Owns the SQL of items, xattrs and facts. Reads come from
 * bounded caches (lru-cache) or the database; changes take the caller's transaction and reach the caches after its
 * commit. Decides nothing: who may change what is the business of fs, upload and watch.
 */
import { DriveError } from '../base/errors.js'
import { asIno, ROOT_INO, type ContentId, type Ino, type RemoteId } from '../base/ids.js'
import type { RemoteFolder, RemoteItem } from '../drive/drive.js'
import type { Committing, Reader, Store, Transaction } from '../store/store.js'
import { fileWritten, type FileWritten } from './file-scripts.js'
import { eraseBase, moveBase, setTrashed, writeBase } from './base-rows.js'
import { forgetIfNamed } from './conflicts.js'
import { ITEM_COLUMNS, itemOf, placeKey, type Item } from './item.js'
import { getItem, query } from './item-queries.js'
import { changedColumns, nameEdits, revived, type ItemChange } from './item-change.js'
import { RowCache, type Children, type RowsChanged } from './row-cache.js'
import { deleteXattr, deleteXattrs, readFact, readXattrs, writeFact, writeXattr } from './side-tables.js'

export interface NewItem {
  readonly parent: Ino
  readonly name: string
  readonly kind: 'file' | 'folder'
  readonly mode: number
  readonly sizeBytes: number
  readonly mtimeMs: number
  readonly contentId: ContentId | null
  readonly localOnly: boolean
}

const FOLDER_MODE = 0o755
const FILE_MODE = 0o644

export class Mirror {
  readonly #store: Store
  readonly #rows = new RowCache()

  constructor(store: Store) {
    this.#store = store
  }

  // ---- reading ------------------------------------------------------------------------------------------------------

  /** Hears of each change after its commit, before whoever made it. One listener. */
  onChange(listener: (change: RowsChanged) => void): void {
    this.#rows.onChange(listener)
  }

  /** From memory only: undefined says nothing. */
  peek(ino: Ino): Item | undefined {
    return this.#rows.item(ino)
  }

  async get(ino: Ino): Promise<Item | undefined> {
    const known = this.#rows.item(ino)
    if (known !== undefined) return known
    const since = this.#rows.changes
    const item = await getItem(this.#store.read, ino)
    if (item !== undefined) this.#rows.keepItems([item], since)
    return item
  }

  /** Shown children: neither tombstones (they have no parent) nor excluded ones. */
  async children(parent: Ino): Promise<Children> {
    const known = this.#rows.children(parent)
    if (known !== undefined) return known
    const since = this.#rows.changes
    const rows = await this.#store.read.all(`SELECT ${ITEM_COLUMNS} FROM items WHERE parent = ? AND excluded = 0 ORDER BY ino`, parent)
    const items = rows.map(itemOf)
    const children = new Map(items.map((item) => [item.name, item.ino]))
    this.#rows.keepChildren(parent, children, since)
    this.#rows.keepItems(items, since)
    return children
  }

  /** Without reading the whole folder, which may be large. */
  async child(parent: Ino, name: string): Promise<Item | undefined> {
    const known = this.#rows.children(parent)
    if (known !== undefined) {
      const ino = known.get(name)
      return ino === undefined ? undefined : this.get(ino)
    }
    const item = await this.childIn(this.#store.read, parent, name)
    return item?.excluded === true ? undefined : item
  }

  /**
   * All shown children as text, because rows as objects cost twenty times that: "ino generation isFolder mode size mtimeMs
   * ctimeMs content name" (0: no content), divided by zero bytes, in no order. By the index that finds a single name, whose
   * pages are then read already: on a large drive each page is a trip to the disk.
   */
  async childRows(parent: Ino): Promise<Uint8Array> {
    const row = await this.#store.read.get(
      `SELECT CAST(group_concat(printf('%d %d %d %d %d %d %d %d %s', ino, content_gen, kind = 'folder', mode, size, mtime_ms, ctime_ms, coalesce(content_id, 0), name), char(0)) AS BLOB) AS rows
       FROM items INDEXED BY items_place WHERE parent = ? AND excluded = 0`,
      parent,
    )
    return row?.rows instanceof Uint8Array ? row.rows : new Uint8Array(0)
  }

  /** In the order of `inos`, without those that are gone; the missing ones in one query. */
  async getMany(inos: readonly Ino[]): Promise<readonly Item[]> {
    const found = new Map(inos.map((ino) => [ino, this.#rows.item(ino)]))
    const missing = [...found.keys()].filter((ino) => found.get(ino) === undefined)
    const since = this.#rows.changes
    const read = missing.length === 0 ? [] : await query(this.#store.read, `SELECT ${ITEM_COLUMNS} FROM items WHERE ino IN (SELECT value FROM json_each(?))`, JSON.stringify(missing))
    this.#rows.keepItems(read, since)
    for (const item of read) found.set(item.ino, item)
    return inos.map((ino) => found.get(ino)).filter((item) => item !== undefined)
  }

  /** Names from the root down to the item; undefined when it stands nowhere (a tombstone). */
  async path(ino: Ino): Promise<readonly string[] | undefined> {
    const names: string[] = []
    let at: Ino = ino
    while (at !== ROOT_INO) {
      const item = await this.get(at)
      if (item === undefined || item.parent === null) return undefined
      names.unshift(item.name)
      at = item.parent
    }
    return names
  }

  /** The item at these names below the root. */
  async find(names: readonly string[]): Promise<Item | undefined> {
    let item = await this.get(ROOT_INO)
    for (const name of names) {
      if (item === undefined) return undefined
      item = await this.child(item.ino, name)
    }
    return item
  }

  async byRemoteId(id: RemoteId, reader: Reader = this.#store.read): Promise<Item | undefined> {
    const row = await reader.get(`SELECT ${ITEM_COLUMNS} FROM items WHERE remote_id = ?`, id)
    return row === undefined ? undefined : itemOf(row)
  }

  /** Of many remote ids those that have a row, by id. */
  async byRemoteIds(ids: readonly RemoteId[], reader: Reader = this.#store.read): Promise<ReadonlyMap<RemoteId, Item>> {
    const items = await query(reader, `SELECT ${ITEM_COLUMNS} FROM items WHERE remote_id IN (SELECT value FROM json_each(?))`, JSON.stringify(ids))
    return new Map(items.flatMap((item) => (item.base === null ? [] : [[item.base.id, item] as const])))
  }

  async byContent(contentId: ContentId, reader: Reader = this.#store.read): Promise<Item | undefined> {
    const row = await reader.get(`SELECT ${ITEM_COLUMNS} FROM items WHERE content_id = ?`, contentId)
    return row === undefined ? undefined : itemOf(row)
  }

  /** Folders whose children are listed under this remote id: the folder itself, or links to it. */
  async foldersOfRealId(realId: RemoteId, reader: Reader = this.#store.read): Promise<readonly Item[]> {
    return query(reader, `SELECT ${ITEM_COLUMNS} FROM items WHERE real_id = ? AND kind = 'folder' ORDER BY ino`, realId)
  }

  /** Shown folders below `parent` that were never listed, in readdir order. */
  async unlistedFolders(parent: Ino, limit: number): Promise<readonly Item[]> {
    const sql = `SELECT ${ITEM_COLUMNS} FROM items WHERE parent = ? AND kind = 'folder' AND listed_ms IS NULL AND deleted = 0 AND excluded = 0 AND remote_id IS NOT NULL AND base_trashed IS NOT 1 ORDER BY ino LIMIT ?`
    return query(this.#store.read, sql, parent, limit)
  }

  /** Folders anywhere that were never listed, those below folders made after `parent` first. */
  async unlistedAfter(parent: Ino, limit: number): Promise<readonly Item[]> {
    return query(
      this.#store.read,
      `SELECT ${ITEM_COLUMNS} FROM items WHERE parent > ? AND kind = 'folder' AND listed_ms IS NULL AND deleted = 0 AND excluded = 0 AND remote_id IS NOT NULL AND base_trashed IS NOT 1 ORDER BY parent, ino LIMIT ?`,
      parent,
      limit,
    )
  }

  /** Listed folders, longest ago first. */
  async listedFolders(limit: number, listedBeforeMs = Number.MAX_SAFE_INTEGER): Promise<readonly Item[]> {
    const sql = `SELECT ${ITEM_COLUMNS} FROM items WHERE kind = 'folder' AND listed_ms < ? AND deleted = 0 AND excluded = 0 AND remote_id IS NOT NULL AND base_trashed IS NOT 1 ORDER BY listed_ms, ino LIMIT ?`
    return query(this.#store.read, sql, listedBeforeMs, limit)
  }

  async pinnedItems(): Promise<readonly Item[]> {
    return query(this.#store.read, `SELECT ${ITEM_COLUMNS} FROM items WHERE pinned = 1 ORDER BY ino`)
  }

  /**
   * True when our own request was confirmed for the row, or the row of the remote id went, since `mark()`: a listing asked
   * for before that shows the state of before, and must not be applied. A mark taken later is never smaller than the count.
   */
  confirmedSince(of: Ino | RemoteId, mark: number): boolean {
    return this.#rows.confirmedSince(of, mark)
  }

  /** The present change count, to be taken before a request is sent. */
  mark(): number {
    return this.#rows.changes
  }

  // ---- reading inside a transaction ---------------------------------------------------------------------------------

  async getIn(tx: Reader, ino: Ino): Promise<Item | undefined> {
    return getItem(tx, ino)
  }

  /** As `getIn`; 'not-found' when the row is gone. */
  async needIn(tx: Reader, ino: Ino): Promise<Item> {
    const item = await getItem(tx, ino)
    if (item === undefined) throw new DriveError('not-found', 'the item is gone')
    return item
  }

  async childIn(tx: Reader, parent: Ino, name: string): Promise<Item | undefined> {
    const row = await tx.get(`SELECT ${ITEM_COLUMNS} FROM items WHERE parent = ? AND name = ?`, parent, name)
    return row === undefined ? undefined : itemOf(row)
  }

  /** Items of the folder, excluded ones too, whose name clashes with this one by case (the same name included). */
  async twinsIn(tx: Reader, parent: Ino, name: string): Promise<readonly Item[]> {
    return query(tx, `SELECT ${ITEM_COLUMNS} FROM items WHERE parent = ? AND name_key = ?`, parent, placeKey(name))
  }

  /** As `twinsIn` for many names at once. */
  async twinsOfIn(tx: Reader, parent: Ino, names: readonly string[]): Promise<readonly Item[]> {
    const keys = JSON.stringify([...new Set(names.map(placeKey))])
    return query(tx, `SELECT ${ITEM_COLUMNS} FROM items WHERE parent = ? AND name_key IN (SELECT value FROM json_each(?))`, parent, keys)
  }

  async childrenIn(tx: Reader, parent: Ino): Promise<readonly Item[]> {
    return query(tx, `SELECT ${ITEM_COLUMNS} FROM items WHERE parent = ? ORDER BY ino`, parent)
  }

  /** Items that the portal has in this folder by our knowledge, wherever they stand here, tombstones too. */
  async baseChildrenIn(tx: Reader, parent: Ino): Promise<readonly Item[]> {
    return query(tx, `SELECT ${ITEM_COLUMNS} FROM items WHERE base_parent = ? ORDER BY ino`, parent)
  }

  /** Items that occupy this name on the portal by our knowledge, tombstones too, but not what is in its trash. */
  async baseNamedIn(tx: Reader, parent: Ino, name: string): Promise<readonly Item[]> {
    return query(tx, `SELECT ${ITEM_COLUMNS} FROM items WHERE base_parent = ? AND base_key = ? AND base_trashed IS NOT 1`, parent, placeKey(name))
  }

  /** The item and everything below it as it stands here, parents first. */
  async subtreeIn(tx: Reader, ino: Ino): Promise<readonly Item[]> {
    return query(
      tx,
      `WITH RECURSIVE below(ino, depth) AS (SELECT ?, 0 UNION ALL SELECT items.ino, depth + 1 FROM items JOIN below ON items.parent = below.ino)
       SELECT ${ITEM_COLUMNS} FROM items JOIN below USING (ino) ORDER BY depth, ino`,
      ino,
    )
  }

  /** A name of the pattern `candidate(1)`, `candidate(2)`… that nothing of the folder has, here or, by our knowledge, on the portal. */
  async freeNameIn(tx: Reader, parent: Ino, candidate: (attempt: number) => string): Promise<string> {
    for (let attempt = 1; ; attempt += 1) {
      const name = candidate(attempt)
      const taken = (await this.twinsIn(tx, parent, name)).length + (await this.baseNamedIn(tx, parent, name)).length
      if (taken === 0) return name
    }
  }

  // ---- changing -----------------------------------------------------------------------------------------------------

  async insertLocal(tx: Transaction, item: NewItem): Promise<Ino> {
    const { lastId } = await tx.run(
      'INSERT INTO items (parent, name, name_key, kind, mode, size, mtime_ms, ctime_ms, content_id, local_only, listed_ms) VALUES (?,?,?,?,?,?,?,?,?,?,?)',
      item.parent,
      item.name,
      placeKey(item.name),
      item.kind,
      item.mode,
      item.sizeBytes,
      item.mtimeMs,
      item.mtimeMs,
      item.contentId,
      Number(item.localOnly),
      // A folder made here is known whole: nobody else has put anything into it yet.
      item.kind === 'folder' ? item.mtimeMs : null,
    )
    const ino = asIno(lastId)
    this.#rows.changed(tx, [], [{ parent: item.parent, name: item.name, ino, isFolder: item.kind === 'folder' }])
    return ino
  }

  /** A script with INSERT_FILE and STAMP_PARENT has made this row. */
  noteFileMade(tx: Committing, item: Item & { readonly parent: Ino }): void {
    const { parent, name, ino, mtimeMs } = item
    this.#rows.made(tx, item, { parent, name, ino, isFolder: false })
    this.#rows.becomes(tx, parent, (folder) => ({ ...folder, mtimeMs, ctimeMs: mtimeMs }))
  }

  /** A script with WRITE_FILE has run. */
  noteFileWritten(tx: Committing, written: FileWritten): void {
    this.#rows.becomes(tx, written.ino, (item) => fileWritten(item, written))
  }

  /** A row for an item of the portal, in `parent` under `name` (usually `shownName`). */
  async insertRemote(tx: Transaction, parent: Ino | null, name: string, remote: RemoteItem, options: { excluded?: boolean; ino?: Ino } = {}): Promise<Ino> {
    const isFile = remote.kind === 'file'
    const { lastId } = await tx.run(
      'INSERT INTO items (ino, parent, name, name_key, kind, mode, size, mtime_ms, ctime_ms, excluded) VALUES (?,?,?,?,?,?,?,?,?,?)',
      options.ino ?? null,
      parent,
      name,
      placeKey(name),
      remote.kind,
      isFile ? FILE_MODE : FOLDER_MODE,
      isFile ? remote.sizeBytes : 0,
      remote.updatedMs,
      remote.updatedMs,
      Number(options.excluded ?? false),
    )
    const ino = asIno(lastId)
    await this.setBase(tx, ino, parent, remote)
    const shown = parent !== null && options.excluded !== true
    this.#rows.changed(tx, [ino], shown ? [{ parent, name, ino, isFolder: !isFile }] : [])
    return ino
  }

  /** Changes columns of one row. The caller knows that a name is free (the unique index refuses otherwise). A copy with a name of its own is in no conflict. */
  async update(tx: Transaction, before: Item, change: ItemChange): Promise<void> {
    const { columns, values } = changedColumns(revived(before, change))
    if (columns.length === 0) return
    await tx.run(`UPDATE items SET ${columns.map((column) => `${column} = ?`).join(', ')} WHERE ino = ?`, ...values, before.ino)
    if (change.name !== undefined) await forgetIfNamed(tx, before, change.name)
    this.#rows.changed(tx, [before.ino], nameEdits(before, change), change.listedMs === null ? [before.ino] : [])
  }

  /** Records what the portal has for the row: the new ancestor. `parent` is our row of the remote parent. */
  async setBase(tx: Transaction, ino: Ino, parent: Ino | null, remote: RemoteItem): Promise<void> {
    await writeBase(tx, ino, parent, remote)
    this.#rows.changed(tx, [ino], [])
  }

  /** Whether the portal has these in its trash, after our own request; see trash-rows.ts. */
  async setTrashed(tx: Transaction, inos: readonly Ino[], trashed: boolean | 'may-be-live'): Promise<void> {
    await setTrashed(tx, inos, trashed)
    this.#rows.changed(tx, inos, [])
    for (const ino of inos) this.outdateListings(tx, ino)
  }

  /** As `setBase`, after our own request: listings asked for before this commit must not be applied to the row. */
  async confirmBase(tx: Transaction, ino: Ino, parent: Ino | null, remote: RemoteItem): Promise<void> {
    await this.setBase(tx, ino, parent, remote)
    this.#rows.confirmed(tx, ino)
  }

  /** Our own requests about the row, or the object, are over, whatever came of them: listings asked for before must not be applied to it. */
  outdateListings(tx: Transaction, of: Ino | RemoteId): void {
    this.#rows.confirmed(tx, of)
  }

  /** Takes the remote identity away: the row is something new that the portal does not have. */
  async clearBase(tx: Transaction, ino: Ino): Promise<void> {
    const before = await getItem(tx, ino)
    await eraseBase(tx, ino)
    this.#rows.changed(tx, [ino], [], [ino])
    if (before?.base) this.#rows.confirmed(tx, before.base.id)
  }

  /** Gives the remote identity of one row to another (save patterns, 6a.6): the portal's object becomes `to`'s, and the one `to` had `from`'s. */
  async transferBase(tx: Transaction, from: Ino, to: Ino): Promise<void> {
    const below = await moveBase(tx, from, to)
    this.#rows.changed(tx, [from, to, ...below], [])
    for (const ino of [from, to]) this.#rows.confirmed(tx, ino)
  }

  /** The row goes for good. The caller has dropped its content and its journal entry. */
  async remove(tx: Transaction, item: Item): Promise<void> {
    await tx.run('DELETE FROM items WHERE ino = ?', item.ino)
    await deleteXattrs(tx, item.ino)
    this.#rows.changed(tx, [item.ino], item.parent === null ? [] : [{ parent: item.parent, name: item.name, ino: null, isFolder: item.kind === 'folder' }])
    if (item.base !== null) this.#rows.confirmed(tx, item.base.id)
  }

  // ---- extended attributes and facts --------------------------------------------------------------------------------

  xattrs(ino: Ino): Promise<ReadonlyMap<string, Uint8Array>> {
    return readXattrs(this.#store.read, ino)
  }

  setXattr(tx: Transaction, ino: Ino, name: string, value: Uint8Array): Promise<void> {
    return writeXattr(tx, ino, name, value)
  }

  removeXattr(tx: Transaction, ino: Ino, name: string): Promise<void> {
    return deleteXattr(tx, ino, name)
  }

  /** Small facts about the whole mirror, such as when it was last compared. */
  fact(key: string): Promise<string | undefined> {
    return readFact(this.#store.read, key)
  }

  setFact(tx: Transaction, key: string, value: string): Promise<void> {
    return writeFact(tx, key, value)
  }

  /** The root row for the drive's root folder; made once. */
  async ensureRoot(tx: Transaction, root: RemoteFolder): Promise<void> {
    const existing = await getItem(tx, ROOT_INO)
    if (existing === undefined) await this.insertRemote(tx, null, '', root, { ino: ROOT_INO })
  }
}
