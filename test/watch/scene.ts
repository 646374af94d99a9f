/** A portal, the real client on it, and a mirror with all its tables: what a test of the watch speaks to. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { systemClock, type Clock } from '../../src/base/clock.js'
import { ROOT_INO, type Ino } from '../../src/base/ids.js'
import { silentLog } from '../../src/base/log.js'
import { systemRandom } from '../../src/base/random.js'
import { BRAKE_SCHEMA } from '../../src/brake/brake-rows.js'
import { ContentCache } from '../../src/cache/content-cache.js'
import { CACHE_SCHEMA } from '../../src/cache/schema.js'
import { createDrive } from '../../src/drive/create-drive.js'
import type { Drive } from '../../src/drive/drive.js'
import { Journal, JOURNAL_SCHEMA } from '../../src/journal/journal.js'
import type { MirrorDelta } from '../../src/mirror/delta.js'
import type { Item } from '../../src/mirror/item.js'
import { Mirror } from '../../src/mirror/mirror.js'
import { MIRROR_SCHEMA } from '../../src/mirror/schema.js'
import { startPortal, type PortalOptions, type RunningPortal } from '../../src/portal/portal.js'
import { Store } from '../../src/store/store.js'
import { Watch, type WatchOptions } from '../../src/watch/watch.js'
import { withPortalTraits } from '../support/portal-traits.js'

/** The storage that every seed has beside the two people's. */
export const COMPANY_DRIVE = '13'

export interface Traffic {
  readonly total: number
  readonly limited: number
  readonly methods: Readonly<Record<string, number>>
}

export interface TreeObject {
  readonly storage: string
  readonly path: string
  readonly id: string
  readonly type: string
}

export class Scene {
  readonly portal: RunningPortal
  readonly drive: Drive
  readonly store: Store
  readonly mirror: Mirror
  readonly journal: Journal
  readonly cache: ContentCache
  readonly deltas: MirrorDelta[] = []
  readonly watch: Watch
  /** For a test that waits for something to happen. */
  onDelta: (deltas: readonly MirrorDelta[]) => void = () => undefined
  readonly signal = new AbortController().signal

  /** What happens here while the answer of a listing is on its way. */
  onListed: () => Promise<void> = () => Promise.resolve()
  /** The same of an answer about single items. */
  onStates: () => Promise<void> = () => Promise.resolve()

  constructor(parts: { portal: RunningPortal; drive: Drive; store: Store; mirror: Mirror; journal: Journal; cache: ContentCache; clock: Clock; watchDrive: WatchOptions['drive'] | undefined }) {
    this.portal = parts.portal
    this.drive = parts.drive
    this.store = parts.store
    this.mirror = parts.mirror
    this.journal = parts.journal
    this.cache = parts.cache
    const drive: WatchOptions['drive'] = parts.watchDrive ?? {
      listPages: async (requests, call) => {
        const outcomes = await parts.drive.listPages(requests, call)
        await this.onListed()
        return outcomes
      },
      account: (call) => parts.drive.account(call),
      itemStates: async (ids, call) => {
        const states = await parts.drive.itemStates(ids, call)
        await this.onStates()
        return states
      },
      restore: (item, call) => parts.drive.restore(item, call),
    }
    this.watch = new Watch({ ...parts, drive, log: silentLog, host: 'laptop', onDelta: (deltas) => {
      this.deltas.push(...deltas)
      this.onDelta(deltas)
    } })
  }

  /** Kinds of what was reported; times of folders, which depend on the second, left out. */
  reported(): readonly MirrorDelta['kind'][] {
    return this.deltas.map(({ kind }) => kind).filter((kind) => kind !== 'attributes')
  }

  list(ino: Ino = ROOT_INO, deadlineMs?: number): Promise<void> {
    return this.watch.ensureListed(ino, this.signal, deadlineMs)
  }

  /** Lists the folders on the way and answers the item. */
  async item(path: string): Promise<Item> {
    let item = await this.mirror.get(ROOT_INO)
    for (const name of path.split('/').filter((part) => part !== '')) {
      await this.list(item!.ino)
      item = await this.mirror.child(item!.ino, name)
      if (item === undefined) throw new Error(`${path} is not in the mirror`)
    }
    return item!
  }

  /** The item as the mirror has it, without listing anything. */
  known(path: string): Promise<Item | undefined> {
    return this.mirror.find(path.split('/').filter((part) => part !== ''))
  }

  async names(path = ''): Promise<readonly string[]> {
    const folder = await this.known(path)
    return [...(await this.mirror.children(folder!.ino)).keys()].sort()
  }

  /** A file that was made here, empty; its entry in the journal is the caller's business. */
  fileHere(parent: Ino, name: string, localOnly = false): Promise<Ino> {
    return this.store.transact(async (tx) =>
      this.mirror.insertLocal(tx, { parent, name, kind: 'file', mode: 0o644, sizeBytes: 0, mtimeMs: 1, contentId: await this.cache.createLocal(tx), localOnly }),
    )
  }

