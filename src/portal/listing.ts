/**
 * Lists as REST gives them (E-15 … E-21): 50 a page whatever is asked, any offset, `next` while more remain, no order
 * unless one is given, and then deliberately another one each time. Children are filtered by rights, so no access is an
 * empty list (E-20). Nothing is a snapshot: each page looks anew (E-21).
 */
import type { Random } from '../base/random.js'
import { filterTest, type ColumnValues, type FieldKind, type RowTest } from './filters.js'
import { entriesOf, integerOf, textOf, type Parameters } from './parameters.js'
import type { PortalTime } from './portal-time.js'
import { RestFailure } from './rest-failure.js'
import type { ObjectRow, StorageRow, VersionRow } from './rows.js'
import type { Traits } from './traits.js'

export const PAGE_ROWS = 50

export interface Page<T> {
  readonly rows: readonly T[]
  /** Missing where the portal did not count. */
  readonly total?: number
  readonly next?: number
}

/** What can be filtered and ordered of one kind of row. */
export interface ListKind<T> {
  readonly filterable: Readonly<Record<string, FieldKind>>
  readonly orderable: readonly string[]
  readonly value: (row: T, column: string) => string | number | null
}

export const OBJECT_LIST: ListKind<ObjectRow> = {
  filterable: {
    ID: 'number',
    NAME: 'text',
    CODE: 'text',
    STORAGE_ID: 'number',
    TYPE: 'type',
    PARENT_ID: 'number',
    CREATE_TIME: 'date',
    UPDATE_TIME: 'date',
    DELETE_TIME: 'date',
  },
  orderable: [
    ...['ID', 'NAME', 'CODE', 'STORAGE_ID', 'TYPE', 'REAL_OBJECT_ID', 'PARENT_ID', 'DELETED_TYPE', 'CREATE_TIME', 'UPDATE_TIME', 'DELETE_TIME'],
    ...['CREATED_BY', 'UPDATED_BY', 'DELETED_BY', 'GLOBAL_CONTENT_VERSION', 'FILE_ID', 'SIZE', 'SYNC_UPDATE_TIME'],
  ],
  value: objectColumn,
}

export const STORAGE_LIST: ListKind<StorageRow> = {
  filterable: { ID: 'number', NAME: 'text', CODE: 'text', ENTITY_TYPE: 'text', ENTITY_ID: 'text' },
  orderable: ['ID', 'NAME', 'CODE', 'MODULE_ID', 'ENTITY_TYPE', 'ENTITY_ID', 'ROOT_OBJECT_ID'],
  value: (row, column) =>
    ({ ID: row.id, NAME: row.name, CODE: null, MODULE_ID: 'disk', ENTITY_TYPE: row.entityType, ENTITY_ID: row.entityId, ROOT_OBJECT_ID: row.rootId })[column] ?? null,
}

export const VERSION_LIST: ListKind<VersionRow> = {
  filterable: { ID: 'number', NAME: 'text', SIZE: 'number', CREATE_TIME: 'date', CREATED_BY: 'number' },
  orderable: ['ID', 'NAME', 'SIZE', 'CREATE_TIME', 'CREATED_BY'],
  value: (row, column) => ({ ID: row.id, NAME: row.name, SIZE: row.content.sizeBytes, CREATE_TIME: row.createSec, CREATED_BY: row.createdBy })[column] ?? null,
}

export interface ListRules {
  readonly time: PortalTime
  readonly traits: Traits
  readonly random: Random
}

type Order<T> = (left: T, right: T) => number

/** The page of `rows` that the parameters ask for. `rows` come in ascending order of id. */
export function listPage<T>(rows: Iterable<T>, kind: ListKind<T>, parameters: Parameters, rules: ListRules): Page<T> {
  const order = orderOf(kind, parameters.order, rules.traits)
  const kept = filtered(rows, kind, testOf(kind, parameters.filter, rules))
  const ordered = order === undefined ? unordered(kept, rules) : order.length === 0 ? kept : kept.sort((left, right) => firstDifference(order, left, right))
  const page = pageOf(ordered, parameters.start)
  return integerOf(parameters.start) < 0 && rules.traits.negativeStart === 'has-no-total' ? { rows: page.rows } : page
}

