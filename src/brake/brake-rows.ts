/**
 * The brake's tables: which deletions it holds or a person has allowed, and how much went lately. A row is by the item
 * whose deletion it speaks of; it means nothing once that deletion is carried out or taken back, and is then forgotten.
 */
import { asIno, asStorageId, type Ino } from '../base/ids.js'
import type { Schema } from '../store/schema.js'
import type { Reader, Transaction } from '../store/store.js'
import { WINDOW_MS, type Gone } from './brake-plan.js'

/** Where the items were deleted: here, to be deleted on the portal; or on the portal, to be removed here. */
export type Side = 'here' | 'portal'

export type BrakeState = 'held' | 'allowed'

export const BRAKE_SCHEMA: Schema = {
  name: 'brake',
  steps: [
    `CREATE TABLE brake (
       side TEXT NOT NULL CHECK (side IN ('here', 'portal')),
       ino INTEGER NOT NULL,
       state TEXT NOT NULL CHECK (state IN ('held', 'allowed')),
       since_ms INTEGER NOT NULL,
       items INTEGER NOT NULL,
       PRIMARY KEY (side, ino)
     ) WITHOUT ROWID;
     CREATE TABLE brake_gone (side TEXT NOT NULL, storage_id TEXT NOT NULL, at_ms INTEGER NOT NULL, items INTEGER NOT NULL)`,
  ],
}

export interface BrakeMark {
  readonly state: BrakeState
  readonly sinceMs: number
  /** How many items go with it. */
  readonly items: number
}

export async function readMarks(reader: Reader, side: Side): Promise<ReadonlyMap<Ino, BrakeMark>> {
  const rows = await reader.all('SELECT ino, state, since_ms, items FROM brake WHERE side = ?', side)
  return new Map(rows.map((row) => [asIno(Number(row.ino)), { state: row.state === 'allowed' ? 'allowed' : 'held', sinceMs: Number(row.since_ms), items: Number(row.items) }]))
}

export async function readMark(reader: Reader, side: Side, ino: Ino): Promise<BrakeState | undefined> {
  const row = await reader.get('SELECT state FROM brake WHERE side = ? AND ino = ?', side, ino)
  return row === undefined ? undefined : row.state === 'allowed' ? 'allowed' : 'held'
}

/** Those that have a mark already keep it. `items`: with each of them. */
export async function hold(tx: Transaction, side: Side, inos: readonly Ino[], nowMs: number, items = 1): Promise<void> {
  await tx.run("INSERT OR IGNORE INTO brake (side, ino, state, since_ms, items) SELECT ?, value, 'held', ?, ? FROM json_each(?)", side, nowMs, items, JSON.stringify(inos))
}

export async function allow(tx: Transaction, side: Side, inos: readonly Ino[]): Promise<void> {
  await tx.run("UPDATE brake SET state = 'allowed' WHERE side = ? AND ino IN (SELECT value FROM json_each(?))", side, JSON.stringify(inos))
}

export async function forget(tx: Transaction, side: Side, inos: readonly Ino[]): Promise<void> {
  await tx.run('DELETE FROM brake WHERE side = ? AND ino IN (SELECT value FROM json_each(?))', side, JSON.stringify(inos))
}

export async function readGone(reader: Reader, side: Side): Promise<readonly Gone[]> {
  const rows = await reader.all('SELECT storage_id, at_ms, items FROM brake_gone WHERE side = ?', side)
  return rows.map((row) => ({ storageId: asStorageId(String(row.storage_id)), atMs: Number(row.at_ms), items: Number(row.items) }))
}

/** A deletion nobody had to allow was carried out. What is older than the brake looks back is dropped. */
export async function noteGone(tx: Transaction, side: Side, { storageId, atMs, items }: Gone, nowMs: number): Promise<void> {
  await tx.run('DELETE FROM brake_gone WHERE side = ? AND at_ms < ?', side, nowMs - WINDOW_MS)
  await tx.run('INSERT INTO brake_gone (side, storage_id, at_ms, items) VALUES (?,?,?,?)', side, storageId, atMs, items)
}
