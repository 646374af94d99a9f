/**
 * Reads what a plan looks at: the row, its parent, its content, and who else has or wants the names and folders it needs.
 * By committed rows; what changes afterwards is met when the attempt is recorded.
 */
import type { Ino, RemoteId } from '../base/ids.js'
import type { ContentCache } from '../cache/content-cache.js'
import type { Attempt, Entry, Journal } from '../journal/journal.js'
import { isLink, isMoved, placeKey, shownName, type Item } from '../mirror/item.js'
import type { Mirror } from '../mirror/mirror.js'
import { comesBackIn, isInTrash } from '../mirror/trash-rows.js'
import type { Store } from '../store/store.js'
import type { ContentFacts, Holder, View, Writers } from './plan-view.js'

export interface Sources {
  readonly store: Store
  readonly mirror: Mirror
  readonly journal: Journal
  readonly cache: ContentCache
  readonly writers: (ino: Ino) => Writers
  readonly isHeld: (ino: Ino) => Promise<boolean>
}

/** What holds for all entries at this moment. */
export interface Moment {
  readonly nowMs: number
  readonly uploadDelayMs: number
  readonly hurriedAtMs: number
  readonly maxVersionSizeBytes: number
  /** Requests that may have reached the portal, by row. */
  readonly attempts: ReadonlyMap<Ino, Attempt>
}

export async function readView(sources: Sources, entry: Entry, moment: Moment): Promise<View> {
  const { store, mirror } = sources
  // Before everything else: what is found after the last writer has gone is his last word.
  const writers = sources.writers(entry.ino)
  const item = await mirror.getIn(store.read, entry.ino)
  const parent = item === undefined || item.parent === null ? undefined : await mirror.getIn(store.read, item.parent)
  const inTrash = item !== undefined && (await isInTrash(store.read, item.parent))
  const goes = item?.deleted === true || inTrash
  const wantsPlace = item !== undefined && !goes && item.parent !== null && (item.base === null || isMoved(item))
  const baseParent = wantsPlace && item.base !== null && item.base.parent !== null ? await mirror.getIn(store.read, item.base.parent) : undefined
  const deletedAbove = item?.deleted === true ? await readDeletedAbove(sources, item) : null
  const oldName = item === undefined || item.base === null ? undefined : shownName(item.base.name, item.base.id)
  return {
    entry,
    item,
    inTrash,
    parent,
    content: item === undefined ? null : await readContent(sources, item),
    writers,
    holdersThere: wantsPlace ? await readHolders(sources, item, parent, item.name, moment.attempts) : [],
    holdersOfNewNameHere: wantsPlace ? await readHolders(sources, item, baseParent, item.name, moment.attempts) : [],
    holdersOfOldNameThere: wantsPlace && oldName !== undefined ? await readHolders(sources, item, parent, oldName, moment.attempts) : [],
    deletedAbove,
    comesBackIn: item?.deleted === true ? await comesBackIn(mirror, store.read, item) : null,
    isBelowLink: item?.deleted === true && (await readIsBelowLink(sources, item)),
    blockerBelow: item !== undefined && goes && deletedAbove === null ? await readBlockerBelow(sources, item, moment.attempts) : null,
    mustLeaveFirst: wantsPlace && item.kind === 'folder' && item.base !== null ? await readMustLeaveFirst(sources, item) : null,
    sentByAnother: readSentByAnother(item, moment.attempts),
    isHeld: item !== undefined && goes && (await sources.isHeld(item.ino)),
    nowMs: moment.nowMs,
    uploadDelayMs: moment.uploadDelayMs,
    hurriedAtMs: moment.hurriedAtMs,
    maxVersionSizeBytes: moment.maxVersionSizeBytes,
  }
}

async function readContent({ cache }: Sources, item: Item): Promise<ContentFacts | null> {
  if (item.contentId === null) return null
  const summary = (await cache.summary([item.contentId])).get(item.contentId)
  return summary === undefined ? null : { sizeBytes: summary.sizeBytes, isComplete: summary.complete, isDirty: summary.dirty, isSuspect: summary.suspect }
}