/** The 50 rows from `start` on; a negative start is the first page. */
export function pageOf<T>(rows: readonly T[], start: unknown): Page<T> {
  const offset = Math.max(0, integerOf(start))
  const page = rows.slice(offset, offset + PAGE_ROWS)
  const next = offset + page.length
  return page.length > 0 && next < rows.length ? { rows: page, total: rows.length, next } : { rows: page, total: rows.length }
}

function testOf<T>(kind: ListKind<T>, filter: unknown, rules: ListRules): RowTest | undefined {
  const conditions = entriesOf(filter)
  return conditions.length === 0 ? undefined : filterTest(conditions, { columns: kind.filterable, time: rules.time, traits: rules.traits })
}

function filtered<T>(rows: Iterable<T>, kind: ListKind<T>, test: RowTest | undefined): T[] {
  if (test === undefined) return [...rows]
  const kept: T[] = []
  for (const row of rows) {
    const values: ColumnValues = (column) => kind.value(row, column)
    if (test(values)) kept.push(row)
  }
  return kept
}

/** Undefined: no order was asked. Ascending by id is how rows come, so it needs no sorting. */
function orderOf<T>(kind: ListKind<T>, order: unknown, traits: Traits): readonly Order<T>[] | undefined {
  const columns = entriesOf(order)
  if (columns.length === 0) return undefined
  const orders: Order<T>[] = []
  for (const [name, direction] of columns) {
    const column = name.toUpperCase()
    const isHidden = column === 'SYNC_UPDATE_TIME' && traits.syncTimeOrder === 'unknown'
    if (isHidden || !kind.orderable.includes(column)) {
      if (traits.unknownOrderColumn === 'ignored') continue
      throw new RestFailure(400, 'ERROR_CORE', `Unknown field definition \`${column}\``)
    }
    const sign = textOf(direction).toUpperCase() === 'DESC' ? -1 : 1
    if (column === 'ID' && sign === 1 && orders.length === 0) return []
    orders.push((left, right) => sign * compareValues(kind.value(left, column), kind.value(right, column)))
  }
  return orders
}

function firstDifference<T>(orders: readonly Order<T>[], left: T, right: T): number {
  for (const order of orders) {
    const difference = order(left, right)
    if (difference !== 0) return difference
  }
  return 0
}

function compareValues(left: string | number | null, right: string | number | null): number {
  if (left === right) return 0
  if (left === null) return -1
  if (right === null) return 1
  if (typeof left === 'number' && typeof right === 'number') return left - right
  return String(left).toLowerCase() < String(right).toLowerCase() ? -1 : 1
}

/** E-16: without `order` two pages need not fit together. */
function unordered<T>(rows: T[], rules: ListRules): T[] {
  if (rules.traits.unorderedListing === 'by-id') return rows
  for (let index = rows.length - 1; index > 0; index -= 1) {
    const other = Math.floor(rules.random.fraction() * (index + 1))
    const kept = rows[index]
    const swapped = rows[other]
    if (kept === undefined || swapped === undefined) continue
    rows[index] = swapped
    rows[other] = kept
  }
  return rows
}

function objectColumn(row: ObjectRow, column: string): string | number | null {
  switch (column) {
    case 'ID':
      return row.id
    case 'NAME':
      return row.name
    case 'CODE':
      return row.code
    case 'STORAGE_ID':
      return row.storageId
    case 'TYPE':
      return row.type === 'folder' ? 2 : 3 // as the database keeps them
    case 'PARENT_ID':
      return row.parentId
    case 'REAL_OBJECT_ID':
      return row.type === 'folder' ? row.realId : row.id
    case 'CREATE_TIME':
      return row.createSec
    case 'UPDATE_TIME':
      return row.updateSec
    case 'DELETE_TIME':
      return row.deleteSec
    case 'SYNC_UPDATE_TIME':
      return row.syncSec
    case 'CREATED_BY':
      return row.createdBy
    case 'UPDATED_BY':
      return row.updatedBy
    case 'DELETED_BY':
      return row.deletedBy
    case 'SIZE':
      return row.type === 'file' ? row.versions[0].content.sizeBytes : null
    case 'FILE_ID':
      return row.type === 'file' ? row.fileId : null
    case 'GLOBAL_CONTENT_VERSION':
      return row.type === 'file' ? row.globalVersion : null
    default:
      return 0 // DELETED_TYPE: a listing holds only live rows (E-19)
  }
}
