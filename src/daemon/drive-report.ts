/** What `status` tells: of the whole drive, and of single paths. Reads only; asks the portal nothing. */
import { DriveError, errorCode, errorText } from '../base/errors.js'
import type { DriveStatus, EngineStatus, ItemStatus, PathStatus, ProblemStatus, TransferStatus, UnsentItem } from '../control/commands.js'
import type { Item } from '../mirror/item.js'
import type { DriveCore } from './drive-core.js'
import { LocalPaths } from './local-paths.js'
import type { Profile } from './profile.js'

export interface ReportOptions {
  readonly core: DriveCore
  readonly profileName: string
  readonly profile: Profile
  readonly engine: EngineStatus
  readonly readOnly: boolean
}

const MOST_NAMED = 1_000

export class DriveReport {
  readonly #o: ReportOptions
  readonly paths: LocalPaths

  constructor(options: ReportOptions) {
    this.#o = options
    this.paths = new LocalPaths(options.profile.folder, options.core.mirror)
  }

  async drive(): Promise<DriveStatus> {
    const { core, profile, profileName, engine, readOnly } = this.#o
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
      transfers: await this.#transfers(),
      cache: core.cache.usage(),
      lastSync: (await core.watch.lastSync()) ?? null,
      errors: await this.#problems(),
      budget: { used: budget.used, capacity: budget.capacity, perSecond: budget.perSecond, limited: budget.limited, counted: budget.counted },
    }
  }

  async path(path: string): Promise<PathStatus> {
    try {
      const item = await this.item(path)
      return await this.#itemStatus(path, item)
    } catch (error) {
      return { path, error: { code: errorCode(error), message: errorText(error) } }
    }
  }

  /** 'not-found' for a path that is not known here. */
  async item(path: string): Promise<Item> {
    const item = await this.#o.core.mirror.find(this.paths.names(path))
    if (item === undefined) throw new DriveError('not-found', `there is no ${path}`)
    return item
  }

  /** What the portal does not have yet, named. */
  async unsent(): Promise<readonly UnsentItem[]> {
    const named: UnsentItem[] = []
    for (const { ino } of (await this.#o.core.journal.entries()).slice(0, MOST_NAMED)) {
      const item = await this.#o.core.mirror.get(ino)
      if (item !== undefined) named.push({ path: await this.paths.describe(item), bytes: item.kind === 'file' ? item.sizeBytes : 0 })
    }
    return named
  }

  async #itemStatus(path: string, item: Item): Promise<ItemStatus> {
    const { core } = this.#o
    return {
      path,
      kind: item.kind,
      state: await core.stateOf(item),
      pinned: await core.keeper.isPinned(item.ino),
      id: item.base?.id ?? null,
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
    if (damage !== undefined) problems.push({ path: null, code: damage.error.code, message: damage.error.message, since: new Date(damage.sinceMs).toISOString(), nextTry: null })
    for (const entry of await this.#o.core.journal.entries()) {
      if (entry.failure === null) continue
      const item = await this.#o.core.mirror.get(entry.ino)
      problems.push({
        path: item === undefined ? null : await this.paths.describe(item),
        code: entry.failure.code,
        message: entry.failure.text,
        since: new Date(entry.sinceMs).toISOString(),
        nextTry: entry.nextTryMs === 0 ? null : new Date(entry.nextTryMs).toISOString(),
      })
    }
    for (const [ino, { code, text, sinceMs }] of this.#o.core.watch.problems()) {
      problems.push({ path: (await this.paths.of(ino)) ?? null, code, message: text, since: new Date(sinceMs).toISOString(), nextTry: null })
    }
    return problems
  }
}