/** Others that have this name in this folder on the portal, or are being given it right now. */
async function readHolders(sources: Sources, item: Item, folder: Item | undefined, name: string, attempts: ReadonlyMap<Ino, Attempt>): Promise<readonly Holder[]> {
  if (folder === undefined) return []
  const holders: Holder[] = []
  for (const row of await sources.mirror.baseNamedIn(sources.store.read, folder.ino, name)) {
    if (row.ino === item.ino || row.base === null) continue
    const leaves = row.deleted || row.parent !== folder.ino || placeKey(row.name) !== placeKey(name)
    holders.push({ ino: row.ino, isLeaving: leaves && (await hasEntry(sources, row.ino)) })
  }
  const folderId: RemoteId | undefined = folder.base?.realId
  for (const [ino, attempt] of attempts) {
    const isThere = folderId !== undefined && attempt.parentId === folderId && attempt.name !== undefined && placeKey(attempt.name) === placeKey(name)
    // Its outcome decides who has the name.
    if (ino !== item.ino && isThere && !holders.some((holder) => holder.ino === ino)) holders.push({ ino, isLeaving: true })
  }
  return holders
}

function readSentByAnother(item: Item | undefined, attempts: ReadonlyMap<Ino, Attempt>): Ino | null {
  if (item === undefined || item.base === null) return null
  for (const [ino, { remoteId }] of attempts) if (ino !== item.ino && remoteId === item.base.id) return ino
  return null
}

/**
 * Below a deleted link nothing is deleted there: programs empty a folder before they remove it, and a link is
 * disconnected, never emptied (DESIGN.md section 6).
 */
async function readDeletedAbove(sources: Sources, item: Item): Promise<Ino | null> {
  let top: Ino | null = null
  let at = item.base?.parent ?? null
  while (at !== null) {
    const folder = await sources.mirror.getIn(sources.store.read, at)
    if (folder?.deleted !== true || folder.base === null) break
    if (await hasEntry(sources, folder.ino)) top = folder.ino
    if (isLink(folder)) break
    at = folder.base.parent
  }
  return top
}

async function readIsBelowLink({ mirror, store }: Sources, item: Item): Promise<boolean> {
  for (let at = item.base?.parent ?? null; at !== null; ) {
    const folder = await mirror.getIn(store.read, at)
    if (folder === undefined) return false
    if (isLink(folder)) return true
    at = folder.base?.parent ?? null
  }
  return false
}

async function readBlockerBelow(sources: Sources, item: Item, attempts: ReadonlyMap<Ino, Attempt>): Promise<Ino | null> {
  const { mirror, store } = sources
  if (item.kind === 'file') return null
  if (isLink(item)) {
    const below = (await mirror.subtreeIn(store.read, item.ino)).filter(({ ino, localOnly }) => ino !== item.ino && !localOnly)
    return firstWithEntry(sources, below)
  }
  const folders: Item[] = [item]
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    // What is being made in it right now may be there already, and nobody would know it.
    for (const [ino, { parentId }] of attempts) if (ino !== item.ino && parentId !== undefined && parentId === folder.base?.realId) return ino
    const below = await mirror.baseChildrenIn(store.read, folder.ino)
    // What stands in a folder that was put into the trash goes with it, but for a request that is under way; what was
    // deleted in it before goes first, so that it does not come back with the folder.
    const goesAlong = (child: Item): boolean => (item.deleted ? child.deleted : !child.deleted && child.parent === folder.ino)
    const blocker = await firstWithEntry(sources, below.filter((child) => !child.localOnly && (!goesAlong(child) || (!child.deleted && attempts.has(child.ino)))))
    if (blocker !== null) return blocker
    for (const child of below) if (goesAlong(child) && child.kind === 'folder' && !isLink(child)) folders.push(child)
  }
  return null
}

/** On the way up from the target on the portal: whoever leads out of the item here is to be moved there first. */
async function readMustLeaveFirst({ mirror, store }: Sources, item: Item): Promise<Ino | null> {
  const path: Item[] = []
  for (let at = item.parent; at !== null; ) {
    const folder = await mirror.getIn(store.read, at)
    if (folder === undefined) return null
    if (folder.ino === item.ino) return path.find((step) => step.base?.parent !== step.parent)?.ino ?? null
    path.push(folder)
    at = folder.base?.parent ?? null
  }
  return null
}

async function firstWithEntry(sources: Sources, items: readonly Item[]): Promise<Ino | null> {
  for (const { ino } of items) if (await hasEntry(sources, ino)) return ino
  return null
}

async function hasEntry({ journal }: Sources, ino: Ino): Promise<boolean> {
  return (await journal.get(ino)) !== undefined
}
