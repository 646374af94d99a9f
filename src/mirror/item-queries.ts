/** Rows of the mirror by SQL, as items. */
import type { Ino } from '../base/ids.js'
import type { SqlValue } from '../store/connection.js'
import type { Reader } from '../store/store.js'
import { ITEM_COLUMNS, itemOf, type Item } from './item.js'

export async function getItem(reader: Reader, ino: Ino): Promise<Item | undefined> {
  const row = await reader.get(`SELECT ${ITEM_COLUMNS} FROM items WHERE ino = ?`, ino)
  return row === undefined ? undefined : itemOf(row)
}

export async function query(reader: Reader, sql: string, ...parameters: readonly SqlValue[]): Promise<readonly Item[]> {
  return (await reader.all(sql, ...parameters)).map(itemOf)
}
