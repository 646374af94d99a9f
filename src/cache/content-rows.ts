/**
 * The SQL of the `contents` table. Each function is one statement; what the columns mean stands in schema.ts.
 */
import { ByteRanges } from '../base/byte-ranges.js'
import { asContentId, asRemoteId, type ContentId, type RemoteId } from '../base/ids.js'
import type { Row } from '../store/connection.js'
import type { Reader, Transaction } from '../store/store.js'

/** Which remote bytes a content is a copy of. */
export interface RemoteOrigin {
  readonly fileId: RemoteId
  readonly version: number
  readonly blobId: string
}

/** What the row says of the bytes in the file. */
export interface BytesState {
  readonly sizeBytes: number
  readonly ranges: ByteRanges
  readonly allocatedBytes: number
  readonly synced: boolean
  readonly stamp: string | null
}

export interface ContentRow extends BytesState {
  readonly id: ContentId
  readonly isComplete: boolean
  readonly isDirty: boolean
  readonly generation: number
  readonly bootId: string
  readonly isSuspect: boolean
  readonly isPinned: boolean
  readonly origin: RemoteOrigin | null
}

export function isWhole(ranges: ByteRanges, sizeBytes: number): boolean {
  return ranges.contains({ start: 0, end: sizeBytes })
}

export async function insertContent(tx: Transaction, content: { sizeBytes: number; dirty: boolean; origin: RemoteOrigin | null; bootId: string; nowMs: number }): Promise<ContentId> {
  const { lastId } = await tx.run(
    `INSERT INTO contents (size, complete, dirty, generation, boot_id, origin_file, origin_version, origin_blob, last_used_ms)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    content.sizeBytes, Number(content.sizeBytes === 0), Number(content.dirty), Number(content.dirty), content.bootId,
    content.origin?.fileId ?? null, content.origin?.version ?? null, content.origin?.blobId ?? null, content.nowMs,
  )
  return asContentId(lastId)
}

export async function readContent(reader: Reader, id: ContentId): Promise<ContentRow | undefined> {
  const row = await reader.get('SELECT * FROM contents WHERE id = ?', id)
  return row === undefined ? undefined : parseRow(row)
}

export async function readContents(reader: Reader, ids: readonly ContentId[]): Promise<readonly ContentRow[]> {
  const rows = await reader.all('SELECT * FROM contents WHERE id IN (SELECT value FROM json_each(?))', JSON.stringify(ids))
  return rows.map(parseRow)
}

/** Contents that are dirty: few, and each matters. */
export async function readDirty(reader: Reader): Promise<readonly ContentRow[]> {
  return (await reader.all('SELECT * FROM contents WHERE dirty = 1')).map(parseRow)
}

/** `[id, allocatedBytes, dirty, pinned]` of all that take space, least recently used first; one string, because rows as objects cost ten times that. */
export async function readAllocated(reader: Reader): Promise<readonly (readonly [ContentId, number, 0 | 1, 0 | 1])[]> {
  const row = await reader.get(
    `SELECT json_group_array(json_array(id, allocated_bytes, dirty, pinned)) AS list
     FROM (SELECT id, allocated_bytes, dirty, pinned FROM contents WHERE allocated_bytes > 0 ORDER BY last_used_ms, id)`,
  )
  return JSON.parse(String(row?.list ?? '[]')) as readonly (readonly [ContentId, number, 0 | 1, 0 | 1])[]
}

export function writeBytesState(tx: Transaction, id: ContentId, state: BytesState, bootId: string): Promise<unknown> {
  return tx.run(
    `UPDATE contents SET size = ?, ranges = ?, complete = ?, present_bytes = ?, allocated_bytes = ?, synced = ?, stamp = ?, boot_id = ? WHERE id = ?`,
    state.sizeBytes, JSON.stringify(state.ranges), Number(isWhole(state.ranges, state.sizeBytes)), state.ranges.totalBytes,
    state.allocatedBytes, Number(state.synced), state.stamp, bootId, id,
  )
}

export function writeDirty(tx: Transaction, id: ContentId): Promise<unknown> {
  return tx.run('UPDATE contents SET dirty = 1, generation = generation + 1 WHERE id = ?', id)
}

export function writeClean(tx: Transaction, id: ContentId): Promise<unknown> {
  return tx.run('UPDATE contents SET dirty = 0, suspect = 0 WHERE id = ?', id)
}

export function writeTrusted(tx: Transaction, id: ContentId): Promise<unknown> {
  return tx.run('UPDATE contents SET suspect = 0 WHERE id = ?', id)
}

export function writeOrigin(tx: Transaction, id: ContentId, origin: RemoteOrigin): Promise<unknown> {
  return tx.run('UPDATE contents SET origin_file = ?, origin_version = ?, origin_blob = ? WHERE id = ?', origin.fileId, origin.version, origin.blobId, id)
}

/** Forgets the bytes of a clean content with an origin; false when it is neither. */
export async function clearBytes(tx: Transaction, id: ContentId): Promise<boolean> {
  const { changes } = await tx.run(
    `UPDATE contents SET ranges = '[]', complete = (size = 0), present_bytes = 0, allocated_bytes = 0, synced = 0, stamp = NULL
     WHERE id = ? AND dirty = 0 AND origin_file IS NOT NULL`,
    id,
  )
  return changes > 0
}

export function writeAllocated(tx: Transaction, id: ContentId, allocatedBytes: number): Promise<unknown> {
  return tx.run('UPDATE contents SET allocated_bytes = ? WHERE id = ?', allocatedBytes, id)
}

export function writePinned(tx: Transaction, ids: readonly ContentId[], pinned: boolean): Promise<unknown> {
  return tx.run('UPDATE contents SET pinned = ? WHERE id IN (SELECT value FROM json_each(?))', Number(pinned), JSON.stringify(ids))
}

export function writeLastUsed(tx: Transaction, uses: readonly (readonly [ContentId, number])[]): Promise<unknown> {
  return tx.run(
    `UPDATE contents SET last_used_ms = used.at FROM (SELECT value ->> 0 AS id, value ->> 1 AS at FROM json_each(?)) AS used WHERE contents.id = used.id`,
    JSON.stringify(uses),
  )
}

/** Records that the bytes of a clean content are on the disk, if its row still has exactly these ranges. */
export function writeSynced(tx: Transaction, id: ContentId, ranges: ByteRanges): Promise<unknown> {
  return tx.run('UPDATE contents SET synced = 1 WHERE id = ? AND dirty = 0 AND ranges = ?', id, JSON.stringify(ranges))
}

export async function deleteContent(tx: Transaction, id: ContentId): Promise<boolean> {
  return (await tx.run('DELETE FROM contents WHERE id = ?', id)).changes > 0
}

/**
 * What a reboot means to the rows (DESIGN.md 6a.3): bytes that were never synced are not to be believed. Dirty ones
 * become suspect; clean ones, and dirty marks under which nothing can have been written (not complete), lose their bytes.
 */
export async function distrustOtherBoots(tx: Transaction, bootId: string): Promise<void> {
  await tx.run('UPDATE contents SET suspect = 1 WHERE dirty = 1 AND complete = 1 AND synced = 0 AND boot_id <> ?', bootId)
  await tx.run('UPDATE contents SET dirty = 0 WHERE dirty = 1 AND complete = 0 AND synced = 0 AND boot_id <> ?', bootId)
  await tx.run(
    `UPDATE contents SET ranges = '[]', complete = (size = 0), present_bytes = 0, allocated_bytes = 0, stamp = NULL
     WHERE allocated_bytes > 0 AND dirty = 0 AND synced = 0 AND boot_id <> ?`,
    bootId,
  )
}

export function writeSuspect(tx: Transaction, id: ContentId): Promise<unknown> {
  return tx.run('UPDATE contents SET suspect = 1 WHERE id = ?', id)
}

function parseRow(row: Row): ContentRow {
  const fileId = row.origin_file
  return {
    id: asContentId(Number(row.id)),
    sizeBytes: Number(row.size),
    ranges: parseRanges(row.ranges, Number(row.size)),
    allocatedBytes: Number(row.allocated_bytes),
    isComplete: row.complete === 1,
    isDirty: row.dirty === 1,
    generation: Number(row.generation),
    synced: row.synced === 1,
    bootId: String(row.boot_id),
    stamp: typeof row.stamp === 'string' ? row.stamp : null,
    isSuspect: row.suspect === 1,
    isPinned: row.pinned === 1,
    origin: typeof fileId === 'string' ? { fileId: asRemoteId(fileId), version: Number(row.origin_version), blobId: String(row.origin_blob) } : null,
  }
}

/** A list that cannot be read claims nothing: the bytes are fetched again. */
function parseRanges(text: unknown, sizeBytes: number): ByteRanges {
  try {
    return ByteRanges.parse(JSON.parse(String(text))).remove({ start: sizeBytes, end: Number.MAX_SAFE_INTEGER })
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) return ByteRanges.empty
    throw error
  }
}
