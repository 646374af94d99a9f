/**
 * What a portal starts with. A seed answers rows by id and children by folder without holding them all, so that a million
 * files cost arithmetic and no memory; what is changed later lies over it in the tree.
 */
import type { Grant } from '../levels.js'
import type { ObjectRow, StorageRow, UserRow } from '../rows.js'

export interface Seed {
  readonly users: readonly UserRow[]
  readonly storages: readonly StorageRow[]
  /** Ids of new objects begin above this. */
  readonly highestId: number
  /** The links among the rows: looking for them would mean a walk. */
  readonly links: readonly ObjectRow[]
  /** Rights beyond those of the drives. */
  readonly grants?: readonly Grant[]
  row(id: number): ObjectRow | undefined
  /** Ids of the children of a folder, ascending. */
  childIds(folderId: number): readonly number[]
}

/** The two people of every seed: the webhook's owner and a colleague with a drive of his own. */
export const OWNER_ID = 1
export const COLLEAGUE_ID = 2

export const PEOPLE: readonly UserRow[] = [
  { id: OWNER_ID, name: 'Ada', lastName: 'Byron' },
  { id: COLLEAGUE_ID, name: 'Борис', lastName: 'Савельев' },
]

/** Storage ids, and the object ids of the roots; other objects of a seed have ids from FIRST_FREE_ID on. */
export const OWNER_STORAGE_ID = 11
export const COLLEAGUE_STORAGE_ID = 12
export const COMMON_STORAGE_ID = 13
export const FIRST_FREE_ID = 100

export const STORAGES: readonly StorageRow[] = [
  { id: OWNER_STORAGE_ID, name: 'Ada Byron', entityType: 'user', entityId: String(OWNER_ID), rootId: 31 },
  { id: COLLEAGUE_STORAGE_ID, name: 'Борис Савельев', entityType: 'user', entityId: String(COLLEAGUE_ID), rootId: 32 },
  { id: COMMON_STORAGE_ID, name: 'Company drive', entityType: 'common', entityId: 'shared_files_s1', rootId: 33 },
]
