/**
 * Rows as REST shows them (bitrix24-rest.md section 3): what was read from the database is text, what was set in the same
 * request is a number (E-24), a fresh object has no DELETED_BY (E-25), a download URL differs at each read (E-27).
 */
import type { Caller } from './account.js'
import type { PortalTime } from './portal-time.js'
import type { FileRow, ObjectRow, StorageRow, VersionRow } from './rows.js'
import type { SignedLinks } from './signed-links.js'
import type { Traits } from './traits.js'
import type { Tree } from './tree.js'
import { UNHEARD_OF } from './unheard-of.js'

/** Every field that is a number in the database; ids of entities are texts there. */
const NUMERIC: readonly string[] = ['ID', 'STORAGE_ID', 'REAL_OBJECT_ID', 'PARENT_ID', 'DELETED_TYPE', 'CREATED_BY', 'UPDATED_BY', 'DELETED_BY', 'GLOBAL_CONTENT_VERSION', 'FILE_ID', 'SIZE', 'ROOT_OBJECT_ID', 'OBJECT_ID']

/** What the request itself did to the row, for the values that come out as numbers. */
export type JustDone = 'nothing' | 'created' | 'moved' | 'content' | 'trash'

const NUMBERS: Readonly<Record<JustDone, readonly string[]>> = {
  nothing: [],
  created: ['ID', 'FILE_ID', 'GLOBAL_CONTENT_VERSION', 'DELETED_TYPE', 'REAL_OBJECT_ID'],
  moved: ['PARENT_ID'],
  content: ['GLOBAL_CONTENT_VERSION'],
  trash: ['DELETED_TYPE'],
}

export type Fields = Readonly<Record<string, unknown>>

export class Presenter {
  readonly #tree: Tree
  readonly #time: PortalTime
  readonly #links: SignedLinks
  /** The portal's address without a trailing slash; known once it listens. */
  readonly #address: () => string
  readonly #traits: () => Traits

  constructor(options: { tree: Tree; time: PortalTime; links: SignedLinks; address: () => string; traits: () => Traits }) {
    this.#tree = options.tree
    this.#time = options.time
    this.#links = options.links
    this.#address = options.address
    this.#traits = options.traits
  }

  storage(row: StorageRow): Fields {
    return this.#shown({ ID: String(row.id), NAME: row.name, CODE: null, MODULE_ID: 'disk', ENTITY_TYPE: row.entityType, ENTITY_ID: row.entityId, ROOT_OBJECT_ID: String(row.rootId) })
  }

  object(row: ObjectRow, caller: Caller, done: JustDone = 'nothing'): Fields {
    const fields: Record<string, unknown> = {
      ID: String(row.id),
      NAME: row.name,
      CODE: row.code,
      STORAGE_ID: String(row.storageId),
      TYPE: row.type,
      ...(row.type === 'folder' ? { REAL_OBJECT_ID: String(row.realId) } : {}),
      PARENT_ID: row.parentId === null ? null : String(row.parentId),
      DELETED_TYPE: String(this.#tree.deletedType(row)),
      ...(row.type === 'file' ? this.#contentFields(row, caller) : {}),
      CREATE_TIME: this.#time.iso(row.createSec),
      UPDATE_TIME: this.#time.iso(row.updateSec),
      DELETE_TIME: row.deleteSec === null ? null : this.#time.iso(row.deleteSec),
      CREATED_BY: String(row.createdBy),
      UPDATED_BY: String(row.updatedBy),
      DELETED_BY: done === 'created' ? null : String(row.deletedBy ?? 0),
      DETAIL_URL: this.#detailUrl(row),
    }
    return this.#shown(fields, NUMBERS[done])
  }

  version(row: VersionRow, file: FileRow, caller: Caller): Fields {
    return this.#shown({
      ID: String(row.id),
      OBJECT_ID: String(file.id),
      SIZE: String(row.content.sizeBytes),
      NAME: row.name,
      CREATE_TIME: this.#time.iso(row.createSec),
      CREATED_BY: String(row.createdBy),
      GLOBAL_CONTENT_VERSION: String(row.globalVersion),
      DOWNLOAD_URL: this.#address() + this.#links.make('download', caller, { service: 'version', id: String(file.id), versionId: String(row.id) }),
    })
  }

  /** With numbers where the source or the trait has numbers, and what else a newer portal may say. */
  #shown(fields: Readonly<Record<string, unknown>>, numbers: readonly string[] = []): Fields {
    const { valueTypes, unheardOfFields } = this.#traits()
    const isNumber = (name: string): boolean => (valueTypes === 'as-source' ? numbers.includes(name) : valueTypes === 'numbers' && NUMERIC.includes(name))
    const shown = Object.entries(fields).map(([name, value]) => [name, isNumber(name) && typeof value === 'string' ? Number(value) : value])
    return { ...(Object.fromEntries(shown) as Fields), ...(unheardOfFields === 'present' ? UNHEARD_OF : {}) }
  }

  /** A file link shows what its target has (E-64). */
  #contentFields(row: FileRow, caller: Caller): Fields {
    const real = row.linkTo === null ? row : (this.#tree.file(row.linkTo) ?? row)
    return {
      GLOBAL_CONTENT_VERSION: String(real.globalVersion),
      FILE_ID: String(real.fileId),
      SIZE: String(real.versions[0].content.sizeBytes),
      DOWNLOAD_URL: this.#address() + this.#links.make('download', caller, { id: String(row.id) }),
    }
  }

  #detailUrl(row: ObjectRow): string {
    const storage = this.#tree.storage(row.storageId)
    const drive =
      storage?.entityType === 'user' ? `/company/personal/user/${storage.entityId}/disk/` : storage?.entityType === 'group' ? `/workgroups/group/${storage.entityId}/disk/` : '/docs/'
    const path = this.#tree.path(row).split('/').map(encodeURIComponent).join('/')
    const rest = row.type === 'file' ? `file/${path}` : `path/${path}${path === '' ? '' : '/'}`
    return this.#address() + drive + rest
  }
}
