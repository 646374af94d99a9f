import t from 'tap'
import { systemClock } from '../../src/base/clock.js'
import { ROOT_INO, type Ino } from '../../src/base/ids.js'
import type { ListPageRequest } from '../../src/drive/drive.js'
import type { MirrorDelta } from '../../src/mirror/delta.js'
import type { WatchOptions } from '../../src/watch/watch.js'
import { folderIno, knowTree } from './known-tree.js'
import { look as lookAfter, RestingClock } from './resting-clock.js'
import { setUp, type Scene } from './scene.js'
import { TreeDrive } from './tree-drive.js'

const STEP_MS = 12_000 // as often as folders in use are looked at; the others have their turn only after a minute

const look = (clock: RestingClock, byMs = STEP_MS): Promise<void> => lookAfter(clock, byMs)

async function listAll(scene: Scene, ino: Ino = ROOT_INO): Promise<void> {
  await scene.list(ino)
  for (const child of await scene.mirror.getMany([...(await scene.mirror.children(ino)).values()])) if (child.kind === 'folder') await listAll(scene, child.ino)
}

/** The first look after the start, over everything that was listed before. */
async function started(scene: Scene, clock: RestingClock): Promise<void> {
  await clock.advance(60_000)
  scene.watch.start()
  await clock.resting()
}

await t.test('a change in a folder in use is seen within 15 seconds, by one request', async (t) => {
  const clock = new RestingClock()
  const scene = await setUp(t, { seed: 'tree:3x5', watchClock: clock })
  await listAll(scene)
  await started(scene, clock)
  scene.watch.noteUse((await scene.known('folder-2'))!.ino)
  await look(clock)
  await scene.act('write', { path: 'folder-2/new.txt', content: 'new' })
  await scene.act('trash', { path: 'folder-2/file-3.dat' })
  await scene.forgetTraffic()
  await look(clock)
  t.ok((await scene.names('folder-2')).includes('new.txt'))
  t.notOk((await scene.names('folder-2')).includes('file-3.dat'))
  t.equal((await scene.traffic()).total, 2, 'one look, and one question about what is missing')
})

await t.test('in a large folder a look costs two commands of one request, and shows edits, renames, removals and what was moved in', async (t) => {
  const clock = new RestingClock()
  const scene = await setUp(t, { seed: 'tree:2x120', watchClock: clock })
  await listAll(scene)
  const folder = (await scene.known('folder-1'))!
  scene.watch.noteUse(folder.ino)
  await started(scene, clock)
  await look(clock)
  await look(clock)
  await scene.forgetTraffic()
  await look(clock)
  t.same((await scene.traffic()).methods, { batch: 1, 'disk.folder.getchildren': 1, 'disk.folder.get': 1 }, 'nothing changed: no page but the newest')
  await scene.act('write', { path: 'folder-1/file-007.dat', content: 'edited' })
  await look(clock)
  t.equal((await scene.known('folder-1/file-007.dat'))?.sizeBytes, 6, 'an edit stands on the newest page')
  await look(clock)
  await scene.act('trash', { path: 'folder-1/file-009.dat' })
  await look(clock)
  t.notOk(await scene.known('folder-1/file-009.dat'), 'a removal shows in the total')
  await scene.act('move', { path: 'folder-2/file-010.dat', to: '' })
  await scene.act('rename', { path: 'file-010.dat', name: 'guest.dat' })
  await scene.act('move', { path: 'guest.dat', to: 'folder-1' })
  await look(clock)
  t.ok(await scene.known('folder-1/guest.dat'), 'so does what was moved in')
  await scene.hook('clock', { offsetMs: 5_000 }) // a look in the second of a change is repeated, and this test runs within one
  await look(clock)
  await look(clock)
  const totals: number[] = []
  for (let at = 0; at < 2; at += 1) {
    await scene.forgetTraffic()
    await look(clock)
    totals.push((await scene.traffic()).total)
  }
  t.equal(Math.min(...totals), 1, 'then it is quiet again, but for the turn of the others')
})

await t.test('a rename that no page shows is found by the time of the folder, twice when it came in the same second', async (t) => {
  const clock = new RestingClock()
  const scene = await setUp(t, { seed: 'tree:1x120', traits: { renameSetsUpdateTime: false }, watchClock: clock })
  await listAll(scene)
  scene.watch.noteUse((await scene.known('folder-1'))!.ino)
  await started(scene, clock)
  await look(clock)
  await scene.act('rename', { path: 'folder-1/file-008.dat', name: 'renamed.dat' })
  await look(clock)
  t.ok(await scene.known('folder-1/renamed.dat'))
  await scene.forgetTraffic()
  await look(clock)
  t.ok((await scene.traffic()).total > 1, 'what came after that look in the same second would be found by another one')
  await scene.forgetTraffic()
  await look(clock)
  t.equal((await scene.traffic()).total, 1)
})

