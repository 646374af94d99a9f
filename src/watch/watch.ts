/**
 * Everything that goes from listings of the portal into the mirror: folders listed because somebody waits for them, and
 * changes made elsewhere. Owns no tables; decides by the table of bitrix24-desktop-sync.md section 11. What was changed
 * is reported through `onDelta` after the commit.
 */
import assert from 'node:assert'
import type { Clock } from '../base/clock.js'
import { errorCode, errorText, hasCode } from '../base/errors.js'
import type { Ino } from '../base/ids.js'
import type { Log } from '../base/log.js'
import type { ContentCache } from '../cache/content-cache.js'
import type { Drive, RemoteFile } from '../drive/drive.js'
import type { Journal } from '../journal/journal.js'
import type { MirrorDelta } from '../mirror/delta.js'
import type { Item } from '../mirror/item.js'
import type { Mirror } from '../mirror/mirror.js'
import type { Service } from '../base/service.js'
import type { Store } from '../store/store.js'
import { ConnectedFolders } from './connected-folders.js'
import { DemandLister } from './demand-lister.js'
import { FolderListing, type Stamp } from './folder-listing.js'
import { FullComparison, type Comparison } from './full-comparison.js'
import { FoldersInUse } from './folders-in-use.js'
import type { MovedItem } from './gone-items.js'
import { GoneRows } from './gone-rows.js'
import { HeldAbsences } from './held-absences.js'
import { HistoryDrop } from './history-drop.js'
import { HotFolders } from './hot-folders.js'
import { LargeFolders } from './large-folders.js'
import { ListingApplier } from './listing-applier.js'
import { ParentSweep } from './parent-sweep.js'
import { Reconciler } from './reconciler.js'
import { RecoveryFolder } from './recovery-folder.js'
import { RequestAllowance } from './request-allowance.js'
import { RollingFolders } from './rolling-folders.js'
import { RowChanges } from './row-changes.js'
import { Selection } from './selection.js'
import { Sweep } from './sweep.js'
import { Watcher } from './watcher.js'
import { WhereaboutsFinder } from './whereabouts.js'

export interface WatchOptions {
  readonly drive: Pick<Drive, 'account' | 'listPages' | 'itemStates' | 'restore'>
  readonly store: Store
  readonly mirror: Mirror
  readonly journal: Journal
  readonly cache: Pick<ContentCache, 'acquire' | 'drop' | 'isDirtyIn' | 'summary'>
  readonly clock: Clock
  readonly log: Log
  /** Name of this computer, for conflict names. */
  readonly host: string
  readonly onDelta: (deltas: readonly MirrorDelta[]) => void
}

const LISTING_DEADLINE_MS = 10_000 // a process that waits in OPENDIR cannot do anything else meanwhile

export class Watch implements Service {
  /** What the mass-deletion brake holds (6a.12). */
  readonly absences: HeldAbsences
  readonly selection: Selection
  readonly #o: WatchOptions
  readonly #reconciler: Reconciler
  readonly #changes: RowChanges
  readonly #applier: ListingApplier
  readonly #lister: DemandLister
  readonly #watcher: Watcher
  readonly #full: FullComparison
  readonly #finder: WhereaboutsFinder
  /** Carries out what a full synchronization has decided. */
  readonly history: HistoryDrop
  /** What others told and is being recorded. */
  readonly #applying = new Set<Promise<void>>()

