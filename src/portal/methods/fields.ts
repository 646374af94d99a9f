/**
 * `getFields`: what can be filtered and what is shown of each kind of row (bitrix24-rest.md section 3).
 */
import type { Method } from '../desk.js'
import type { ListKind } from '../listing.js'

type FieldType = 'integer' | 'string' | 'enum' | 'datetime'

const STORAGE: Readonly<Record<string, FieldType>> = {
  ID: 'integer',
  NAME: 'string',
  CODE: 'string',
  MODULE_ID: 'string',
  ENTITY_TYPE: 'string',
  ENTITY_ID: 'string',
  ROOT_OBJECT_ID: 'integer',
}

const OBJECT: Readonly<Record<string, FieldType>> = {
  ID: 'integer',
  NAME: 'string',
  CODE: 'string',
  STORAGE_ID: 'integer',
  TYPE: 'enum',
  PARENT_ID: 'integer',
  DELETED_TYPE: 'enum',
  CREATE_TIME: 'datetime',
  UPDATE_TIME: 'datetime',
  DELETE_TIME: 'datetime',
  CREATED_BY: 'integer',
  UPDATED_BY: 'integer',
  DELETED_BY: 'integer',
}

export const FIELDS = {
  storage: STORAGE,
  folder: { ...OBJECT, REAL_OBJECT_ID: 'integer' },
  file: { ...OBJECT, GLOBAL_CONTENT_VERSION: 'integer', FILE_ID: 'integer', SIZE: 'integer' },
} as const satisfies Record<string, Readonly<Record<string, FieldType>>>

export function getFields<T>(fields: Readonly<Record<string, FieldType>>, kind: ListKind<T>): Method {
  const described = Object.entries(fields).map(([name, type]) => [
    name,
    { TYPE: type, USE_IN_FILTER: Object.hasOwn(kind.filterable, name) || name === 'DELETED_TYPE', USE_IN_SHOW: true },
  ])
  return { scope: 'disk', parameters: [], run: () => ({ result: Object.fromEntries(described) as object }) }
}
