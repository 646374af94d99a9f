/** The ways to the portal when nothing goes wrong, with the real layers below and the embedded portal. */
import t from 'tap'
import { countItems } from '../../src/mirror/counts.js'
import { World } from './world.js'

await t.test('a new folder with files in it arrives, each by one request', async (t) => {
  const world = await World.make(t, { traits: { emptyMultipartFile: 'accepted' } })
  await world.boot()
  await world.files.mkdir('plans')
  await world.files.mkdir('plans/2026')
  await world.files.write('plans/2026/budget.txt', 'much')
  await world.files.write('empty.txt', '')
  await world.requests()
  await world.sync()
  t.same(await world.paths(), ['empty.txt', 'plans', 'plans/2026', 'plans/2026/budget.txt'])
  t.equal(await world.content('plans/2026/budget.txt'), 'much')
  const { methods } = await world.requests()
  t.equal(methods['disk.folder.addsubfolder'], 2)
  t.equal(methods.upload, 2)
  const { id, text } = (await world.files.tree()).get('plans/2026/budget.txt')!
  t.equal(id, (await world.tree()).get('plans/2026/budget.txt')?.id)
  t.equal(text, 'much')
})

await t.test('an edit becomes a version of the same id (C2), and a burst of saves makes no conflict', async (t) => {
  const world = await World.make(t)
  const { id } = await world.act('write', { path: 'a.txt', content: 'one' })
  await world.boot()
  await world.files.write('a.txt', 'two')
  await world.sync()
  for (const text of ['three', 'four', 'five']) {
    await world.files.write('a.txt', text)
    await world.upload.hurry()
    await world.sync()
  }
  const row = (await world.tree()).get('a.txt')!
  t.match(row, { id, version: 5 })
  t.equal(await world.content('a.txt'), 'five')
  t.same(world.notices, [])
  t.same(await world.paths(), ['a.txt'])
})

await t.test('a save through a temporary name is a version of the same id, and the temporary name is never sent', async (t) => {
  const world = await World.make(t)
  const { id } = await world.act('write', { path: 'report.odt', content: 'old' })
  await world.boot()
  await world.files.write('.report.odt.tmp123', 'new')
  await world.files.rename('.report.odt.tmp123', 'report.odt')
  await world.requests()
  await world.sync()
  t.match((await world.tree()).get('report.odt'), { id, version: 2 })
  t.notMatch((await world.requests()).log, /tmp123/)
})

await t.test('rename, move, and both together keep the id and move no bytes (C3)', async (t) => {
  const world = await World.make(t)
  await world.act('mkdir', { path: 'from' })
  await world.act('mkdir', { path: 'to' })
  const { id } = await world.act('write', { path: 'from/a.txt', content: 'a' })
  await world.boot()
  await world.files.rename('from/a.txt', 'to/b.txt')
  await world.files.rename('from', 'was')
  await world.requests()
  await world.sync()
  t.match((await world.tree()).get('to/b.txt'), { id, version: 1 })
  t.same(await world.paths(), ['to', 'to/b.txt', 'was'])
  const { methods } = await world.requests()
  t.notOk(methods.upload)
  t.same(await world.on.journal.entries(), [])
})

// [S-38]
await t.test('a deleted file and a deleted tree go to the trash of the portal, the tree by one request (C4)', async (t) => {
  const world = await World.make(t)
  await world.act('mkdir', { path: 'old' })
  await world.act('mkdir', { path: 'old/deep' })
  for (const name of ['old/1', 'old/2', 'old/deep/3', 'keep', 'go']) await world.act('write', { path: name, content: name })
  await world.boot()
  await world.files.removeTree('old')
  await world.files.remove('go')
  await world.requests()
  await world.sync()
  t.same(await world.paths(), ['keep'])
  const { methods } = await world.requests()
  t.equal((methods['disk.folder.markdeleted'] ?? 0) + (methods['disk.file.markdeleted'] ?? 0), 2)
  t.equal(await countItems(world.on.store.read), 2, 'the root and the file that stayed')
})

await t.test('two files that swap names end swapped, with one temporary name on the way', async (t) => {
  const world = await World.make(t)
  const a = await world.act('write', { path: 'a', content: 'a' })
  const b = await world.act('write', { path: 'b', content: 'b' })
  await world.boot()
  await world.files.rename('a', 'c')
  await world.files.rename('b', 'a')
  await world.files.rename('c', 'b')
  await world.requests()
  await world.sync()
  const tree = await world.tree()
  t.equal(tree.get('b')?.id, a.id)
  t.equal(tree.get('a')?.id, b.id)
  t.equal((await world.requests()).methods['disk.file.rename'], 3)
})

await t.test('a folder that moves into the new folder of its own old name gets there', async (t) => {
  const world = await World.make(t)
  const { id } = await world.act('mkdir', { path: 'x' })
  await world.act('write', { path: 'x/f', content: 'f' })
  await world.boot()
  await world.files.rename('x', 'y')
  await world.files.mkdir('x')
  await world.files.rename('y', 'x/x')
  await world.sync()
  t.same(await world.paths(), ['x', 'x/x', 'x/x/f'])
  t.equal((await world.tree()).get('x/x')?.id, id)
})

await t.test('a parent and its child change places', async (t) => {
  const world = await World.make(t)
  await world.act('mkdir', { path: 'a' })
  await world.act('mkdir', { path: 'a/b' })
  await world.boot()
  await world.files.rename('a/b', 'c')
  await world.files.rename('a', 'c/b')
  await world.files.rename('c', 'a')
  await world.sync()
  t.same(await world.paths(), ['a', 'a/b'])
})
