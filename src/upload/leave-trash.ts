/**
 * What goes with an item that the uploader itself takes out of the trash of a file manager: the note of where it came from,
 * and word of what was not sent while it stood there. The caller has put the row at its place already.
 */
import type { Item } from '../mirror/item.js'
import { trashNote, unsentIn } from '../mirror/trash-rows.js'
import type { Transaction } from '../store/store.js'
import { NO_NEWS, type News, type Sending } from './sending.js'

/** `item` as it stood in the trash. */
export async function leaveTrash({ mirror, journal, cache, clock }: Sending, tx: Transaction, item: Item): Promise<News> {
  for (const ino of await unsentIn(mirror, tx, item.ino, (content) => cache.isDirtyIn(tx, content))) await journal.touch(tx, ino, clock.nowMs(), clock.nowMs())
  const note = item.parent === null ? undefined : await trashNote(mirror, tx, { parent: item.parent, name: item.name })
  if (note === undefined || note.parent === null) return NO_NEWS
  if (note.contentId !== null) await cache.drop(tx, note.contentId)
  await mirror.remove(tx, note)
  return { deltas: [{ kind: 'vanished', ino: note.ino, generation: note.contentGeneration, at: { parent: note.parent, name: note.name } }], notices: [] }
}
