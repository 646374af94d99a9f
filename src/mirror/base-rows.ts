/** The SQL of the ancestor's columns: what the portal has for a row. Each function is one change of one row or two. */
import { DriveError } from '../base/errors.js'
import type { Ino } from '../base/ids.js'
import type { RemoteItem } from '../drive/drive.js'
import type { Transaction } from '../store/store.js'
import { placeKey, shownName } from './item.js'

const COLUMNS = ['remote_id', 'real_id', 'storage_id', 'code', 'base_parent', 'base_name', 'base_key', 'base_version', 'base_blob', 'base_size', 'base_updated_ms'] as const
const ASSIGNMENTS = COLUMNS.map((column) => `${column} = ?`).join(', ')

export async function writeBase(tx: Transaction, ino: Ino, parent: Ino | null, remote: RemoteItem): Promise<void> {
  const { version, blobId, sizeBytes } = remote.kind === 'file' ? remote : { version: 0, blobId: '', sizeBytes: 0 }
  await tx.run(
    `UPDATE items SET ${ASSIGNMENTS} WHERE ino = ?`,
    remote.id,
    remote.kind === 'folder' ? remote.realId : remote.id,
    remote.storageId,
    remote.code,
    parent,
    remote.name,
    placeKey(shownName(remote.name, remote.id)),
    version,
    blobId,
    sizeBytes,
    remote.updatedMs,
    ino,
  )
}

export async function eraseBase(tx: Transaction, ino: Ino): Promise<void> {
  await tx.run(`UPDATE items SET ${COLUMNS.map((column) => `${column} = NULL`).join(', ')}, place_changed_ms = NULL WHERE ino = ?`, ino)
}

/** 'internal' when there is no row to take it from. */
export async function moveBase(tx: Transaction, from: Ino, to: Ino): Promise<void> {
  const row = await tx.get(`SELECT ${COLUMNS.join(', ')} FROM items WHERE ino = ?`, from)
  if (row === undefined) throw new DriveError('internal', 'a row that is gone cannot give its identity away', { fields: { from, to } })
  await eraseBase(tx, from) // first: the remote id is unique
  await tx.run(`UPDATE items SET ${ASSIGNMENTS} WHERE ino = ?`, ...COLUMNS.map((column) => row[column] ?? null), to)
}
