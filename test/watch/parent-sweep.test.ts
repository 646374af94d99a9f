import t from 'tap'
import type { Test } from 'tap'
import { FakeClock, systemClock } from '../../src/base/clock.js'
import { DriveError } from '../../src/base/errors.js'
import { asRemoteId, asStorageId, ROOT_INO, type Ino } from '../../src/base/ids.js'
import type { Drive } from '../../src/drive/drive.js'
import { silentLog } from '../../src/base/log.js'
import { insertConnection } from '../../src/mirror/connected-rows.js'
import type { PortalOptions } from '../../src/portal/portal.js'
import { FolderListing } from '../../src/watch/folder-listing.js'
import { Look } from '../../src/watch/look.js'
import { ParentSweep } from '../../src/watch/parent-sweep.js'
import { RollingFolders } from '../../src/watch/rolling-folders.js'
import { fileName, folderIno, folderPath, knowTree } from './known-tree.js'
import { COMPANY_DRIVE, setUp, type Scene } from './scene.js'

const TREE = { folders: 1_200, filesEach: 2 }
const call = { priority: 'background' } as const
const PERIOD_MS = 600_000

const OFFLINE = { listPages: () => Promise.reject(new DriveError('offline', 'no network')) }

class Sweeping {
  readonly scene: Scene
  readonly clock: FakeClock
  rolling: RollingFolders
  sweep: ParentSweep
  isOffline = false
  ignoresFilter = false

  constructor(scene: Scene, clock: FakeClock) {
    this.scene = scene
    this.clock = clock
    this.rolling = this.#newRolling()
    this.sweep = this.#newSweep()
  }

  #newRolling(): RollingFolders {
    const { store, mirror } = this.scene
    return new RollingFolders({ store, mirror, clock: this.clock })
  }

  #newSweep(): ParentSweep {
    const { drive, store, mirror } = this.scene
    return new ParentSweep({ drive, store, mirror, clock: this.clock, log: silentLog, rolling: this.rolling })
  }

  /** As after a new start of the daemon. */
  restart(): void {
    this.rolling = this.#newRolling()
    this.sweep = this.#newSweep()
  }

  /** One request with questions; answers whether the sweep goes on. */
  async look(): Promise<boolean> {
    if (!(await this.sweep.prepare(call))) return false
    const look = new Look()
    await this.sweep.ask(look, 50)
    try {
      await look.send(this.#drive(), call)
    } finally {
      await this.sweep.settle()
    }
    return true
  }

  #drive(): Pick<Drive, 'listPages'> {
    if (this.isOffline) return OFFLINE
    if (!this.ignoresFilter) return this.scene.drive
    return { listPages: (requests, options) => this.scene.drive.listPages(requests.map(({ folderId, start, order }) => ({ folderId, start, order })), options) }
  }

  /** A whole sweep, a period after the one before. What it names counts as listed. */
  async round(): Promise<readonly Ino[]> {
    await this.clock.advance(PERIOD_MS)
    while (await this.look());
    const named = (await this.rolling.next(50, { except: new Set(), leastAgeMs: Infinity })).map(({ folder }) => folder)
    await this.rolling.looked(named.map((folder) => ({ folder, items: 0 })))
    await this.sweep.settle()
    return named.map(({ ino }) => ino)
  }
}

/** The drive is known, and a first sweep has set the time from which the second one asks. */
async function sweeping(test: Test, options: PortalOptions = {}): Promise<Sweeping> {
  const clock = new FakeClock()
  const scene = await setUp(test, { seed: `tree:${TREE.folders}x${TREE.filesEach}`, ...options, watchClock: clock, clock: { ...systemClock, nowMs: () => clock.nowMs() } })
  await scene.hook('clock', { offsetMs: -7 * 60_000 }) // the portal's clock is another one
  await knowTree(scene, { folders: TREE.folders, filesEach: options.seed === undefined ? TREE.filesEach : 60 }, clock.nowMs())
  const under = new Sweeping(scene, clock)
  await under.round()
  return under
}

