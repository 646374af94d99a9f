/** The brake on a portal: what it holds stays held until somebody decides, and what is taken back leaves it. */
import t from 'tap'
import { asStorageId } from '../../src/base/ids.js'
import { countOfStorage } from '../../src/mirror/tombstones.js'
import { World } from './world.js'

/** Two folders, with 100 files each unless said otherwise, and a file beside them. */
async function manyFiles(t: Test, seed: `tree:${string}` = 'tree:2x100'): Promise<World> {
  const world = await World.make(t, { seed })
  await world.act('write', { path: 'beside', content: 'beside' })
  await world.boot()
  return world
}

type Test = Parameters<typeof World.make>[0]

async function held(world: World): Promise<number> {
  return (await world.upload.queue()).filter(({ state }) => state === 'brake').length
}

await t.test('6a.12: a mass deletion waits over a restart and a minute, other edits go on, and it goes when it is allowed', async (t) => {
  const world = await manyFiles(t)
  const before = await world.paths()
  await world.files.removeTree('folder-1')
  await world.files.write('a', 'a')
  await world.sync()
  t.same(await world.paths(), ['a', ...before])
  t.equal(await world.upload.deletions.count(), 101)
  t.equal(await held(world), 1, 'the folder waits for the brake, its files for the folder')

  await world.reboot()
  world.clock.skip(10 * 60_000)
  world.upload.start() // a turn of a hundred entries begins, which does not see what is written now
  await world.files.write('b', 'b')
  await world.sync()
  t.ok((await world.paths()).includes('b'), 'who waits is not told by a turn that began before')
  await world.files.remove('beside')
  await world.sync()
  t.same(await world.paths(), ['a', 'b', ...before.filter((path) => path !== 'beside')], 'a single deletion later is none of its business')
  t.equal(await world.upload.deletions.count(), 101)

  t.equal(await world.upload.allowDeletions(), 101)
  await world.reboot()
  await world.sync()
  t.same((await world.paths()).filter((path) => path.startsWith('folder-1')), [], 'allowed over a restart too')
  t.equal((await world.upload.pending()).count, 0)
})

await t.test('6a.12: a deletion that comes one by one lets at most a hundred through', async (t) => {
  const world = await manyFiles(t)
  world.uploadDelayMs = 0
  world.upload.start()
  const names = Array.from({ length: 100 }, (_, index) => `folder-1/file-${String(index + 1).padStart(3, '0')}.dat`)
  for (const name of names) await world.files.remove(name)
  await world.sync()
  t.notOk((await world.paths()).some((path) => path.startsWith('folder-1/')), 'a hundred went')
  await world.files.remove('folder-2/file-001.dat')
  await world.files.remove('folder-2/file-002.dat')
  await world.sync()
  t.equal(await world.upload.deletions.count(), 2)
  world.clock.skip(60_001)
  await world.files.remove('folder-2/file-003.dat')
  await world.sync()
  t.equal(await world.upload.deletions.count(), 2, 'what comes after the minute goes')
  t.same((await world.paths()).filter((path) => /folder-2.file-00[123]/.test(path)), ['folder-2/file-001.dat', 'folder-2/file-002.dat'])
})

await t.test('6a.12: undone, everything stands where the portal has it, what took a name steps aside, and nothing is sent of it', async (t) => {
  const world = await manyFiles(t)
  const before = await world.tree()
  await world.files.removeTree('folder-1')
  await world.files.write('folder-1', 'a file under the name of the folder')
  await world.sync()
  world.deltas.length = 0
  t.same(await world.upload.undoDeletions(), { items: 101, failed: [] })
  const here = await world.files.tree()
  t.same([...before].filter(([path, { id }]) => here.get(path)?.id !== id), [], 'all ids are as before')
  t.equal(world.deltas.filter(({ kind }) => kind === 'appeared').length, 101, 'the kernel is told of each')
  t.equal(await world.upload.deletions.count(), 0)
  await world.requests()
  await world.sync()
  t.same(Object.keys((await world.requests()).methods).filter((method) => method.includes('delete')), [])
  t.equal((await world.paths()).length, before.size + 1, 'the new file is a file of its own')
})

