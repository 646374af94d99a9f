/**
 * The composition of one profile's drive, without a mount and without doors: database, caches, portal, hydrator, uploader,
 * watcher and the virtual drive on top. The one place where these are constructed and tied together; stopped in the
 * opposite order, everything awaited.
 */
import { hostname } from 'node:os'
import type { Clock } from '../base/clock.js'
import type { DriveError } from '../base/errors.js'
import { ROOT_INO, type Ino } from '../base/ids.js'
import type { Log } from '../base/log.js'
import { namePatterns } from '../base/names.js'
import type { Random } from '../base/random.js'
import { ContentCache } from '../cache/content-cache.js'
import { createDrive, type DriveAccess, type OpenDrive } from '../drive/create-drive.js'
import { AnswerFeed } from '../fs/answer-feed.js'
import { AttributesOf } from '../fs/attributes.js'
import { ConflictResolver } from '../fs/conflict-resolver.js'
import { DirectOpens } from '../fs/direct-opens.js'
import { Directories } from '../fs/directories.js'
import { DriveFileSystem } from '../fs/drive-file-system.js'
import { Entries } from '../fs/entries.js'
import { ExtendedAttributes } from '../fs/extended-attributes.js'
import { FileWrites } from '../fs/file-writes.js'
import { Handles } from '../fs/handles.js'
import { stateWord, type ItemStateWord } from '../fs/item-state.js'
import { Keeper } from '../fs/keeper.js'
import { KernelNews } from '../fs/kernel-news.js'
import { Namespace } from '../fs/namespace.js'
import { NodeTable } from '../fs/nodes.js'
import { OrphanKeeper } from '../fs/orphan-keeper.js'
import type { KernelAnswers } from '../fs/kernel-answers.js'
import type { KernelFiles } from '../fs/kernel-files.js'
import type { KernelNotices } from '../fs/operations.js'
import { isPreviewReader } from '../fs/preview-readers.js'
import { ReadAgain } from '../fs/read-again.js'
import { StorageConnections } from '../fs/storage-connections.js'
import { webPage } from '../fs/web-page.js'
import { TrashDoor } from '../fs/trash-door.js'
import { Hydrator } from '../hydrate/hydrator.js'
import { Journal } from '../journal/journal.js'
import { restoreConnections } from '../mirror/connected-rows.js'
import { readConflictsOf } from '../mirror/conflicts.js'
import type { MirrorDelta, Place } from '../mirror/delta.js'
import type { Item } from '../mirror/item.js'
import { Mirror } from '../mirror/mirror.js'
import { Store } from '../store/store.js'
import { requeueUnsent } from '../upload/requeue.js'
import { Upload } from '../upload/upload.js'
import { Watch } from '../watch/watch.js'
import { Connectivity } from './connectivity.js'
import { DatabaseCheck } from './database-check.js'
import { FullSync } from './full-sync.js'
import { refuseLostDatabase } from './lost-database.js'
import type { ProfilePaths } from './paths.js'
import type { Profile } from './profile.js'
import { RecentNotices } from './recent-notices.js'
import { rootFolderOf } from './root-folder.js'
import { SCHEMAS } from './schemas.js'
import { tearDown } from './tear-down.js'
import type { Settings } from './settings.js'

export interface DriveCoreOptions {
  readonly paths: ProfilePaths
  readonly profile: Profile
  readonly access: DriveAccess
  /** Nothing is changed on the portal: what waits to be sent stays. */
  readonly readOnly: boolean
  /** What is known of the portal from before. */
  readonly servesRanges: boolean | undefined
  /** Asked at each use, so that a changed setting works at once. */
  readonly settings: () => Settings
  /** Differs after each boot of the machine. */
  readonly bootId: string
  readonly notices: KernelNotices
  readonly answers: KernelAnswers
  readonly files: KernelFiles
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly environment: Readonly<Record<string, string | undefined>>
}

const PAUSED_FACT = 'paused'
const DATABASE_RESERVE_BYTES = 32 * 1024 * 1024 // a write-ahead log of 8 MB, its checkpoint, and room for a bad day

