/**
 * The SQL of the `contents` table. Each function is one statement; what the columns mean stands in schema.ts.
 */
import { ByteRanges } from '../base/byte-ranges.js'
import { DriveError } from '../base/errors.js'
import { asContentId, asRemoteId, type ContentId, type RemoteId } from '../base/ids.js'
import type { Row, SqlValue } from '../store/connection.js'
import type { Reader, Transaction } from '../store/store.js'

/** Which remote bytes a content is a copy of. */
export interface RemoteOrigin {
  readonly fileId: RemoteId
  readonly version: number
  readonly blobId: string
}

export function isSameOrigin(one: RemoteOrigin | null, other: RemoteOrigin | null): boolean {
  return one?.fileId === other?.fileId && one?.version === other?.version && one?.blobId === other?.blobId
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
  /** The boot in which the file was opened for direct writing; null: it is not. */
  readonly openedBoot: string | null
}

export function isWhole(ranges: ByteRanges, sizeBytes: number): boolean {
  return ranges.contains({ start: 0, end: sizeBytes })
}

/** There may be a file that counts: it takes space, is a hole, is all of an empty content, or somebody may be about to write its first byte. */
export function mayHaveFile({ allocatedBytes, ranges, isDirty, openedBoot, sizeBytes }: ContentRow): boolean {
  return allocatedBytes > 0 || !ranges.isEmpty || isDirty || openedBoot !== null || sizeBytes === 0
}