await t.test('6a.12: what was undone and is deleted again is decided anew', async (t) => {
  const world = await manyFiles(t)
  await world.files.removeTree('folder-1')
  t.equal(await world.upload.deletions.count(), 101)
  await world.upload.undoDeletions()
  await world.files.remove('folder-1/file-002.dat')
  t.equal(await world.upload.deletions.count(), 0, 'one alone is not held')
  world.clock.skip(1_000)
  await world.files.removeTree('folder-1')
  t.equal(await world.upload.deletions.count(), 101)
})

await t.test('6a.12: a database of the version before the brake is taken over, with the deletions that wait in it', async (t) => {
  const world = await manyFiles(t)
  await world.files.removeTree('folder-1')
  const { store } = world.on
  await store.transact(async (tx) => {
    for (const sql of ['DROP TABLE brake', 'DROP TABLE unselected', 'DROP TABLE brake_gone', 'DROP INDEX items_deleted', 'ALTER TABLE items DROP COLUMN base_trashed', "DELETE FROM schema_versions WHERE name = 'brake'", "UPDATE schema_versions SET version = 2 WHERE name = 'mirror'"]) await tx.run(sql)
  })
  await world.reboot()
  await world.sync()
  t.equal(await world.upload.deletions.count(), 101)
  t.ok((await world.paths()).includes('folder-1/file-001.dat'))
})

await t.test('6.4: a link with everything in it is one deletion, also while its files go one by one', async (t) => {
  const world = await World.make(t, { seed: 'empty' })
  const storage = await world.commonDrive()
  await world.act('mkdir', { storage, path: 'shared' })
  for (let index = 0; index < 110; index += 1) await world.act('write', { storage, path: `shared/${index}`, content: 'x' })
  await world.act('connect', { storage, path: 'shared' }, 'owner')
  await world.boot()
  const below = [...(await world.files.tree()).keys()].filter((path) => path.startsWith('shared/'))
  t.equal(below.length, 110)
  for (const path of below) await world.files.remove(path)
  t.equal(await world.upload.deletions.count(), 0, 'the link may be next')
  await world.files.remove('shared')
  await world.sync()
  t.equal(await world.upload.deletions.count(), 0)
  t.same(await world.paths(), [])
  t.equal(((await world.hook('tree')) as readonly { path: string }[]).filter(({ path }) => path.startsWith('shared/')).length, 110)
})

// ---- in the trash of a file manager -------------------------------------------------------------------------------------

async function noDeletionSent(t: Test, world: World): Promise<void> {
  t.same(Object.keys((await world.requests()).methods).filter((method) => /delete|restore|rename|move|upload/.test(method)), [])
}

await t.test('6a.12: what goes to the trash counts with what is deleted, waits over a restart, and goes when it is allowed', async (t) => {
  const world = await manyFiles(t, 'tree:2x60')
  await world.files.trash('folder-1')
  for (let index = 1; index < 39; index += 1) await world.files.remove(`folder-2/file-${String(index).padStart(2, '0')}.dat`)
  await world.files.trash('folder-2/file-39.dat')
  t.equal(await world.upload.deletions.count(), 0, '100 are not too many')
  await world.files.trash('folder-2/file-40.dat')
  await world.requests()
  await world.reboot()
  await world.sync()
  t.equal(await world.upload.deletions.count(), 101)
  t.equal(await held(world), 41)
  await noDeletionSent(t, world)
  world.clock.skip(10 * 60_000)
  await world.files.trash('beside')
  await world.sync()
  t.equal((await world.paths()).length, 122, 'one more after the minute goes')
  t.equal(await world.upload.allowDeletions(), 101)
  await world.reboot()
  await world.sync()
  t.equal((await world.paths()).length, 21)
  t.equal((await world.upload.pending()).count, 0)
})

await t.test('6a.12: a folder in the trash counts with all that is in it, and leaves the hold when it is taken out by hand', async (t) => {
  const world = await manyFiles(t)
  const before = await world.tree()
  await world.requests()
  await world.files.trash('folder-1')
  await world.sync()
  t.match(await world.upload.deletions.groups(), [{ items: 101, item: { name: 'folder-1' } }])
  t.equal(await held(world), 1)
  await world.files.untrash('folder-1', 'folder-1')
  await world.sync()
  t.equal(await world.upload.deletions.count(), 0)
  t.same(await world.on.journal.entries(), [])
  await noDeletionSent(t, world)
  const here = await world.files.tree()
  t.same([...before].filter(([path, { id }]) => here.get(path)?.id !== id), [])
  await world.files.trash('folder-1/file-001.dat')
  await world.sync()
  t.equal((await world.paths()).length, before.size - 1, 'a part of it is decided anew')
})

