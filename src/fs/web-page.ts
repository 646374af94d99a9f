/** Where an item is shown on the web: the one thing told of an item that only the portal knows, so it is asked, for a short time. */
import type { Clock } from '../base/clock.js'
import { withinDeadline } from '../base/deadline.js'
import type { Drive } from '../drive/drive.js'
import { askedId } from '../mirror/connected-rows.js'
import type { Item } from '../mirror/item.js'

const DEADLINE_MS = 2_000 // an attribute is metadata, for which nobody expects to wait

/** Undefined for what the portal does not have yet, and what has no page. 'deadline', 'interrupted', 'offline', what the portal says. */
export async function webPage({ drive, clock }: { drive: Pick<Drive, 'getFile' | 'getFolder'>; clock: Clock }, item: Item, signal: AbortSignal): Promise<string | undefined> {
  if (item.base === null) return undefined
  const id = askedId(item.base)
  return withinDeadline({ clock, deadlineMs: DEADLINE_MS, signal, message: 'the portal did not tell the page of the item in time' }, async (limited) => {
    const call = { priority: 'interactive', signal: limited } as const
    const remote = item.kind === 'file' ? await drive.getFile(id, call) : await drive.getFolder(id, call)
    return remote.detailUrl ?? undefined
  })
}
