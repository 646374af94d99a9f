import t from 'tap'
import { ROOT_INO, type Ino } from '../../src/base/ids.js'
import { setUp, type Scene } from './scene.js'

/** As find(1): lists a folder, then goes into its folders one after the other. */
async function walk(scene: Scene, ino: Ino = ROOT_INO): Promise<number> {
  await scene.list(ino)
  let seen = 0
  for (const child of await scene.mirror.getMany([...(await scene.mirror.children(ino)).values()])) {
    seen += 1 + (child.kind === 'folder' ? await walk(scene, child.ino) : 0)
  }
  return seen
}

await t.test('a walk through 10,000 files in 500 folders costs 18 requests and meets no limit', async (t) => {
  const scene = await setUp(t, { seed: 'tree:500x20x2000', keepLimits: true })
  const before = await scene.traffic()
  t.equal(await walk(scene), 10_500)
  const after = await scene.traffic()
  t.ok(after.total - before.total <= 18, `${after.total - before.total} requests`)
  t.ok(after.total <= 25, `${after.total} requests with connecting`)
  t.equal(after.limited, 0)
  await scene.forgetTraffic()
  t.equal(await walk(scene), 10_500)
  t.equal((await scene.traffic()).total, 0, 'known folders are not asked for')
})

await t.test('pages of a large folder come in one batch', async (t) => {
  const scene = await setUp(t, { seed: 'tree:1x420' })
  const folder = await scene.item('folder-1')
  await scene.forgetTraffic()
  await scene.list(folder.ino)
  t.equal((await scene.mirror.children(folder.ino)).size, 420)
  t.same((await scene.traffic()).total, 2)
})

await t.test('a large folder listed ahead is not read to its end until somebody asks', async (t) => {
  const scene = await setUp(t, { seed: 'tree:2x120' })
  const [first, second] = [await scene.item('folder-1'), await scene.item('folder-2')]
  await scene.forgetTraffic()
  await scene.list(first.ino)
  t.equal((await scene.traffic()).methods['disk.folder.getchildren'], 4, 'three pages of the one, one of the other')
  t.equal((await scene.mirror.get(second.ino))?.listedMs, null)
  await scene.forgetTraffic()
  await scene.list(second.ino)
  t.equal((await scene.traffic()).total, 1, 'its size is known, so all pages come at once')
  t.equal((await scene.mirror.children(second.ino)).size, 120)
})

await t.test('all who wait for a folder share one listing, and one who gives up does not take it from the others', async (t) => {
  const scene = await setUp(t, { seed: 'tree:3x2' })
  await scene.hook('latency', { ms: 200 })
  await scene.forgetTraffic()
  const impatient = new AbortController()
  const given = t.rejects(scene.watch.ensureListed(ROOT_INO, impatient.signal), { code: 'interrupted' })
  const waiting = [scene.list(), scene.list()]
  impatient.abort()
  await given
  await Promise.all(waiting)
  t.same(await scene.names(), ['folder-1', 'folder-2', 'folder-3'])
  t.equal((await scene.traffic()).total, 1)
})

await t.test('a listing that takes too long fails with a deadline, goes on, and is there for the next one', async (t) => {
  const scene = await setUp(t, { seed: 'tree:3x2' })
  await scene.hook('latency', { ms: 300 })
  await t.rejects(scene.list(ROOT_INO, 20), { code: 'deadline' })
  await scene.list()
  t.equal((await scene.names()).length, 3)
  t.equal((await scene.traffic()).methods['disk.folder.getchildren'], 1)
})

// [S-40]
await t.test('a folder that cannot be read fails alone, and the others of its batch are listed', async (t) => {
  const scene = await setUp(t, { seed: 'tree:4x2' })
  await scene.list()
  await scene.hook('faults', { method: 'disk.folder.getchildren', times: 1, kind: 'status', status: 403, error: 'ACCESS_DENIED' })
  const [first, second] = [(await scene.known('folder-1'))!, (await scene.known('folder-2'))!]
  await t.rejects(scene.list(first.ino), { code: 'forbidden' })
  t.same([...scene.watch.problems().keys()], [first.ino])
  await scene.list(second.ino)
  t.equal((await scene.names('folder-2')).length, 2)
  await scene.list(first.ino)
  t.equal((await scene.names('folder-1')).length, 2, 'asked again, it is tried again')
  t.equal(scene.watch.problems().size, 0)
})

await t.test('a portal that cannot be reached fails a listing at once with offline', async (t) => {
  const scene = await setUp(t, { seed: 'tree:4x2' })
  await scene.portal.close()
  await t.rejects(scene.list(), { code: 'offline' })
  t.equal((await scene.mirror.get(ROOT_INO))?.listedMs, null)
})