await t.test('an hour of use costs at most 600 requests and an idle hour at most 300', { timeout: 100_000 }, async (t) => {
  const clock = new RestingClock()
  const scene = await setUp(t, { seed: 'tree:120x3', watchClock: clock })
  await listAll(scene)
  await started(scene, clock)
  for (let turn = 0; turn < 5; turn += 1) await look(clock, 2_000)
  await scene.forgetTraffic()
  const folders = (await scene.mirror.listedFolders(50)).map(({ ino }) => ino)
  await clock.pass(3_600_000, () => {
    for (const ino of folders) scene.watch.noteUse(ino)
    return false
  })
  const use = (await scene.traffic()).total
  t.ok(use > 200 && use <= 600, `${use} requests in an hour of use`)
  await clock.pass(600_000)
  await scene.forgetTraffic()
  await clock.pass(3_600_000)
  const idle = (await scene.traffic()).total
  t.ok(idle > 5 && idle <= 300, `${idle} requests in an idle hour`)
})

await t.test('what a look at folders in use leaves free is asked about others, and a sweep costs nothing then', async (t) => {
  const clock = new RestingClock()
  const drive = new TreeDrive({ clock, shape: { folders: 3_000, filesEach: 1, fileBytes: 1_000 }, madeSec: clock.nowMs() / 1000 })
  const looks: (readonly ListPageRequest[])[] = []
  const watchDrive: WatchOptions['drive'] = {
    account: () => drive.account(),
    itemStates: (ids) => drive.itemStates(ids),
    restore: () => drive.restore(),
    listPages: (requests) => {
      looks.push(requests)
      return drive.listPages(requests)
    },
  }
  const scene = await setUp(t, { seed: 'tree:3000x1', watchClock: clock, clock: { ...systemClock, nowMs: () => clock.nowMs() }, watchDrive })
  await knowTree(scene, { folders: 3_000, filesEach: 1 }, clock.nowMs())
  await started(scene, clock)
  const used = folderIno(2_999)
  await clock.pass(1_800_000, () => {
    scene.watch.noteUse(used)
    return false
  })
  const isQuestion = ({ changedFolders }: ListPageRequest): boolean => changedFolders !== undefined
  const own = looks.filter((requests) => requests.every(isQuestion)).length
  const shared = looks.filter((requests) => requests.some(isQuestion) && requests.some((request) => !isQuestion(request)))
  t.ok(shared.length > own * 2, `${shared.length} looks had room for questions, ${own} had nothing else`)
  t.ok(looks.every(({ length }) => length <= 50))
})

await t.test('nothing is asked while paused, and everything is looked at afterwards', async (t) => {
  const clock = new RestingClock()
  const scene = await setUp(t, { seed: 'tree:60x2', watchClock: clock })
  await listAll(scene)
  await started(scene, clock)
  await look(clock)
  scene.watch.setPaused(true)
  await look(clock)
  await scene.forgetTraffic()
  scene.watch.noteUse(ROOT_INO)
  await clock.advance(3_600_000)
  t.equal((await scene.traffic()).total, 0)
  await scene.act('trash', { path: 'folder-03/folder-31' })
  await scene.act('trash', { path: 'folder-01/file-1.dat' })
  const gone = new Set<string>()
  const seen = new Promise<void>((resolve) => {
    scene.onDelta = (deltas: readonly MirrorDelta[]) => {
      for (const delta of deltas) if (delta.kind === 'vanished') gone.add(delta.at.name)
      if (gone.has('folder-31') && gone.has('file-1.dat')) resolve()
    }
  })
  scene.watch.setPaused(false)
  for (let turn = 0; turn < 5; turn += 1) await look(clock, 2_000)
  await seen
  t.notOk(await scene.known('folder-03/folder-31'))
})

await t.test('after the machine slept, everything is looked at soon', async (t) => {
  const clock = new RestingClock()
  let sleptMs = 0
  const setClock = { nowMs: () => clock.nowMs() + sleptMs, monotonicMs: () => clock.monotonicMs(), setTimer: clock.setTimer.bind(clock) }
  const scene = await setUp(t, { seed: 'tree:60x2', watchClock: setClock })
  await listAll(scene)
  await started(scene, clock)
  const lookedAt = async (): Promise<number> => {
    await look(clock)
    const { methods } = await scene.traffic()
    await scene.forgetTraffic()
    return methods['disk.folder.getchildren'] ?? 0
  }
  await lookedAt()
  const usual = await lookedAt()
  sleptMs = 3_600_000
  const afterwards = await lookedAt()
  t.ok(afterwards >= 60 && usual < 60, `${usual} lists usually, ${afterwards} after the sleep`)
})

await t.test('back online, everything is looked at', async (t) => {
  const clock = new RestingClock()
  const scene = await setUp(t, { seed: 'tree:3x2', watchClock: clock })
  await listAll(scene)
  await started(scene, clock)
  scene.watch.setOnline(false)
  await look(clock)
  await scene.act('trash', { path: 'folder-1/file-1.dat' })
  const gone = new Promise<void>((resolve) => {
    scene.onDelta = () => {
      resolve()
    }
  })
  scene.watch.setOnline(true)
  await gone
  t.same(await scene.names('folder-1'), ['file-2.dat'])
})
