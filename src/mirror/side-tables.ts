/** The SQL of what hangs on the mirror: extended attributes of programs, and small facts about the whole. */
import type { Ino } from '../base/ids.js'
import type { Reader, Transaction } from '../store/store.js'

export async function readXattrs(reader: Reader, ino: Ino): Promise<ReadonlyMap<string, Uint8Array>> {
  const rows = await reader.all('SELECT name, value FROM xattrs WHERE ino = ? ORDER BY name', ino)
  return new Map(rows.map((row) => [String(row.name), row.value instanceof Uint8Array ? row.value : Buffer.alloc(0)]))
}

export async function writeXattr(tx: Transaction, ino: Ino, name: string, value: Uint8Array): Promise<void> {
  await tx.run('INSERT OR REPLACE INTO xattrs (ino, name, value) VALUES (?,?,?)', ino, name, value)
}

export async function deleteXattr(tx: Transaction, ino: Ino, name: string): Promise<void> {
  await tx.run('DELETE FROM xattrs WHERE ino = ? AND name = ?', ino, name)
}

export async function deleteXattrs(tx: Transaction, ino: Ino): Promise<void> {
  await tx.run('DELETE FROM xattrs WHERE ino = ?', ino)
}

export async function readFact(reader: Reader, key: string): Promise<string | undefined> {
  const row = await reader.get('SELECT value FROM facts WHERE key = ?', key)
  return row === undefined ? undefined : String(row.value)
}

export async function writeFact(tx: Transaction, key: string, value: string): Promise<void> {
  await tx.run('INSERT OR REPLACE INTO facts (key, value) VALUES (?,?)', key, value)
}