  constructor(options: WatchOptions) {
    this.#o = options
    const changes = new RowChanges(options)
    const applier = new ListingApplier({ ...options, changes, onBlocked: (folder) => { this.#watcher.noteUse(folder) } })
    const allowance = new RequestAllowance(options.clock)
    const drive = allowance.counted(options.drive)
    const newStamp = (): Stamp => changes.newStamp()
    const newListing = (folder: Item, expectedItems: number): FolderListing => {
      assert(folder.base !== null, 'only folders of the portal are listed')
      return new FolderListing({ folder: folder.ino, remoteId: folder.base.realId, expectedItems, newStamp })
    }
    const gone = new GoneRows({ ...options, changes, recovery: new RecoveryFolder(options) })
    const finder = new WhereaboutsFinder({ ...options, drive, changes, applier })
    const absences = new HeldAbsences(options)
    const reconciler = new Reconciler({ ...options, drive, changes, applier, gone, absences, finder, connected: new ConnectedFolders(options) })
    this.absences = absences
    this.selection = new Selection({ ...options, changes, gone })
    this.#reconciler = reconciler
    this.#finder = finder
    this.#full = new FullComparison({ ...options, drive, newListing })
    this.history = new HistoryDrop({ ...options, changes })
    this.#changes = changes
    this.#applier = applier
    this.#lister = new DemandLister({
      ...options,
      drive,
      newListing,
      // Who waits for a folder gets it while the watch is held, but nothing goes: whoever holds it decides what becomes of that.
      apply: async (listed) => {
        await reconciler.reconcile([this.isHeld ? { ...listed, complete: false } : listed], [], { priority: 'listing' })
      },
      suspect: async (folder) => {
        await reconciler.reconcile([], [folder], { priority: 'listing' })
      },
    })
    const sweep = new Sweep({ ...options, drive, reconciler, newListing })
    const inUse = new FoldersInUse(options.clock)
    const rolling = new RollingFolders(options)
    this.#watcher = new Watcher({
      ...options,
      drive,
      allowance,
      newListing,
      inUse,
      sweep,
      rolling,
      hurried: new RequestAllowance(options.clock),
      hot: new HotFolders({ ...options, drive, inUse, sweep, newListing, newStamp, large: new LargeFolders({ ...options, applier }) }),
      parents: new ParentSweep({ ...options, drive, rolling }),
    })
  }

  /** See DemandLister: resolves when the folder's children are in the mirror. */
  ensureListed(folder: Ino, signal: AbortSignal, deadlineMs = LISTING_DEADLINE_MS): Promise<void> {
    return this.#lister.ensureListed(folder, signal, deadlineMs)
  }

  /** Somebody works in the folder: it is looked at often for a while. */
  noteUse(folder: Ino): void {
    this.#watcher.noteUse(folder)
  }

  /** Everything listed is listed again now; resolves when that is applied. Throws as Watcher.syncAll. */
  syncAll(signal: AbortSignal): Promise<void> {
    return this.#watcher.syncAll(signal)
  }

  /** These are listed again now, as far as they were listed before. Throws as `syncAll`. */
  lookAt(folders: readonly Ino[], signal: AbortSignal): Promise<void> {
    return this.#watcher.syncFolders(folders, signal)
  }

  /** Nothing is looked for from when it resolves until the answer is called. */
  hold(signal: AbortSignal): Promise<() => void> {
    return this.#watcher.hold(signal)
  }

  /** Whether `lookAt` would wait for it. */
  get isHeld(): boolean {
    return this.#watcher.isHeld
  }

  /** See FullComparison: both sides as they are, history left out. Changes nothing. */
  compare(made: readonly Item[], signal: AbortSignal): Promise<Comparison> {
    return this.#full.compare(made, signal)
  }

  /** What a comparison has found in another folder goes there (C10). */
  async follow(moved: readonly MovedItem[], signal: AbortSignal): Promise<void> {
    if (moved.length === 0) return
    const stamp = this.#changes.newStamp()
    const places = await this.#finder.find(moved.map(({ parentId }) => parentId), { priority: 'listing', signal })
    for (const { item, parentId } of moved) {
      const place = places.get(parentId)
      if (place?.kind === 'in') await this.#applier.apply(place.folder, [item], { stamp, listed: false })
    }
  }

  /** Lists the folders again in which something not sent had the name of an item of the portal. Answers whether that is so in fewer of them now. */
  async lookAtBlocked(signal: AbortSignal): Promise<boolean> {
    const { blocked } = this.#applier
    const before = blocked.size
    if (before > 0) await this.#watcher.syncFolders([...blocked], signal)
    return blocked.size < before
  }

  /** What the brake holds goes here after all: now, or where the portal cannot be asked once more, with the next look. Answers how many items that are. */
  async allowAbsences(): Promise<number> {
    const { inos, items } = await this.absences.allow()
    try {
      if (inos.length > 0) await this.#reconciler.reconcile([], inos, { priority: 'listing' })
    } catch (error) {
      if (!hasCode(error, 'offline')) throw error
      this.#o.log.info({ items }, 'the portal cannot be asked now: what was allowed goes with the next look')
    }
    return items
  }

  /** While paused nothing is looked for; afterwards everything is (C14: what was deleted meanwhile goes here too). Who waits for a folder gets it. */
  setPaused(paused: boolean): void {
    this.#watcher.setPaused(paused)
  }

  setOnline(online: boolean): void {
    this.#watcher.setOnline(online)
  }

  /** When the portal was last looked at with success, ISO 8601. */
  lastSync(): Promise<string | undefined> {
    return this.#watcher.lastSync()
  }

  /** Folders whose last listing failed for them alone. */
  problems(): ReturnType<DemandLister['problems']> {
    return this.#lister.problems()
  }

  /** Somebody met a newer version of a file than the mirror knows. */
  remoteMoved(file: RemoteFile): void {
    const applying = this.#applier.applyFile(file, this.#changes.newStamp()).catch((error: unknown) => {
      this.#o.log.error({ id: file.id, code: errorCode(error), error: errorText(error) }, 'a newer version of a file could not be recorded')
    })
    this.#applying.add(applying)
    void applying.finally(() => this.#applying.delete(applying))
  }

  start(): void {
    this.#watcher.start()
    this.selection.start()
  }

  async stop(): Promise<void> {
    await this.#watcher.stop()
    await this.#lister.stop()
    await this.selection.stop()
    await Promise.all(this.#applying)
  }
}
