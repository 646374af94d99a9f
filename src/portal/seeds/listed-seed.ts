/**
 * A seed small enough to be written down: the empty portal, and the building kit for the demo. Ids and times follow from
 * the order of the calls alone, so the same seed made again after a restart is the same.
 */
import type { ComputedContent } from '../content.js'
import type { Grant } from '../levels.js'
import type { FileRow, FolderRow, ObjectRow, StorageRow, UserRow } from '../rows.js'
import { FIRST_FREE_ID, OWNER_ID, PEOPLE, STORAGES, type Seed } from './seed.js'

export interface SeedItem {
  readonly parent: FolderRow
  readonly name: string
  readonly by?: number
  readonly ageSec?: number
  readonly code?: string
}

export class ListedSeed implements Seed {
  readonly users: readonly UserRow[] = PEOPLE
  readonly storages: readonly StorageRow[] = STORAGES
  highestId = FIRST_FREE_ID - 1
  readonly links: ObjectRow[] = []
  readonly grants: Grant[] = []
  readonly #madeSec: number
  readonly #rows = new Map<number, ObjectRow>()
  readonly #children = new Map<number, number[]>()

  /** `madeSec`: the portal's time at its first start; ages count back from it. */
  constructor(madeSec: number) {
    this.#madeSec = madeSec
    for (const storage of STORAGES) this.#rows.set(storage.rootId, rootRow(storage, madeSec))
  }

  row(id: number): ObjectRow | undefined {
    return this.#rows.get(id)
  }

  childIds(folderId: number): readonly number[] {
    return this.#children.get(folderId) ?? []
  }

  root(storageId: number): FolderRow {
    const row = this.#rows.get(STORAGES.find(({ id }) => id === storageId)?.rootId ?? 0)
    if (row?.type !== 'folder') throw new RangeError(`no storage ${storageId}`)
    return row
  }

  /** `realId` makes it a link to that folder. */
  folder(item: SeedItem, realId?: number): FolderRow {
    const base = this.#base(item)
    const folder = this.#add<FolderRow>({ ...base, type: 'folder', realId: realId ?? base.id })
    if (realId !== undefined) this.links.push(folder)
    return folder
  }

  file(item: SeedItem, content: Omit<ComputedContent, 'kind' | 'seed'>): FileRow {
    const base = this.#base(item)
    return this.#add(seededFile(base, { ...content, kind: 'computed', seed: base.id }))
  }

  /** A link to a file, with the look of one (E-64). */
  fileLink(item: SeedItem, target: FileRow): FileRow {
    const { type, versions, globalVersion, fileId } = target
    const link = this.#add<FileRow>({ ...this.#base(item), type, versions, globalVersion, fileId, linkTo: target.id, lockedBy: null })
    this.links.push(link)
    return link
  }

  #base(item: SeedItem): Omit<FolderRow, 'type' | 'realId'> {
    this.highestId += 1
    const seconds = this.#madeSec - (item.ageSec ?? 86_400)
    return baseRow({ id: this.highestId, storageId: item.parent.storageId, parentId: item.parent.id, name: item.name, code: item.code ?? null, seconds, by: item.by ?? OWNER_ID })
  }

  #add<T extends ObjectRow>(row: T): T {
    this.#rows.set(row.id, row)
    if (row.parentId !== null) this.#children.set(row.parentId, [...this.childIds(row.parentId), row.id])
    return row
  }
}

export type BaseFields = Omit<FolderRow, 'type' | 'realId'>

export function baseRow(fields: { id: number; storageId: number; parentId: number | null; name: string; code: string | null; seconds: number; by: number }): BaseFields {
  const { id, storageId, parentId, name, code, seconds, by } = fields
  return {
    id,
    storageId,
    parentId,
    name,
    code,
    deletedType: 0,
    createSec: seconds,
    updateSec: seconds,
    syncSec: seconds,
    deleteSec: null,
    createdBy: by,
    updatedBy: by,
    deletedBy: 0,
  }
}

export function rootRow(storage: StorageRow, madeSec: number): FolderRow {
  const by = storage.entityType === 'user' ? Number(storage.entityId) : 0
  const seconds = madeSec - 400 * 86_400
  return { ...baseRow({ id: storage.rootId, storageId: storage.id, parentId: null, name: storage.name, code: null, seconds, by }), type: 'folder', realId: storage.rootId }
}

const FILE_ID_OFFSET = 40_000 // FILE_ID is of another table than ID: telling them apart must matter

/** A file that nobody has changed since the seed: one version, whose id is of the table of versions. */
export function seededFile(base: BaseFields, content: ComputedContent): FileRow {
  const fileId = base.id + FILE_ID_OFFSET
  const version = { id: base.id, name: base.name, content, fileId, globalVersion: 1, createSec: base.createSec, createdBy: base.createdBy }
  // Written out: spreading costs ten times as much, and seeds make millions of rows.
  return {
    id: base.id,
    storageId: base.storageId,
    parentId: base.parentId,
    name: base.name,
    code: base.code,
    deletedType: base.deletedType,
    createSec: base.createSec,
    updateSec: base.updateSec,
    syncSec: base.syncSec,
    deleteSec: base.deleteSec,
    createdBy: base.createdBy,
    updatedBy: base.updatedBy,
    deletedBy: base.deletedBy,
    type: 'file',
    linkTo: null,
    fileId,
    globalVersion: 1,
    versions: [version],
    lockedBy: null,
  }
}
