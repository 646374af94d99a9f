/** How many rows there are of a kind, for whoever would otherwise read them all to count them. */
import type { Reader } from '../store/store.js'

export async function countItems(reader: Reader): Promise<number> {
  return Number((await reader.get('SELECT count(*) AS n FROM items'))?.n ?? 0)
}