  /** Bytes of a clean file, as a download would leave them. */
  async cacheBytes(path: string, bytes: Uint8Array): Promise<Item> {
    const item = await this.item(path)
    const origin = { fileId: item.base!.id, version: item.base!.version, blobId: item.base!.blobId }
    const id = await this.store.transact(async (tx) => {
      const contentId = await this.cache.createPlaceholder(tx, item.sizeBytes, origin)
      await this.mirror.update(tx, item, { contentId })
      return contentId
    })
    const content = await this.cache.acquire(id)
    await content.fill(0, bytes)
    await this.store.transact((tx) => content.persist(tx))
    await content.release()
    return (await this.mirror.get(item.ino))!
  }

  /** An edit that was closed but not sent. */
  async edit(path: string, bytes: Uint8Array): Promise<Item> {
    const item = await this.item(path)
    const whole = item.contentId === null ? await this.cacheBytes(path, new Uint8Array(item.sizeBytes)) : item
    const content = await this.cache.acquire(whole.contentId!)
    await this.store.transact((tx) => content.markDirty(tx))
    await content.truncate(0)
    await content.write(0, bytes)
    await this.store.transact(async (tx) => {
      await content.persist(tx)
      await this.mirror.update(tx, whole, { sizeBytes: bytes.length })
      await this.journal.touch(tx, whole.ino, 1, 1)
    })
    await content.release()
    return (await this.mirror.get(item.ino))!
  }

  async contentOf(item: Item): Promise<string> {
    const content = await this.cache.acquire(item.contentId!)
    try {
      return Buffer.from(await content.read(0, content.sizeBytes)).toString()
    } finally {
      await content.release()
    }
  }

  async hook<T = unknown>(name: string, order?: object, method = order === undefined ? 'GET' : 'POST'): Promise<T> {
    const response = await fetch(`${this.portal.hooks}/${name}`, order === undefined ? { method } : { method, body: JSON.stringify(order) })
    const text = await response.text()
    if (response.status !== 200) throw new Error(`${name}: ${response.status} ${text}`)
    return JSON.parse(text) as T
  }

  act(op: string, fields: object = {}): Promise<TreeObject> {
    return this.hook('act', { as: 'colleague', storage: this.portal.storageId, op, ...fields })
  }

  traffic(): Promise<Traffic> {
    return this.hook('requests')
  }

  async forgetTraffic(): Promise<void> {
    await this.hook('requests', undefined, 'DELETE')
  }
}

/** Nothing is listed yet; the root row stands. */
export async function setUp(test: Test, options: PortalOptions & { readonly keepLimits?: boolean; readonly watchClock?: Clock; readonly watchDrive?: WatchOptions['drive'] } = {}): Promise<Scene> {
  const { keepLimits, watchClock, watchDrive, ...portalOptions } = options
  const directory = await mkdtemp(join(tmpdir(), 'elastic-watch-'))
  const portal = await startPortal(withPortalTraits(portalOptions))
  const clock = watchClock ?? systemClock
  const open = createDrive({
    webhook: portal.webhook,
    runtimeDirectory: join(directory, 'run'),
    clock: { nowMs: () => clock.nowMs(), monotonicMs: () => clock.monotonicMs(), setTimer: (delayMs, callback) => systemClock.setTimer(delayMs, callback) }, // the budget follows a test's time
    random: systemRandom,
    log: silentLog,
    stallDeadlineMs: () => 5_000,
    environment: {},
  })
  const store = await Store.open(join(directory, 'db'), [MIRROR_SCHEMA, JOURNAL_SCHEMA, CACHE_SCHEMA, BRAKE_SCHEMA])
  const mirror = new Mirror(store)
  const journal = new Journal(store, () => undefined)
  const cache = await ContentCache.open({ directory: join(directory, 'cache'), store, clock: systemClock, log: silentLog, bootId: 'boot', limitBytes: 1e9, freeSpaceFloorBytes: 0 })
  const scene = new Scene({ portal, drive: open.drive, store, mirror, journal, cache, clock, watchDrive })
  test.teardown(async () => {
    await scene.watch.stop()
    await open.close()
    await portal.close()
    await cache.close()
    await store.close()
    await rm(directory, { recursive: true, force: true })
  })
  if (keepLimits !== true) await scene.hook('limits', { off: true })
  const { userId } = await open.drive.account({ priority: 'interactive' })
  const { rootId } = await open.drive.ownStorage(userId, { priority: 'interactive' })
  const root = await open.drive.getFolder(rootId, { priority: 'interactive' })
  await store.transact((tx) => mirror.ensureRoot(tx, root))
  return scene
}
