/**
 * Rows of the portal as items (bitrix24-rest.md section 3). Numbers come as strings or numbers, absence as null, "0" or
 * 0, dates with an offset. Answers are untrusted: a row that does not make sense is undefined, for the caller to count;
 * unknown fields are ignored. Pure.
 */
import { asRemoteId, asStorageId, type RemoteId } from '../base/ids.js'
import type { DeletedType, RemoteFile, RemoteFolder, RemoteItem, RemoteStorage, RemoteVersion } from './drive.js'

type Row = Readonly<Record<string, unknown>>

export function parseItem(value: unknown): RemoteItem | undefined {
  if (!isRow(value)) return undefined
  // A file alone has FILE_ID: TYPE decides, and where it is missing the columns do.
  const type = value.TYPE ?? (value.FILE_ID === undefined ? 'folder' : 'file')
  if (type === 'file') return parseFile(value)
  return type === 'folder' ? parseFolder(value) : undefined
}

export function parseFile(value: unknown): RemoteFile | undefined {
  if (!isRow(value) || (value.TYPE !== undefined && value.TYPE !== 'file')) return undefined
  const base = parseBase(value)
  const version = parseCount(value.GLOBAL_CONTENT_VERSION)
  const blobId = parseId(value.FILE_ID)
  const sizeBytes = parseCount(value.SIZE)
  if (base === undefined || version === undefined || blobId === undefined || sizeBytes === undefined) return undefined
  return { kind: 'file', ...base, version, blobId, sizeBytes, downloadUrl: typeof value.DOWNLOAD_URL === 'string' ? value.DOWNLOAD_URL : '' }
}

export function parseFolder(value: unknown): RemoteFolder | undefined {
  if (!isRow(value) || (value.TYPE !== undefined && value.TYPE !== 'folder')) return undefined
  const base = parseBase(value)
  if (base === undefined) return undefined
  const realId = parseId(value.REAL_OBJECT_ID)
  return { kind: 'folder', ...base, realId: realId === undefined ? base.id : asRemoteId(realId) }
}

export function parseStorage(value: unknown): RemoteStorage | undefined {
  if (!isRow(value)) return undefined
  const id = parseId(value.ID)
  const rootId = parseId(value.ROOT_OBJECT_ID)
  const entityType = text(value.ENTITY_TYPE)
  const entityId = text(value.ENTITY_ID)
  if (id === undefined || rootId === undefined || entityType === undefined || entityId === undefined) return undefined
  return { id: asStorageId(id), name: text(value.NAME) ?? '', entityType, entityId, rootId: asRemoteId(rootId) }
}

export function parseVersion(value: unknown): RemoteVersion | undefined {
  if (!isRow(value)) return undefined
  const id = parseId(value.ID)
  const version = parseCount(value.GLOBAL_CONTENT_VERSION)
  const sizeBytes = parseCount(value.SIZE)
  if (id === undefined || version === undefined || sizeBytes === undefined) return undefined
  return {
    id,
    version,
    sizeBytes,
    createdMs: parseTime(value.CREATE_TIME) ?? 0,
    createdBy: parseUser(value.CREATED_BY),
    downloadUrl: typeof value.DOWNLOAD_URL === 'string' ? value.DOWNLOAD_URL : '',
  }
}

/** Digits only, so that an id can be part of a request without a second thought; `0` is absence. */
export function parseId(value: unknown): string | undefined {
  const digits = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value
  return typeof digits === 'string' && /^[1-9]\d{0,19}$/u.test(digits) ? digits : undefined
}

/** Milliseconds UTC of an ISO date with its offset; undefined for null, "" and what no clock shows. */
export function parseTime(value: unknown): number | undefined {
  if (typeof value !== 'string' || !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)$/u.test(value)) return undefined
  const ms = Date.parse(value.replace(/([+-]\d\d)(\d\d)$/u, '$1:$2'))
  return Number.isNaN(ms) ? undefined : ms
}

function parseBase(row: Row): Omit<RemoteFolder, 'kind' | 'realId'> | undefined {
  const id = parseId(row.ID)
  const storageId = parseId(row.STORAGE_ID)
  const deletedType = parseDeleted(row.DELETED_TYPE)
  if (id === undefined || storageId === undefined || deletedType === undefined) return undefined
  if (typeof row.NAME !== 'string' || row.NAME === '') return undefined
  const createdMs = parseTime(row.CREATE_TIME)
  const updatedMs = parseTime(row.UPDATE_TIME) ?? createdMs ?? 0
  const parentId = parseId(row.PARENT_ID)
  return {
    id: asRemoteId(id),
    name: row.NAME,
    code: typeof row.CODE === 'string' && row.CODE !== '' && row.CODE !== '0' ? row.CODE : null,
    storageId: asStorageId(storageId),
    parentId: parentId === undefined ? null : (parentId as RemoteId),
    deletedType,
    createdMs: createdMs ?? updatedMs,
    updatedMs,
    createdBy: parseUser(row.CREATED_BY),
    updatedBy: parseUser(row.UPDATED_BY),
    detailUrl: typeof row.DETAIL_URL === 'string' && row.DETAIL_URL !== '' ? row.DETAIL_URL : null,
  }
}

function parseDeleted(value: unknown): DeletedType | undefined {
  const number = value === null || value === undefined ? 0 : parseCount(value)
  return number === 0 || number === 3 || number === 4 ? number : undefined
}

/** "0" is the system. */
function parseUser(value: unknown): string {
  return parseId(value) ?? '0'
}

/** A safe integer from 0 on, from a number or a string of digits. */
function parseCount(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^\d{1,16}$/u.test(value) ? Number(value) : value
  return typeof number === 'number' && Number.isSafeInteger(number) && number >= 0 ? number : undefined
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined
}

function isRow(value: unknown): value is Row {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
