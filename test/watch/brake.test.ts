/** The brake in the other direction (6a.12): what was deleted on the portal in a mass stays here until somebody decides. */
import t, { type Test } from 'tap'
import { FakeClock } from '../../src/base/clock.js'
import { ROOT_INO } from '../../src/base/ids.js'
import { readGone } from '../../src/brake/brake-rows.js'
import { setUp, type Scene } from './scene.js'

const sync = (scene: Scene): Promise<void> => scene.watch.syncAll(scene.signal)

/** 204 items: two folders with 100 files each, all listed, and a file beside them. */
async function manyFiles(t: Test): Promise<{ readonly scene: Scene; readonly clock: FakeClock }> {
  const clock = new FakeClock()
  const scene = await setUp(t, { seed: 'tree:2x100', watchClock: clock })
  await scene.act('write', { path: 'beside', content: 'beside' })
  await scene.item('folder-1/file-001.dat')
  await scene.item('folder-2/file-001.dat')
  scene.deltas.length = 0
  return { scene, clock }
}

await t.test('a folder with half of the drive is kept here, and what is cached of it can be read', async (t) => {
  const { scene, clock } = await manyFiles(t)
  const cached = await scene.cacheBytes('folder-1/file-001.dat', new Uint8Array(1_000))
  await scene.act('trash', { path: 'folder-1' })
  await sync(scene)
  t.equal(await scene.watch.absences.count(), 101)
  t.same(scene.reported(), [], 'nothing vanished')
  t.equal((await scene.contentOf((await scene.known('folder-1/file-001.dat'))!)).length, 1_000)
  t.equal((await scene.known('folder-1/file-001.dat'))?.contentId, cached.contentId)
  t.equal(await scene.journal.count(), 0, 'nothing is to be uploaded')

  await clock.advance(600_000)
  await scene.act('trash', { path: 'beside' })
  await sync(scene)
  t.same(await scene.names(), ['folder-1', 'folder-2'], 'a single deletion later is applied, the mass deletion is not')
  t.equal(await scene.watch.absences.count(), 101)
})

await t.test('what was moved out of a folder before that was trashed is no deletion', async (t) => {
  const { scene } = await manyFiles(t)
  const { ino } = (await scene.known('folder-1/file-001.dat'))!
  await scene.act('mkdir', { path: 'old' })
  await scene.act('move', { path: 'folder-1', to: 'old' })
  await sync(scene)
  await scene.act('move', { path: 'old/folder-1', to: 'folder-2' })
  await scene.act('trash', { path: 'old' })
  await sync(scene)
  t.equal(await scene.watch.absences.count(), 0)
  t.same(await scene.names(), ['beside', 'folder-2'])
  t.equal((await scene.known('folder-2/folder-1/file-001.dat'))?.ino, ino)
})

await t.test('a folder that stays because something in it must, counts once', async (t) => {
  const { scene } = await manyFiles(t)
  await scene.act('mkdir', { path: 'docs' })
  await scene.act('write', { path: 'docs/moved', content: 'moved' })
  await sync(scene)
  await scene.item('docs/moved')
  const target = (await scene.known('folder-2'))!
  await scene.store.transact(async (tx) => {
    const ino = await scene.mirror.insertLocal(tx, { parent: target.ino, name: 'moved', kind: 'file', mode: 0o644, sizeBytes: 0, mtimeMs: 1, contentId: null, localOnly: false })
    await scene.journal.touch(tx, ino, 1, 1)
  })
  await scene.act('move', { path: 'docs/moved', to: 'folder-2' })
  await scene.act('trash', { path: 'docs' })
  for (let look = 0; look < 4; look += 1) await sync(scene)

  t.ok(await scene.known('docs/moved'), 'its name is taken where it went')
  t.equal((await readGone(scene.store.read, 'portal')).reduce((sum, { items }) => sum + items, 0), 1)
})

