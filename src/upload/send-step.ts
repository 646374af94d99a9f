/** From a planned step to the requests that carry it out; each function leaves the rows so that the next plan goes on. */
import { DriveError } from '../base/errors.js'
import type { Attempt } from '../journal/journal.js'
import type { Item } from '../mirror/item.js'
import { settle } from './confirm.js'
import type { Step, View } from './plan-view.js'
import { moveToRecovery } from './recovery-folder.js'
import { commit, isKnown, NO_NEWS, sameIntent, type KnownItem, type Sending } from './sending.js'
import { createFolder, resolveNew, uploadNew } from './send-new.js'
import { resolvePlace, sendMove, sendRename } from './send-place.js'
import { resolveReplace, sendReplace } from './send-replace.js'
import { resolveRestore, sendRestore } from './send-restore.js'
import { resolveTrash, sendTrash } from './send-trash.js'
import { resolveVersion, sendVersion, setAside } from './send-version.js'
import { checkLinksAbove } from './still-ours.js'

/** A step that does something now. */
export type ActiveStep = Exclude<Step, { kind: 'wait' | 'refuse' }>

/** Steps that change the portal. */
const CHANGES: ReadonlySet<Step['kind']> = new Set(['create-folder', 'upload-new', 'upload-version', 'replace', 'rename', 'move', 'trash', 'restore'])

export function isActive(step: Step): step is ActiveStep {
  return step.kind !== 'wait' && step.kind !== 'refuse'
}

/** Carries the step out; throws the failure that keeps it from being done. */
export async function sendStep(sending: Sending, step: ActiveStep, view: View, signal: AbortSignal): Promise<void> {
  const { item, entry } = view
  if (step.kind === 'nothing' || item === undefined) {
    await commit(sending, async (tx) => {
      const now = await sending.mirror.getIn(tx, entry.ino)
      // Never sent: localOnly and excluded rows have no entry.
      if (now !== undefined && (now.localOnly || now.excluded || (now.parent === null && !now.deleted))) await sending.journal.remove(tx, entry.ino)
      else await settle(sending, tx, entry.ino)
      return NO_NEWS
    })
    return
  }
  if (CHANGES.has(step.kind)) await checkLinksAbove(sending, item, signal)
  switch (step.kind) {
    case 'resolve':
      await resolve(sending, item, step.attempt, signal)
      return
    case 'create-folder':
      await createFolder(sending, item, known(view.parent), signal)
      return
    case 'upload-new':
      await uploadNew(sending, item, known(view.parent), view.holdersThere.length > 0 || view.parent?.listedMs === null, signal)
      return
    case 'upload-version':
      await sendVersion(sending, known(item), signal)
      return
    case 'set-aside':
      await setAside(sending, known(item), signal)
      return
    case 'replace':
      await sendReplace(sending, known(item), known(view.parent), step.why, signal)
      return
    case 'rename':
      await sendRename(sending, known(item), step.to, signal)
      return
    case 'move':
      await sendMove(sending, known(item), known(view.parent), signal)
      return
    case 'trash':
      await sendTrash(sending, known(item), signal)
      return
    case 'restore':
      await sendRestore(sending, known(item), signal)
      return
    case 'recover':
      await commit(sending, async (tx) => {
        const now = await sending.mirror.getIn(tx, item.ino)
        return sameIntent(now, item) ? moveToRecovery(sending, tx, now) : NO_NEWS
      })
  }
}

/** What the attempt was about decides; the row may want something else by now. */
function resolve(sending: Sending, item: Item, attempt: Attempt, signal: AbortSignal): Promise<void> {
  switch (attempt.step) {
    case 'create-folder':
    case 'upload-new':
      return resolveNew(sending, item, attempt, signal)
    case 'upload-version':
      return resolveVersion(sending, item, attempt, signal)
    case 'rename':
    case 'move':
      return resolvePlace(sending, item, attempt, signal)
    case 'trash':
      return resolveTrash(sending, item, attempt, signal)
    case 'restore':
      return resolveRestore(sending, item, attempt, signal)
    case 'replace':
      return resolveReplace(sending, item, attempt, signal)
  }
}

function known(item: Item | undefined): KnownItem {
  if (!isKnown(item)) throw new DriveError('internal', 'the plan spoke of an item that the portal has')
  return item
}
