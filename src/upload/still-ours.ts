/**
 * Whether what is to be sent is still in what this account synchronizes. Somebody who has disconnected a folder on the web, or
 * moved a file into "Uploaded files", does not expect edits and deletions of before to arrive there, for everybody even
 * (C19, C20, C27). What becomes of the row then is decided by the next look at its folder.
 */
import { DriveError } from '../base/errors.js'
import type { Ino } from '../base/ids.js'
import type { RemoteItem } from '../drive/drive.js'
import { isLink, type Item } from '../mirror/item.js'
import { callOf, isKnown, type KnownItem, type Sending } from './sending.js'

/** 'vanished' when a link is gone that the item stands below, where the portal has it or where it is to go. */
export async function checkLinksAbove(sending: Sending, item: Item, signal: AbortSignal): Promise<void> {
  const links = new Map<Ino, KnownItem>()
  for (const start of [item.base?.parent ?? null, item.parent]) {
    for (let at = start; at !== null; ) {
      const folder = await sending.mirror.getIn(sending.store.read, at)
      if (folder === undefined) break
      if (isKnown(folder) && isLink(folder)) links.set(folder.ino, folder)
      at = folder.base === null ? folder.parent : folder.base.parent
    }
  }
  for (const { base } of links.values()) {
    if (!(await sending.links.stands(base, callOf(signal)))) throw new DriveError('vanished', 'the connected folder was disconnected on the portal')
  }
}

/** `remote`: the item as the portal has it now. 'busy' when it is in a folder that nobody here knows: a new one, or none of ours. */
export async function checkFolderKnown(sending: Sending, item: KnownItem, remote: RemoteItem): Promise<void> {
  const wasIn = item.base.parent === null ? undefined : await sending.mirror.get(item.base.parent)
  if (remote.parentId === null || remote.parentId === wasIn?.base?.realId) return
  const nowIn = await sending.mirror.foldersOfRealId(remote.parentId)
  if (!nowIn.some(({ excluded }) => !excluded)) throw new DriveError('busy', 'the item was moved on the portal to where nobody here has looked yet')
}