const path = (folder: number, file?: number): string => folderPath(TREE, folder) + (file === undefined ? '' : `/${fileName(TREE, file)}`)

await t.test('a sweep asks each folder that has subfolders once, and names what was moved into, but not what only lost something', async (t) => {
  const under = await sweeping(t)
  const { scene } = under
  await scene.act('rename', { path: path(80, 1), name: 'guest.txt' })
  t.same(await under.round(), [folderIno(80)])
  await scene.act('move', { path: `${path(80)}/guest.txt`, to: path(81) })
  await scene.act('trash', { path: path(82, 1) })
  await scene.forgetTraffic()
  t.same(await under.round(), [folderIno(81)], 'no time tells of what went')
  t.match(await scene.traffic(), { total: 5, methods: { batch: 4, profile: 1, 'disk.folder.getchildren': 120, 'disk.folder.get': 1 } })
  t.same(await under.round(), [], 'and each change once')
})

await t.test('additions, edits, renames and new folders are named', async (t) => {
  const under = await sweeping(t)
  const { scene } = under
  await scene.act('write', { path: `${path(1_200)}/new.txt`, content: 'new' })
  await scene.act('write', { path: path(77, 1), content: 'edited' })
  await scene.act('rename', { path: path(78, 1), name: 'renamed.txt' })
  await scene.act('mkdir', { path: `${path(79)}/folder` })
  t.same(new Set(await under.round()), new Set([77, 78, 79, 1_200].map(folderIno)))
})

await t.test('the root and what links lead to are asked about by themselves', async (t) => {
  const under = await sweeping(t)
  const { scene } = under
  await scene.act('mkdir', { storage: COMPANY_DRIVE, path: 'shared' })
  await scene.act('connect', { storage: COMPANY_DRIVE, path: 'shared' })
  t.same(await under.round(), [ROOT_INO])
  await scene.watch.syncAll(scene.signal)
  const link = await scene.item('shared')
  await scene.list(link.ino)
  await under.round()
  await scene.act('write', { storage: COMPANY_DRIVE, path: 'shared/new.txt', content: 'new' })
  t.same(await under.round(), [link.ino])
})

await t.test('a folder that was connected here is asked about like a link, by the folder that it leads to', async (t) => {
  const under = await sweeping(t)
  const { scene } = under
  const { id } = await scene.act('mkdir', { storage: COMPANY_DRIVE, path: 'shared' })
  const realId = asRemoteId(id)
  const { ino } = await scene.store.transact((tx) => insertConnection(scene.mirror, tx, { realId, storageId: asStorageId(COMPANY_DRIVE), name: 'Ours', wished: 'Ours', source: 'Company drive/shared' }))
  await scene.list(ino)
  await under.round()
  await scene.act('write', { storage: COMPANY_DRIVE, path: 'shared/new.txt', content: 'new' })
  t.same(await under.round(), [ino])
})

await t.test('what comes into a folder in the second in which it was listed is named by the next sweep', async (t) => {
  const under = await sweeping(t)
  const { scene, clock } = under
  await clock.advance(PERIOD_MS)
  while (await under.look());
  await scene.act('write', { path: `${path(500)}/late.txt`, content: 'the sweep began in this second, and has asked' })
  t.ok((await under.round()).includes(folderIno(500)))
})

await t.test('more changed folders below one than a page holds are all named', async (t) => {
  const under = await sweeping(t)
  const { scene, clock } = under
  for (let at = 0; at < 60; at += 1) await scene.act('mkdir', { path: `f${at}` })
  await scene.watch.syncAll(scene.signal)
  await scene.store.transact(async (tx) => {
    for (let at = 0; at < 60; at += 1) await scene.mirror.update(tx, (await scene.mirror.childIn(tx, ROOT_INO, `f${at}`))!, { listedMs: clock.nowMs() })
  })
  await under.round()
  await under.round()
  for (let at = 0; at < 60; at += 1) await scene.act('write', { path: `f${at}/x.txt`, content: 'x' })
  await clock.advance(PERIOD_MS)
  while (await under.look());
  t.equal(under.rolling.named, 60)
})

