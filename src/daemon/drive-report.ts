/** What `status` tells: of the whole drive, without asking the portal, and of single paths, for which folders on the way are listed where nobody has looked yet. */
import { DriveError, errorCode, errorText, hasCode, type ErrorCode } from '../base/errors.js'
import type { DriveStatus, EngineStatus, ItemStatus, PathStatus, ProblemStatus, TransferStatus, UnsentItem } from '../control/commands.js'
import { askedId } from '../mirror/connected-rows.js'
import { countConflicts } from '../mirror/conflicts.js'
import type { Item } from '../mirror/item.js'
import { untrustedWords } from '../rest/untrusted.js'
import { heldProblems, itemsOf, readHeld } from './brake-commands.js'
import type { DriveCore } from './drive-core.js'
import { LocalPaths } from './local-paths.js'
import { MOST_NAMED, nameUnsent } from './named-items.js'
import type { Profile } from './profile.js'
import { standingItem } from './standing-items.js'

export interface ReportOptions {
  readonly core: DriveCore
  readonly profileName: string
  readonly profile: Profile
  readonly engine: EngineStatus
  readonly readOnly: boolean
}

export class DriveReport {
  readonly #o: ReportOptions
  readonly paths: LocalPaths

  constructor(options: ReportOptions) {
    this.#o = options
    this.paths = new LocalPaths(options.profile.folder, options.core.mirror)
  }

  async drive(): Promise<DriveStatus> {
    const { core, profile, profileName, engine, readOnly } = this.#o
    const held = await unlessDamaged(readHeld(core), [])
    const pending = await core.upload.pending()
    const budget = core.drive.rest.budget()
    return {
      profile: profileName,
      portal: profile.portal,
      user: { id: profile.userId, name: profile.userName },
      connection: core.isPaused ? 'paused' : core.isOnline ? 'online' : 'offline',
      folder: profile.folder,
      mounted: true,
      readOnly,
      engine,
      pid: process.pid,
      pendingUploads: pending.count,
      pendingBytes: pending.bytes,
      pendingDownloads: core.keeper.fetches.pending,
      heldDeletions: itemsOf(held),
      transfers: await this.#transfers(),
      cache: core.cache.usage(),
      lastSync: (await core.watch.lastSync()) ?? null,
      conflicts: await unlessDamaged(countConflicts(core.store.read), 0),
      errors: [...heldProblems(held), ...(await this.#problems())],
      notices: await core.notices.list((ino) => this.paths.of(ino)),
      budget: { used: budget.used, capacity: budget.capacity, perSecond: budget.perSecond, limited: budget.limited, counted: budget.counted },
    }
  }

  async path(path: string, signal: AbortSignal): Promise<PathStatus> {
    try {
      return await this.#itemStatus(path, await standingItem({ core: this.#o.core, paths: this.paths }, path, signal))
    } catch (error) {
      return { path, error: { code: errorCode(error), message: errorText(error) } }
    }
  }

  /** What a person works with under the path. Throws as `standingItem`. */
  async item(path: string, signal: AbortSignal): Promise<Item> {
    const item = await standingItem({ core: this.#o.core, paths: this.paths }, path, signal)
    if (item.excluded) throw new DriveError('not-found', `${path} does not synchronize`)
    return item
  }

  /** What the portal does not have yet, named. */
  async unsent(): Promise<readonly UnsentItem[]> {
    const items: Item[] = []
    for (const { ino } of (await this.#o.core.journal.entries()).slice(0, MOST_NAMED)) {
      const item = await this.#o.core.mirror.get(ino)
      if (item !== undefined) items.push(item)
    }
    return nameUnsent(this.paths, items)
  }

  async #itemStatus(path: string, item: Item): Promise<ItemStatus> {
    const { core } = this.#o
    return {
      path,
      kind: item.kind,
      state: await core.stateOf(item),
      pinned: await core.keeper.isPinned(item.ino),
      id: item.base === null ? null : askedId(item.base),
      version: item.base === null || item.kind === 'folder' ? null : item.base.version,
      sizeBytes: item.sizeBytes,
      cachedBytes: await core.presentBytes(item),
      url: null,
    }
  }

  async #transfers(): Promise<readonly TransferStatus[]> {
    const { core } = this.#o
    const transfers: TransferStatus[] = []
    for (const { contentId, doneBytes, sizeBytes } of core.hydrator.transfers()) {
      const item = await core.mirror.byContent(contentId)
      const path = item === undefined ? undefined : await this.paths.of(item.ino)
      if (path !== undefined) transfers.push({ direction: 'download', path, doneBytes, totalBytes: sizeBytes })
    }
    for (const ino of core.upload.uploading()) {
      const item = await core.mirror.get(ino)
      if (item !== undefined) transfers.push({ direction: 'upload', path: await this.paths.describe(item), doneBytes: 0, totalBytes: item.sizeBytes })
    }
    return transfers
  }

  async #problems(): Promise<readonly ProblemStatus[]> {
    const problems: ProblemStatus[] = []
    const { damage } = this.#o.core.databaseCheck
    if (damage !== undefined) problems.push(standing(null, { code: damage.error.code, text: damage.error.message, sinceMs: damage.sinceMs }))
    const { accountTrouble } = this.#o.core.drive.rest
    if (accountTrouble !== undefined) problems.push(standing(null, accountTrouble))
    const { online, reason, sinceMs, trouble } = this.#o.core.drive.rest.state()
    const untrusted = online ? undefined : untrustedWords(reason)
    if (untrusted !== undefined) problems.push(standing(null, { code: 'offline', text: untrusted, sinceMs }))
    if (online && trouble !== undefined) problems.push(standing(null, { code: 'portal-error', ...trouble }))
    for (const entry of await this.#o.core.journal.entries()) {
      // The account's trouble is one problem with one next step, whatever it keeps from going on.
      if (entry.failure === null || entry.failure.code === accountTrouble?.code) continue
      const item = await this.#o.core.mirror.get(entry.ino)
      problems.push({
        path: item === undefined ? null : await this.paths.describe(item),
        code: entry.failure.code,
        message: entry.failure.text,
        since: new Date(entry.sinceMs).toISOString(),
        nextTry: entry.nextTryMs === 0 ? null : new Date(entry.nextTryMs).toISOString(),
      })
    }
    for (const [ino, { code, text, sinceMs, nextTryMs }] of this.#o.core.keeper.fetches.failures) {
      const path = await this.paths.of(ino)
      if (code === accountTrouble?.code || path === undefined) continue
      problems.push({ ...standing(path, { code, text, sinceMs }), nextTry: new Date(nextTryMs).toISOString() })
    }
    for (const [ino, problem] of this.#o.core.watch.problems()) {
      if (problem.code === accountTrouble?.code) continue
      problems.push(standing((await this.paths.of(ino)) ?? null, problem))
    }
    return problems
  }
}

/** What stands on a damaged page is left out: the damage is among the problems that are told. */
async function unlessDamaged<T>(reading: Promise<T>, otherwise: T): Promise<T> {
  try {
    return await reading
  } catch (error) {
    if (!hasCode(error, 'database-damaged')) throw error
    return otherwise
  }
}

/** A problem that nothing is tried against by itself. */
function standing(path: string | null, { code, text, sinceMs }: { readonly code: ErrorCode; readonly text: string; readonly sinceMs: number }): ProblemStatus {
  return { path, code, message: text, since: new Date(sinceMs).toISOString(), nextTry: null }
}