await t.test('allowed, it goes here at once', async (t) => {
  const { scene } = await manyFiles(t)
  await scene.act('trash', { path: 'folder-1' })
  await sync(scene)
  t.equal(await scene.watch.allowAbsences(), 101)
  t.same(await scene.names(), ['beside', 'folder-2'])
  t.equal(await scene.watch.absences.count(), 0)
  t.equal(scene.reported().length, 101)
})

await t.test('undone, it comes back from the portal\'s trash with its id, and later looks change nothing', async (t) => {
  const { scene } = await manyFiles(t)
  const { id } = await scene.act('trash', { path: 'folder-1' })
  await sync(scene)
  t.same(await scene.watch.absences.restore(), { items: 101, failed: [] })
  const tree = await scene.hook<readonly { path: string; id: string }[]>('tree')
  t.equal(tree.find(({ path }) => path === 'folder-1')?.id, id)
  await sync(scene)
  t.same(scene.reported(), [])
  t.equal(await scene.watch.absences.count(), 0)
})

await t.test('what the portal refuses to bring back is said for each item and stays held', async (t) => {
  const { scene } = await manyFiles(t)
  const { id } = await scene.act('trash', { path: 'folder-1' })
  await sync(scene)
  await scene.act('purge', { id })
  t.match(await scene.watch.absences.restore(), { items: 0, failed: [{ item: { name: 'folder-1' }, code: 'not-found' }] })
  await sync(scene)
  t.equal(await scene.watch.absences.count(), 101)
  t.ok(await scene.known('folder-1/file-001.dat'))
})

await t.test('what somebody brings back on the portal leaves the hold, and is decided anew when it is deleted again', async (t) => {
  const { scene, clock } = await manyFiles(t)
  const { id } = await scene.act('trash', { path: 'folder-1' })
  await sync(scene)
  await scene.act('restore', { id })
  await sync(scene)
  t.equal(await scene.watch.absences.count(), 0)
  await clock.advance(60_001)
  await scene.act('trash', { path: 'folder-1/file-001.dat' })
  await sync(scene)
  t.notOk(await scene.known('folder-1/file-001.dat'), 'one alone goes')
  await scene.act('trash', { path: 'folder-1' })
  await sync(scene)
  t.equal(await scene.watch.absences.count(), 100)
})

await t.test('deletions that are found one look after the other count together for a minute', async (t) => {
  const { scene, clock } = await manyFiles(t)
  for (let index = 1; index <= 60; index += 1) await scene.act('trash', { path: `folder-1/file-${String(index).padStart(3, '0')}.dat` })
  await sync(scene)
  t.equal((await scene.names('folder-1')).length, 40, 'the first 60 are applied')
  for (let index = 1; index <= 60; index += 1) await scene.act('trash', { path: `folder-2/file-${String(index).padStart(3, '0')}.dat` })
  await clock.advance(30_000)
  await sync(scene)
  t.equal((await scene.names('folder-2')).length, 100)
  t.equal(await scene.watch.absences.count(), 60)
})

await t.test('a link to a large folder that is disconnected there goes here', async (t) => {
  const { scene } = await manyFiles(t)
  await scene.act('mkdir', { storage: '13', path: 'shared' })
  for (let index = 0; index < 110; index += 1) await scene.act('write', { storage: '13', path: `shared/${index}`, content: 'x' })
  await scene.act('connect', { storage: '13', path: 'shared', as: 'owner' })
  await sync(scene)
  t.equal((await scene.item('shared/1')).kind, 'file')
  await scene.act('trash', { path: 'shared', as: 'owner' })
  // The root alone: a look that lists the linked folder too would see its files alive.
  await scene.store.transact(async (tx) => scene.mirror.update(tx, await scene.mirror.needIn(tx, ROOT_INO), { listedMs: null }))
  await scene.list()
  t.equal(await scene.watch.absences.count(), 0)
  t.notOk((await scene.names()).includes('shared'))
})