export async function insertContent(
  tx: Transaction,
  content: { id: ContentId; sizeBytes: number; dirty: boolean; origin: RemoteOrigin | null; bootId: string; opened?: boolean; nowMs: number },
): Promise<ContentId> {
  await tx.run(
    `INSERT INTO contents (id, size, complete, dirty, generation, boot_id, opened_boot, origin_file, origin_version, origin_blob, last_used_ms)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    content.id, content.sizeBytes, Number(content.sizeBytes === 0), Number(content.dirty), Number(content.dirty), content.bootId,
    content.opened === true ? content.bootId : null,
    content.origin?.fileId ?? null, content.origin?.version ?? null, content.origin?.blobId ?? null, content.nowMs,
  )
  return content.id
}

/** No content ever had a larger one. */
export async function readLastId(reader: Reader): Promise<ContentId> {
  const row = await reader.get("SELECT max(coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'contents'), 0), coalesce((SELECT max(id) FROM contents), 0)) AS last")
  return asContentId(Number(row?.last ?? 0))
}

/** The same for new local content, in a script (store/script.ts). Parameters `content_id`, `boot_id`, `now_ms`, and `opened_boot` (the same, or null). */
export const INSERT_LOCAL = 'INSERT INTO contents (id, size, complete, dirty, generation, boot_id, opened_boot, last_used_ms) VALUES (NEW.content_id, 0, 1, 1, 1, NEW.boot_id, NEW.opened_boot, NEW.now_ms)'

export async function readContent(reader: Reader, id: ContentId): Promise<ContentRow | undefined> {
  const row = await reader.get('SELECT * FROM contents WHERE id = ?', id)
  return row === undefined ? undefined : parseRow(row)
}

/** As `readContent`; 'not-found' when there is none. */
export async function needContent(reader: Reader, id: ContentId): Promise<ContentRow> {
  const row = await readContent(reader, id)
  if (row === undefined) throw notFound(id)
  return row
}

export function notFound(id: ContentId): DriveError {
  return new DriveError('not-found', 'this content is gone', { fields: { content: id } })
}

export async function readContents(reader: Reader, ids: readonly ContentId[]): Promise<readonly ContentRow[]> {
  const rows = await reader.all('SELECT * FROM contents WHERE id IN (SELECT value FROM json_each(?))', JSON.stringify(ids))
  return rows.map(parseRow)
}

/** Contents that are dirty: few, and each matters. */
export async function readDirty(reader: Reader): Promise<readonly ContentRow[]> {
  return (await reader.all('SELECT * FROM contents WHERE dirty = 1')).map(parseRow)
}

/** Contents whose files somebody may write to directly, or might when the process before this one died. */
export async function readOpened(reader: Reader): Promise<readonly ContentRow[]> {
  return (await reader.all('SELECT * FROM contents WHERE opened_boot IS NOT NULL')).map(parseRow)
}

/** `stamp`: of the file before anybody writes. */
export function writeOpened(tx: Transaction, id: ContentId, bootId: string, stamp: string | null): Promise<unknown> {
  return tx.run('UPDATE contents SET opened_boot = ?, stamp = ? WHERE id = ?', bootId, stamp, id)
}

export function writeUnopened(tx: Transaction, id: ContentId, stamp: string | null): Promise<unknown> {
  return tx.run('UPDATE contents SET opened_boot = NULL, stamp = ? WHERE id = ?', stamp, id)
}

/** `[id, allocatedBytes, dirty, pinned]` of all that take space, least recently used first; one string, because rows as objects cost ten times that. */
export async function readAllocated(reader: Reader): Promise<readonly (readonly [ContentId, number, 0 | 1, 0 | 1])[]> {
  const row = await reader.get(
    `SELECT json_group_array(json_array(id, allocated_bytes, dirty, pinned)) AS list
     FROM (SELECT id, allocated_bytes, dirty, pinned FROM contents WHERE allocated_bytes > 0 ORDER BY last_used_ms, id)`,
  )
  return JSON.parse(String(row?.list ?? '[]')) as readonly (readonly [ContentId, number, 0 | 1, 0 | 1])[]
}

const BYTES_STATE_COLUMNS = ['size', 'ranges', 'complete', 'present_bytes', 'allocated_bytes', 'synced', 'stamp', 'boot_id'] as const

/** `writeBytesState` in a script (store/script.ts), with `bytesStateValues`. */
export const BYTES_STATE_PARAMETERS = [...BYTES_STATE_COLUMNS, 'content_id'] as const
export const WRITE_BYTES_STATE = `UPDATE contents SET ${BYTES_STATE_COLUMNS.map((column) => `${column} = NEW.${column}`).join(', ')} WHERE id = NEW.content_id`

export function bytesStateValues(id: ContentId, state: BytesState, bootId: string): readonly SqlValue[] {
  return [
    state.sizeBytes, JSON.stringify(state.ranges), Number(isWhole(state.ranges, state.sizeBytes)), state.ranges.totalBytes,
    state.allocatedBytes, Number(state.synced), state.stamp, bootId, id,
  ]
}

/** `values` are those of `bytesStateValues`. */
export function writeBytesState(tx: Transaction, values: readonly SqlValue[]): Promise<unknown> {
  return tx.run(`UPDATE contents SET ${BYTES_STATE_COLUMNS.map((column) => `${column} = ?`).join(', ')} WHERE id = ?`, ...values)
}

/** The same for many contents, in one statement. */
export function writeBytesStates(tx: Transaction, states: readonly (readonly SqlValue[])[]): Promise<unknown> {
  return tx.run(
    `UPDATE contents SET ${BYTES_STATE_COLUMNS.map((column) => `${column} = state.${column}`).join(', ')}
     FROM (SELECT ${BYTES_STATE_PARAMETERS.map((column, index) => `value ->> ${index} AS ${column}`).join(', ')} FROM json_each(?)) AS state WHERE contents.id = state.content_id`,
    JSON.stringify(states),
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
     WHERE id = ? AND dirty = 0 AND origin_file IS NOT NULL AND opened_boot IS NULL`,
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

/** Answers whether it may have held bytes that no portal has. */
export async function deleteContent(tx: Transaction, id: ContentId): Promise<boolean> {
  const row = await tx.get('DELETE FROM contents WHERE id = ? RETURNING dirty = 1 OR opened_boot IS NOT NULL AS unsent', id)
  return row?.unsent === 1
}

/**
 * What a reboot means to the rows (DESIGN.md 6a.3): bytes that were never synced are not to be believed. Dirty ones
 * become suspect; clean ones, and dirty marks under which nothing can have been written (not complete), lose their bytes.
 * Files that were open for direct writing are looked at first (recover-rows.ts).
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

export function writeUnsynced(tx: Transaction, id: ContentId): Promise<unknown> {
  return tx.run('UPDATE contents SET synced = 0 WHERE id = ?', id)
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
    openedBoot: typeof row.opened_boot === 'string' ? row.opened_boot : null,
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