export class DriveCore {
  readonly store: Store
  readonly cache: ContentCache
  readonly mirror: Mirror
  readonly journal: Journal
  readonly drive: OpenDrive
  readonly hydrator: Hydrator
  readonly upload: Upload
  readonly watch: Watch
  readonly keeper: Keeper
  readonly conflicts: ConflictResolver
  readonly connections: StorageConnections
  readonly fileSystem: DriveFileSystem
  readonly databaseCheck: DatabaseCheck
  readonly fullSync: FullSync
  readonly notices: RecentNotices
  readonly #options: DriveCoreOptions
  readonly #connectivity: Connectivity
  readonly #attributes: AttributesOf
  readonly #direct: DirectOpens
  readonly #news: KernelNews
  readonly #handles = new Handles()
  #paused = false

  /** Opens everything; nothing runs before `start`. 'database-damaged', 'database-newer', 'disk-full'. */
  static async open(options: DriveCoreOptions): Promise<DriveCore> {
    const { paths, profile, clock, log, bootId } = options
    const check = new DatabaseCheck({ store: () => store, clock, log })
    const onDamage = (error: DriveError): void => {
      check.met(error)
    }
    await refuseLostDatabase(paths)
    const store = await Store.open(paths.databasePath, SCHEMAS, { bootId, onDamage })
    try {
      const settings = options.settings()
      const cache = await ContentCache.open({
        directory: paths.contentDirectory,
        store,
        clock,
        log,
        bootId,
        limitBytes: settings.cacheLimit,
        freeSpaceFloorBytes: floorBytes(settings),
        lender: options.files,
      })
      const mirror = new Mirror(store)
      await store.transact(async (tx) => {
        if ((await mirror.getIn(tx, ROOT_INO)) !== undefined) return
        await mirror.ensureRoot(tx, rootFolderOf(profile))
        await restoreConnections(mirror, tx, profile.connections ?? [])
      })
      const core = new DriveCore(options, { store, cache, mirror, check })
      const missing = await requeueUnsent({ store, mirror, journal: core.journal, cache, clock })
      if (missing > 0) log.info({ missing }, 'unsent edits of a daemon that crashed are queued again')
      await core.#direct.recover()
      await core.fullSync.finish()
      core.#applyPaused((await mirror.fact(PAUSED_FACT)) === '1')
      return core
    } catch (error) {
      await store.close()
      throw error
    }
  }

