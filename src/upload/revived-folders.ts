/**
 * The portal brings back the folders above what it restores, each alone (bitrix24-rest.md 7.4). Those go to its trash again
 * as soon as the item has left them: as what stands in the trash here, or as tombstones where nothing here knows them any
 * more. Which they are is found out before the request, and kept with its attempt.
 */
import { DriveError, hasCode } from '../base/errors.js'
import { ROOT_INO, type RemoteId } from '../base/ids.js'
import type { RemoteFolder, RemoteItem } from '../drive/drive.js'
import type { Item } from '../mirror/item.js'
import { isInTrash, unsentIn } from '../mirror/trash-rows.js'
import type { Transaction } from '../store/store.js'
import { callOf, type KnownItem, type Sending } from './sending.js'

const DEEPEST = 64 // a chain of parents that long goes in circles

/** Also out of the trash; undefined when it does not exist any more. */
export async function readWherever(sending: Sending, id: RemoteId, kind: Item['kind'], signal: AbortSignal): Promise<RemoteItem | undefined> {
  try {
    return kind === 'file' ? await sending.drive.getFile(id, callOf(signal)) : await sending.drive.getFolder(id, callOf(signal))
  } catch (error) {
    if (hasCode(error, 'not-found')) return undefined
    throw error
  }
}

/** Ids of the folders that will live again with the item, innermost first. 'busy' while one of them is to be restored itself, with all that is in it. */
export async function findRevived(sending: Sending, item: KnownItem, remote: RemoteItem, signal: AbortSignal): Promise<readonly RemoteId[]> {
  const { mirror, store } = sending
  const folder = item.base.parent === null ? undefined : await mirror.get(item.base.parent)
  if (folder?.ino === ROOT_INO || (folder?.deleted === false && folder.base?.trashed === false)) return []
  const ids: RemoteId[] = []
  for (let id = remote.parentId; id !== null && ids.length < DEEPEST; ) {
    const above = await readWherever(sending, id, 'folder', signal)
    if (above === undefined || above.deletedType === 0) break
    const row = await mirror.byRemoteId(id)
    if (row?.base?.trashed === true && !(await isInTrash(store.read, row.parent))) throw new DriveError('busy', 'its folder is restored first')
    ids.push(id)
    id = above.parentId
  }
  return ids
}

/** As they are now that the item is restored; those that are gone again are left out. */
export async function readRevived(sending: Sending, ids: readonly string[], signal: AbortSignal): Promise<readonly RemoteFolder[]> {
  const folders: RemoteFolder[] = []
  for (const id of ids) {
    const folder = await readWherever(sending, id as RemoteId, 'folder', signal)
    if (folder?.kind === 'folder' && folder.deletedType === 0) folders.push(folder)
  }
  return folders
}

/** Innermost first, as they were found. */
export async function noteRevived(sending: Sending, tx: Transaction, folders: readonly RemoteFolder[]): Promise<void> {
  const { mirror, journal, cache, clock } = sending
  const nowMs = clock.nowMs()
  for (const folder of [...folders].reverse()) {
    const known = await mirror.byRemoteId(folder.id, tx)
    if (known === undefined) {
      const parent = folder.parentId === null ? undefined : (await mirror.foldersOfRealId(folder.parentId, tx))[0]
      const ino = await mirror.insertRemote(tx, null, folder.name, folder)
      await mirror.confirmBase(tx, ino, parent?.ino ?? null, folder)
      await mirror.update(tx, await mirror.needIn(tx, ino), { deleted: true, listedMs: nowMs })
      await journal.touch(tx, ino, nowMs, nowMs)
    } else if (known.base?.trashed === true) {
      await mirror.setTrashed(tx, [known.ino], false)
      // Taken out of the trash meanwhile, it is the folder alone that is back.
      const inside = (await isInTrash(tx, known.parent)) ? [] : await unsentIn(mirror, tx, known.ino, (content) => cache.isDirtyIn(tx, content))
      for (const ino of new Set([known.ino, ...inside])) await journal.touch(tx, ino, nowMs, nowMs)
    }
  }
}