await t.test('6a.12: emptied while it is held, it is held all the same', async (t) => {
  const world = await manyFiles(t)
  await world.files.trash('folder-1')
  await world.sync()
  world.clock.skip(10 * 60_000)
  await world.files.removeTree('.Trash-0')
  await world.sync()
  t.equal(await world.upload.deletions.count(), 101)
  t.equal((await world.paths()).length, 203)
})

await t.test('6a.12: what goes to the trash bit by bit lets at most a hundred through, and what is there is no part of the storage', async (t) => {
  const world = await manyFiles(t)
  await world.files.rename('folder-2/file-001.dat', 'kept')
  await world.files.trash('folder-2')
  await world.sync()
  t.equal((await world.paths()).length, 103, 'a hundred went')
  await world.files.trash('folder-1/file-001.dat')
  await world.files.trash('kept')
  await world.sync()
  t.equal(await world.upload.deletions.count(), 2)
  t.equal((await world.paths()).length, 103)
  t.equal(await countOfStorage(world.on.store.read, asStorageId(world.portal.storageId), 1_000), 104)
})

await t.test('6a.12: undone, what is in the trash is back under its ids with its bytes, unsent edits too, and its notes are gone', async (t) => {
  const world = await manyFiles(t)
  await world.files.write('edited', 'one')
  await world.sync()
  const before = await world.tree()
  await world.reboot() // nothing is sent before all of it is done
  await world.files.write('edited', 'three')
  for (const path of ['folder-1', 'edited', 'beside']) await world.files.trash(path)
  await world.files.write('beside', 'new under the old name')
  await world.requests()
  await world.sync()
  world.deltas.length = 0
  t.same(await world.upload.undoDeletions(), { items: 103, failed: [] })
  const here = await world.files.tree()
  t.same([...before].filter(([path, { id }]) => here.get(path)?.id !== id), [], 'all ids are as before')
  t.same([...here.keys()].filter((path) => path.startsWith('.Trash-0/')), ['.Trash-0/info', '.Trash-0/files'])
  t.equal(world.deltas.filter(({ kind }) => kind === 'moved').length, 4, 'the kernel is told: three back, one aside')
  t.equal(await world.upload.deletions.count(), 0)
  await world.sync()
  t.equal(await world.content('edited'), 'three')
  t.equal((await world.paths()).length, before.size + 1)
  t.equal((await world.tree()).get('edited')?.id, before.get('edited')?.id)
  t.notMatch(Object.keys((await world.requests()).methods).join(), /delete|restore/)
})

await t.test('6a.12: undone, what was trashed out of a folder before that went is back in it', async (t) => {
  const world = await manyFiles(t)
  const before = await world.tree()
  await world.files.trash('folder-1/file-001.dat', 'one')
  await world.files.trash('folder-1')
  await world.files.trash('folder-2/file-001.dat', 'two')
  await world.files.removeTree('folder-2')
  await world.requests()
  await world.sync()
  t.same(await world.upload.undoDeletions(), { items: 202, failed: [] })
  const here = await world.files.tree()
  t.same([...before].filter(([path, { id }]) => here.get(path)?.id !== id), [])
  await world.sync()
  await noDeletionSent(t, world)
})

await t.test('6a.12: undone, what has no folder to go back to stays in the trash, held, and is named', async (t) => {
  const world = await manyFiles(t)
  await world.files.rename('folder-2/file-001.dat', 'out')
  await world.files.removeTree('folder-2')
  await world.files.remove('beside')
  t.equal(await world.upload.allowDeletions(), 101)
  await world.files.trash('folder-1')
  await world.files.trash('out')
  t.equal(await world.upload.deletions.count(), 102)
  const { items, failed } = await world.upload.undoDeletions()
  t.equal(items, 101)
  t.match(failed, [{ item: { name: 'out' }, code: 'busy', text: /stays in the trash here/ }])
  t.ok(await world.files.has('.Trash-0/files/out'))
  t.ok(await world.files.has('.Trash-0/info/out.trashinfo'))
  await world.sync()
  t.equal(await world.upload.deletions.count(), 1)
  t.equal((await world.paths()).length, 202, 'the folder that is allowed to go waits for it')
  t.equal(await world.upload.allowDeletions(), 1)
  await world.sync()
  t.equal((await world.paths()).length, 101)
})