  private constructor(options: DriveCoreOptions, { store, cache, mirror, check }: { store: Store; cache: ContentCache; mirror: Mirror; check: DatabaseCheck }) {
    const { paths, profile, clock, random, log, notices } = options
    const uploadDelayMs = (): number => options.settings().uploadDelay * 1_000
    const stallDeadlineMs = (): number => options.settings().stallDeadline * 1_000
    const uid = process.getuid?.() ?? 0
    const gid = process.getgid?.() ?? 0
    this.#options = options
    this.store = store
    this.cache = cache
    this.mirror = mirror
    this.databaseCheck = check
    this.notices = new RecentNotices(options)
    this.journal = new Journal(store, () => {
      this.upload.wakeSoon()
    })
    this.drive = createDrive({
      ...options.access,
      runtimeDirectory: paths.sharedRuntimeDirectory,
      clock,
      random,
      log,
      stallDeadlineMs,
      servesRanges: options.servesRanges,
      environment: options.environment,
      downloadLimit: () => options.settings().downloadLimit ?? undefined,
      uploadLimit: () => options.settings().uploadLimit ?? undefined,
    })
    const { drive } = this.drive
    const handles = this.#handles
    const nodes = new NodeTable()
    const onDelta = (deltas: readonly MirrorDelta[]): void => {
      this.#follow(deltas)
    }
    this.watch = new Watch({ drive, store, mirror, journal: this.journal, cache, clock, log, host: hostname(), onDelta })
    this.hydrator = new Hydrator({
      drive,
      cache,
      mirror,
      store,
      clock,
      log,
      stallDeadlineMs,
      onVersionMoved: (remote) => {
        this.watch.remoteMoved(remote)
      },
      isPaused: () => this.#paused,
    })
    this.upload = new Upload({
      drive,
      store,
      mirror,
      journal: this.journal,
      cache,
      clock,
      random,
      log,
      host: hostname(),
      userId: profile.userId,
      uploadDelayMs,
      onNotice: (notice) => {
        this.notices.add(notice)
      },
      writers: (ino) => ({ open: (handles.peekState(ino)?.writers ?? 0) > 0, lastFlushMs: handles.peekState(ino)?.lastFlushMs ?? null }),
      onDelta,
    })
    this.fullSync = new FullSync({ store, mirror, journal: this.journal, watch: this.watch, upload: this.upload, log })
    this.#news = new KernelNews(nodes, notices)
    this.keeper = new Keeper({
      store, mirror, cache, hydrator: this.hydrator, watch: this.watch, clock, log,
      onPresence: (item) => {
        this.#news.attributesChanged(item)
      },
      letGoOfClosed: () => this.#direct.letGo(),
      isPaused: () => this.#paused,
    })
    this.#connectivity = new Connectivity({
      rest: this.drive.rest,
      clock,
      log,
      onChange: (online) => {
        this.#onlineChanged(online)
      },
    })
    const onSettled = (): void => {
      this.upload.wakeSoon()
    }
    const namespace = new Namespace({
      store,
      mirror,
      journal: this.journal,
      cache,
      nodes,
      clock,
      uploadDelayMs,
      isLocalOnlyName: (name) => namePatterns(options.settings().localOnlyNames)(name),
    })
    const orphans = new OrphanKeeper({ store, mirror, cache, namespace, clock, log, host: hostname(), onDelta })
    const writes = new FileWrites({ store, mirror, journal: this.journal, hydrator: this.hydrator, handles, files: options.files, orphans, clock, log, cacheDirectory: paths.contentDirectory, uploadDelayMs, onSettled })
    this.#direct = new DirectOpens({ store, mirror, cache, files: options.files, writes, clock, log, onSettled })
    this.conflicts = new ConflictResolver({ store, mirror, cache, hydrator: this.hydrator, watch: this.watch, namespace, handles, letGoOfClosed: () => this.#direct.letGo(), onDelta })
    this.connections = new StorageConnections({ store, mirror, journal: this.journal, cache, namespace, upload: this.upload, watch: this.watch, letGoOfClosed: () => this.#direct.letGo(), onDelta })
    this.#attributes = new AttributesOf({ cache, handles, uid, gid })
    const feed = new AnswerFeed({ answers: options.answers, mirror, attributes: this.#attributes, handles, log })
    const directories = new Directories(mirror)
    cache.onPresence((id) => {
      feed.contentChanged(id)
    })
    this.fileSystem = new DriveFileSystem({
      store,
      mirror,
      cache,
      hydrator: this.hydrator,
      watch: this.watch,
      nodes,
      handles,
      attributes: this.#attributes,
      feed,
      files: options.files,
      entries: new Entries({ mirror, attributes: this.#attributes, directories, feed }),
      directories,
      namespace,
      trash: new TrashDoor({ store, mirror, cache, drive, watch: this.watch }),
      writes,
      again: new ReadAgain(clock),
      direct: this.#direct,
      xattrs: new ExtendedAttributes({
        store,
        mirror,
        stateOf: (item) => this.stateOf(item),
        urlOf: (item, signal) => webPage({ drive: this.drive.drive, clock }, item, signal),
        setPinned: (item, pinned) => (pinned ? this.keeper.pin(item) : this.keeper.unpin(item)),
      }),
      clock,
      uid,
      gid,
      cacheDirectory: paths.contentDirectory,
      onRenamed: (before, to) => {
        this.#renamed(before, to)
      },
      onSettled,
      isPreviewReader,
    })
  }

  start(): void {
    this.#connectivity.start()
    this.upload.start()
    this.watch.start()
    this.keeper.start()
    this.databaseCheck.start()
  }

  /** After the mount is gone: lets open files go, ends every loop, closes the portal and the database. A failure of one does not keep the others. */
  async stop(): Promise<void> {
    await tearDown([
      () => this.databaseCheck.stop(),
      () => this.fileSystem.closeAll(),
      () => this.keeper.stop(),
      () => this.watch.stop(),
      () => this.upload.stop(),
      () => this.#connectivity.stop(),
      () => this.hydrator.stop(),
      () => this.drive.close(),
      () => this.cache.close(),
      () => this.store.close(),
    ])
  }

  get profile(): Profile {
    return this.#options.profile
  }

  get isPaused(): boolean {
    return this.#paused
  }

  get isReadOnly(): boolean {
    return this.#options.readOnly
  }

  get isOnline(): boolean {
    return this.drive.rest.state().online
  }

  /** Kept over a restart: who paused on the train wants no traffic after waking the machine. */
  async setPaused(paused: boolean): Promise<void> {
    await this.store.transact((tx) => this.mirror.setFact(tx, PAUSED_FACT, paused ? '1' : '0'))
    this.#applyPaused(paused)
  }

  settingsChanged(): void {
    const { cacheLimit } = this.#options.settings()
    this.cache.setLimits({ limitBytes: cacheLimit, freeSpaceFloorBytes: floorBytes(this.#options.settings()) })
  }

  async stateOf(item: Item): Promise<ItemStateWord> {
    const facts = item.contentId === null ? undefined : (await this.#attributes.facts([item])).get(item.contentId)
    const conflict = (await this.journal.get(item.ino))?.failure?.code === 'conflict' || (await readConflictsOf(this.store.read, item.ino)).length > 0
    return stateWord(item, facts, { uploading: this.upload.uploading().has(item.ino), conflict })
  }

  /** How many bytes of the item are on this disk. */
  async presentBytes(item: Item): Promise<number> {
    if (item.contentId === null) return 0
    return (await this.#attributes.facts([item])).get(item.contentId)?.presentBytes ?? 0
  }

  /** Items that a program may write to. */
  openForWriting(): readonly Ino[] {
    return this.#handles.files().flatMap(({ flags, node }) => (flags.write ? [node.ino] : []))
  }

  /** Files that were closed a moment ago are synced and looked at now. */
  letGoOfClosed(): Promise<void> {
    return this.#direct.letGo()
  }

  #applyPaused(paused: boolean): void {
    const resumes = this.#paused && !paused
    this.#paused = paused
    // Who waits in a read or for a listing goes on; nobody waits for these.
    this.drive.rest.setPaused(paused, ['upload', 'background'])
    this.upload.setPaused(paused || this.isReadOnly)
    this.hydrator.pauseChanged()
    this.watch.setPaused(paused)
    if (resumes) this.keeper.hurry()
  }

  #onlineChanged(online: boolean): void {
    this.#options.log.info({ online }, online ? 'the portal is reachable' : 'the portal is not reachable')
    this.upload.setOnline(online)
    this.watch.setOnline(online)
    if (online) this.keeper.hurry()
  }

  #renamed(item: Item, to: Place): void {
    if (item.parent !== null) this.#news.renamed({ parent: item.parent, name: item.name }, to)
    // The bytes of a placeholder may be wanted soon (R7).
    if (item.kind === 'file' && this.#options.settings().hydrateOnRename && item.base !== null && !item.localOnly) this.keeper.fetches.wish(item.ino)
  }

  #follow(deltas: readonly MirrorDelta[]): void {
    this.#news.tell(deltas)
    this.keeper.follow(deltas)
  }
}

/** A disk filled to the last byte could not even record a deletion, so some of it stays for the database. */
function floorBytes({ freeSpaceFloor }: Settings): number {
  return Math.max(freeSpaceFloor, DATABASE_RESERVE_BYTES)
}