await t.test('questions without an answer are asked again, also after a new start', async (t) => {
  const under = await sweeping(t)
  await under.scene.act('write', { path: path(77, 1), content: 'edited' })
  await under.clock.advance(PERIOD_MS)
  under.isOffline = true
  await t.rejects(under.look(), { code: 'offline' })
  under.isOffline = false
  while (await under.look());
  t.equal(under.rolling.named, 1)
  under.isOffline = true
  await under.clock.advance(PERIOD_MS)
  await t.rejects(under.look(), { code: 'offline' })
  under.isOffline = false
  under.restart()
  t.same(await under.round(), [folderIno(77)])
})

await t.test('a folder that does not answer for itself is to be listed, which tells whether it is gone', async (t) => {
  const under = await sweeping(t)
  await under.scene.hook('faults', { method: 'disk.folder.getchildren', after: 1, times: 1, kind: 'status', status: 403, error: 'ACCESS_DENIED' })
  t.same(await under.round(), [folderIno(1)])
})

await t.test('what was named and not listed yet is named again after a new start', async (t) => {
  const under = await sweeping(t)
  const { scene, clock } = under
  await scene.act('write', { path: path(77, 1), content: 'edited' })
  await clock.advance(PERIOD_MS)
  while (await under.look());
  t.equal(under.rolling.named, 1)
  under.restart()
  t.same(await under.round(), [folderIno(77)])
})

await t.test('a portal that takes no notice of the filter makes no folder look changed', async (t) => {
  const under = await sweeping(t, { seed: 'tree:1200x60' })
  under.ignoresFilter = true
  await under.scene.act('write', { path: `${folderPath({ folders: 1_200, filesEach: 60 }, 7)}/new.txt`, content: 'new' })
  t.same(await under.round(), [folderIno(7)])
})

await t.test('a portal whose answers have no time is asked for it, and a small drive is not swept at all', async (t) => {
  const under = await sweeping(t, { traits: { envelopeTime: 'absent' } })
  await under.scene.act('write', { path: path(77, 1), content: 'edited' })
  t.same(await under.round(), [folderIno(77)])
  await under.scene.store.transact(async (tx) => {
    for (const folder of await under.scene.mirror.listedFolders(300)) await under.scene.mirror.update(tx, folder, { listedMs: null })
  })
  await under.clock.advance(PERIOD_MS)
  t.equal(await under.look(), false)
})

await t.test('folders that cannot be listed do not keep the others from their turn', async (t) => {
  const { rolling, clock } = await sweeping(t)
  const first = await rolling.next(50, { except: new Set(), leastAgeMs: 0 })
  await rolling.looked(first) // none of them was
  const second = await rolling.next(50, { except: new Set(), leastAgeMs: 0 })
  t.same(second.filter(({ folder }) => first.some((due) => due.folder.ino === folder.ino)), [])
  await clock.advance(3_700_000)
  const again = await rolling.next(50, { except: new Set(), leastAgeMs: 0 })
  t.same(again.map(({ folder }) => folder.ino), first.map(({ folder }) => folder.ino), 'they are tried again later')
})

await t.test('folders are packed by the pages they are taken to have', async (t) => {
  const { rolling } = await sweeping(t, { seed: 'tree:1200x60' })
  const due = await rolling.next(50, { except: new Set(), leastAgeMs: 0 })
  const look = new Look()
  for (const { folder, items } of due) look.list(new FolderListing({ folder: folder.ino, remoteId: folder.base!.realId, expectedItems: items, newStamp: () => ({ mark: 0, turn: 0 }) }))
  t.same([due.length, look.spare], [25, 1], 'the root of one page, the others of two')
})
