/** The SQL of the ancestor's columns: what the portal has for a row. Each function is one change of one row or two. */
import { DriveError } from '../base/errors.js'
import { asIno, type Ino } from '../base/ids.js'
import type { RemoteItem } from '../drive/drive.js'
import type { Transaction } from '../store/store.js'
import { passConflictsOn } from './conflicts.js'
import { MAY_BE_LIVE, placeKey, shownName } from './item.js'

const COLUMNS = ['remote_id', 'real_id', 'storage_id', 'code', 'base_parent', 'base_name', 'base_key', 'base_version', 'base_blob', 'base_size', 'base_updated_ms', 'base_trashed'] as const
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
    0,
    ino,
  )
}

export async function eraseBase(tx: Transaction, ino: Ino): Promise<void> {
  await tx.run(`UPDATE items SET ${COLUMNS.map((column) => `${column} = NULL`).join(', ')}, place_changed_ms = NULL WHERE ino = ?`, ino)
}

export async function setTrashed(tx: Transaction, inos: readonly Ino[], trashed: boolean | 'may-be-live'): Promise<void> {
  await tx.run('UPDATE items SET base_trashed = ? WHERE ino IN (SELECT value FROM json_each(?)) AND remote_id IS NOT NULL', trashed === 'may-be-live' ? MAY_BE_LIVE : Number(trashed), JSON.stringify(inos))
}

/**
 * What `to` had before becomes that of `from`, and what was to be decided about `from` goes on as `to`; what the portal has
 * in a folder stays in it. Answers the rows of that. 'internal' when there is no row to take it from.
 */
export async function moveBase(tx: Transaction, from: Ino, to: Ino): Promise<readonly Ino[]> {
  const rows = await tx.all(`SELECT ino, kind, ${COLUMNS.join(', ')} FROM items WHERE ino IN (?, ?)`, from, to)
  const [given, former] = [from, to].map((ino) => rows.find((row) => row.ino === ino))
  if (given === undefined) throw new DriveError('internal', 'a row that is gone cannot give its identity away', { fields: { from, to } })
  await eraseBase(tx, from) // first: the remote id is unique
  await tx.run(`UPDATE items SET ${ASSIGNMENTS} WHERE ino = ?`, ...COLUMNS.map((column) => given[column] ?? null), to)
  if (former?.remote_id) await tx.run(`UPDATE items SET ${ASSIGNMENTS} WHERE ino = ?`, ...COLUMNS.map((column) => former[column] ?? null), from)
  await passConflictsOn(tx, from, to)
  if (given.kind !== 'folder') return []
  const below = await tx.all('SELECT ino FROM items WHERE base_parent = ?', from)
  await tx.run('UPDATE items SET base_parent = ? WHERE base_parent = ?', to, from)
  return below.map(({ ino }) => asIno(Number(ino)))
}
