/**
 * A portal and a computer with the real layers below `upload`: drive, store, mirror, journal, cache. The computer can be
 * switched off at any moment and on again with what its files hold. The mount is imitated by `LocalFiles`.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { ROOT_INO, type Ino } from '../../src/base/ids.js'
import { silentLog } from '../../src/base/log.js'
import { seededRandom, systemRandom } from '../../src/base/random.js'
import { systemClock } from '../../src/base/clock.js'
import { BRAKE_SCHEMA } from '../../src/brake/brake-rows.js'
import { ContentCache } from '../../src/cache/content-cache.js'
import { CACHE_SCHEMA } from '../../src/cache/schema.js'
import { createDrive, type OpenDrive } from '../../src/drive/create-drive.js'
import type { Drive, RemoteItem } from '../../src/drive/drive.js'
import { Journal, JOURNAL_SCHEMA } from '../../src/journal/journal.js'
import { countItems } from '../../src/mirror/counts.js'
import type { MirrorDelta } from '../../src/mirror/delta.js'
import { shownName } from '../../src/mirror/item.js'
import { Mirror } from '../../src/mirror/mirror.js'
import { MIRROR_SCHEMA } from '../../src/mirror/schema.js'
import { startPortal, type PortalOptions, type RunningPortal } from '../../src/portal/portal.js'
import { Store } from '../../src/store/store.js'
import type { UploadNotice } from '../../src/upload/notices.js'
import type { Writers } from '../../src/upload/plan-view.js'
import { Upload } from '../../src/upload/upload.js'
import { withPortalTraits } from '../support/portal-traits.js'
import { BreakingDrive, type Crash } from './breaking-drive.js'
import { HurriedClock } from './hurried-clock.js'
import { SimulatedClock } from './simulated-clock.js'
import { LocalFiles } from './local-files.js'

export interface TreeRow {
  readonly path: string
  readonly id: string
  readonly type: string
  readonly size: number
  readonly sha256?: string
  readonly version: number
  readonly storage: string
}

interface Loaded {
  readonly store: Store
  readonly mirror: Mirror
  readonly journal: Journal
  readonly cache: ContentCache
  readonly upload: Upload
  readonly files: LocalFiles
  readonly breaking: BreakingDrive
}

const CALL = { priority: 'interactive' } as const

export class World {
  readonly portal: RunningPortal
  readonly open: OpenDrive
  readonly #directory: string
  readonly #userId: string
  readonly clock: HurriedClock | SimulatedClock
  readonly deltas: MirrorDelta[] = []
  readonly notices: UploadNotice[] = []
  /** Codes of what could not be sent at once. */
  readonly failed: string[] = []
  readonly writers = new Map<Ino, Writers>()
  maxVersionSizeBytes = 1_000_000
  uploadDelayMs = 3_000
  bootId = 'boot-1'
  #loaded: Loaded | undefined

  private constructor(portal: RunningPortal, open: OpenDrive, directory: string, userId: string, clock: HurriedClock | SimulatedClock) {
    this.portal = portal
    this.clock = clock
    this.open = open
    this.#directory = directory
    this.#userId = userId
  }

  /** `rates`: as fast as the portal's plan allows, on a clock that both sides share; otherwise nothing limits. */
  static async make(test: Test, options: PortalOptions = {}, { rates = false } = {}): Promise<World> {
    const directory = await mkdtemp(join(tmpdir(), 'elastic-upload-'))
    test.teardown(() => rm(directory, { recursive: true, force: true }))
    const clock = rates ? new SimulatedClock() : new HurriedClock()
    if (clock instanceof SimulatedClock) test.teardown(() => { clock.close() })
    // One time for both, however fast it goes; what the portal does itself takes the time it takes.
    const portal = await startPortal({ seed: 'empty', ...withPortalTraits(options), clock: { ...systemClock, nowMs: () => clock.nowMs(), ...(rates ? { monotonicMs: () => clock.monotonicMs() } : {}) } })
    test.teardown(() => portal.close())
    const open = createDrive({
      webhook: portal.webhook, runtimeDirectory: join(directory, 'run'), clock: clock instanceof SimulatedClock ? clock.ofConnections : systemClock, random: systemRandom, log: silentLog,
      stallDeadlineMs: () => 20_000, environment: {},
    })
    test.teardown(() => open.close())
    if (!rates) await open.rest.setPlan({ capacity: 1e9, perSecond: 1e9 })
    const world = new World(portal, open, directory, (await open.drive.account(CALL)).userId, clock)
    if (!rates) await world.hook('limits', { burst: 1e9, perSecond: 1e9 })
    test.teardown(() => world.off())
    return world
  }

  get drive(): Drive {
    return this.open.drive
  }

  get on(): Loaded {
    if (this.#loaded === undefined) throw new Error('the computer is off')
    return this.#loaded
  }

  get files(): LocalFiles {
    return this.on.files
  }

  get upload(): Upload {
    return this.on.upload
  }

  /** Switches the computer on; the mirror knows what the portal has at the first time. */
  async boot(crash: Crash = { at: -1, when: 'before' }): Promise<void> {
    const store = await Store.open(join(this.#directory, 'db'), [MIRROR_SCHEMA, JOURNAL_SCHEMA, CACHE_SCHEMA, BRAKE_SCHEMA])
    const mirror = new Mirror(store)
    let upload: Upload | undefined = undefined
    const journal: Journal = new Journal(store, () => upload?.wake())
    const cache = await ContentCache.open({
      directory: join(this.#directory, 'cache'), store, clock: systemClock, log: silentLog, bootId: this.bootId, limitBytes: 1e9, freeSpaceFloorBytes: 0,
    })
    const breaking = new BreakingDrive(this.drive, crash)
    upload = new Upload({
      drive: breaking.drive, store, mirror, journal, cache, clock: this.clock, random: seededRandom(1), log: { ...silentLog, info: (fields) => { if ('code' in fields) this.failed.push(String(fields.code)) } },
      host: 'ada', userId: this.#userId,
      uploadDelayMs: () => this.uploadDelayMs,
      writers: (ino) => this.writers.get(ino) ?? { open: false, lastFlushMs: null },
      onDelta: (deltas) => this.deltas.push(...deltas),
      onNotice: (notice) => this.notices.push(notice),
      maxVersionSizeBytes: this.maxVersionSizeBytes,
    })
    const files = new LocalFiles({ store, mirror, journal, cache, clock: this.clock, uploadDelayMs: () => this.uploadDelayMs })
    this.#loaded = { store, mirror, journal, cache, upload, files, breaking }
    if ((await countItems(store.read)) === 0) await this.learn()
  }

  /** Off, as by kill -9: what was committed stays. */
  async off(): Promise<void> {
    const loaded = this.#loaded
    this.#loaded = undefined
    if (loaded === undefined) return
    await loaded.upload.stop()
    await loaded.breaking.quiet()
    await loaded.cache.close()
    await loaded.store.close()
  }

  async reboot(crash?: Crash): Promise<void> {
    await this.off()
    await this.boot(...(crash === undefined ? [] : [crash]))
  }

  /** Lists the whole drive into the mirror: what it does not know gets a row. Changes of known items are left alone. */
  async learn(): Promise<void> {
    const { store, mirror } = this.on
    const storage = await this.drive.ownStorage(this.#userId, CALL)
    const root = await this.drive.getFolder(storage.rootId, CALL)
    await store.transact((tx) => mirror.ensureRoot(tx, root))
    const folders: Ino[] = [ROOT_INO]
    for (let ino = folders.pop(); ino !== undefined; ino = folders.pop()) {
      const folder = (await mirror.get(ino))!
      const found: RemoteItem[] = []
      for (let start: number | undefined = 0; start !== undefined; ) {
        const [page] = await this.drive.listPages([{ folderId: folder.base!.realId, start, order: 'id' }], CALL)
        if (page?.ok !== true) throw new Error('no listing')
        found.push(...page.value.items)
        start = page.value.next
      }
      await store.transact(async (tx) => {
        for (const remote of found) {
          const known = await mirror.byRemoteId(remote.id, tx)
          if (known === undefined) await mirror.insertRemote(tx, ino, shownName(remote.name, remote.id), remote)
        }
        await mirror.update(tx, await mirror.needIn(tx, ino), { listedMs: this.clock.nowMs() })
      })
      for (const child of await mirror.baseChildrenIn(store.read, ino)) if (child.kind === 'folder' && !child.deleted) folders.push(child.ino)
    }
  }

  /** Everything goes to the portal; fails when that takes too long. */
  async sync(patienceMs = 30_000): Promise<void> {
    this.upload.start()
    await this.upload.waitUntilIdle(AbortSignal.timeout(patienceMs))
  }

  /** Looks whenever the uploader comes to rest, or begins to wait for anything else. */
  async until(condition: () => Promise<boolean>): Promise<void> {
    const { clock } = this
    if (!(clock instanceof HurriedClock)) throw new Error('a world at the portal\'s rate has no rests')
    for (;;) {
      const rest = new Promise<void>((resolve) => {
        clock.onRest = resolve
      })
      if (await condition()) return
      await rest
    }
  }

  async hook(name: string, order?: object, method = order === undefined ? 'GET' : 'POST'): Promise<unknown> {
    const response = await fetch(`${this.portal.hooks}/${name}`, { method, ...(order === undefined ? {} : { body: JSON.stringify(order) }) })
    if (response.status !== 200) throw new Error(`${name}: ${response.status} ${await response.text()}`)
    return response.json()
  }

  /** Somebody works on the web. */
  async act(op: string, fields: object = {}, as = 'colleague'): Promise<{ readonly id: string }> {
    return (await this.hook('act', { as, op, ...fields })) as { id: string }
  }

  async fault(method: string, kind: string, fields: object = {}): Promise<void> {
    await this.hook('faults', { method, kind, ...fields })
  }

  /** What the portal has, by path in the owner's drive. */
  async tree(): Promise<ReadonlyMap<string, TreeRow>> {
    const rows = (await this.hook('tree')) as readonly TreeRow[]
    return new Map(rows.filter(({ storage, path }) => storage === this.portal.storageId && path !== '').map((row) => [row.path, row]))
  }

  async paths(): Promise<readonly string[]> {
    return [...(await this.tree()).keys()].sort()
  }

  /** The id of the company's drive. */
  async commonDrive(): Promise<string> {
    const response = await fetch(`${this.portal.webhook}disk.storage.getlist`)
    const { result } = (await response.json()) as { result: { ID: unknown; ENTITY_TYPE: string }[] }
    return String(result.find(({ ENTITY_TYPE }) => ENTITY_TYPE === 'common')!.ID)
  }

  async content(path: string): Promise<string> {
    const row = (await this.tree()).get(path)
    if (row === undefined) throw new Error(`the portal has no ${path}`)
    const file = await this.drive.getFile(row.id as never, CALL)
    const pieces: Uint8Array[] = []
    for await (const piece of (await this.drive.download(file, undefined, CALL)).body) pieces.push(piece)
    return Buffer.concat(pieces).toString()
  }

  /** How often each method was called since the last look, and every name that was sent. */
  async requests(): Promise<{ readonly methods: Readonly<Record<string, number>>; readonly log: string }> {
    const report = (await this.hook('requests')) as { methods: Record<string, number>; log: unknown }
    await this.hook('requests', undefined, 'DELETE')
    return { methods: report.methods, log: JSON.stringify(report.log) }
  }
}

/** The conflict copy of `name` among `paths`. */
export function forkNameOf(paths: readonly string[], name: string): string {
  const stem = name.replace(/\.[^.]*$/, '')
  const found = paths.filter((path) => path.startsWith(`${stem} (conflict ada `) && !path.includes('/'))
  if (found.length !== 1 || found[0] === undefined) throw new Error(`${found.length} conflict copies of ${name}: ${paths.join(', ')}`)
  return found[0]
}
