/** The rows of the decision table (bitrix24-desktop-sync.md 11.1) that fall to sending: both sides did something. */
import t from 'tap'
import { asRemoteId, asStorageId } from '../../src/base/ids.js'
import { insertConnection, renameConnected } from '../../src/mirror/connected-rows.js'
import { countItems } from '../../src/mirror/counts.js'
import { forkNameOf, World } from './world.js'

await t.test('C7: edited on both sides, the portal keeps name and id and the local edit becomes a conflict copy', async (t) => {
  const world = await World.make(t)
  const { id } = await world.act('write', { path: 'a.txt', content: 'one' })
  await world.boot()
  const ino = await world.files.write('a.txt', 'mine')
  await world.act('write', { path: 'a.txt', content: 'theirs' })
  await world.sync()
  const copy = forkNameOf(await world.paths(), 'a.txt')
  t.match(copy, /^a \(conflict ada \d{4}-\d\d-\d\d \d\d-\d\d-\d\d\)\.txt$/)
  t.equal((await world.tree()).get('a.txt')?.id, id)
  t.equal(await world.content('a.txt'), 'theirs')
  t.equal(await world.content(copy), 'mine')
  t.equal((await world.files.need(copy)).ino, ino, 'the open file goes on under the new name')
  const here = await world.files.need('a.txt')
  t.equal(here.base?.id, id)
  t.equal(here.sizeBytes, 6)
  t.match(world.deltas, [{ kind: 'moved', ino }, { kind: 'appeared', ino: here.ino }])
  t.match(world.notices, [{ kind: 'conflict-copy', ino, why: 'edited-on-both-sides' }])
})

await t.test('C8: the same bytes on both sides are adopted without a copy', async (t) => {
  const world = await World.make(t)
  await world.act('write', { path: 'a', content: 'one' })
  await world.boot()
  await world.files.write('a', 'same')
  await world.act('write', { path: 'a', content: 'same' })
  await world.requests()
  await world.sync()
  t.same(await world.paths(), ['a'])
  t.notOk((await world.requests()).methods['disk.file.uploadversion'])
  t.equal((await world.files.need('a')).base?.version, 2)
  t.equal((await world.on.cache.summary([(await world.files.need('a')).contentId!])).values().next().value?.dirty, false)
})

await t.test('C9: deleted here, edited there: the portal keeps it and it is shown again', async (t) => {
  const world = await World.make(t)
  const { id } = await world.act('write', { path: 'a', content: 'one' })
  await world.boot()
  await world.files.remove('a')
  await world.act('write', { path: 'a', content: 'edited' })
  await world.sync()
  t.equal((await world.tree()).get('a')?.id, id)
  const item = await world.files.need('a')
  t.match(item, { sizeBytes: 6, deleted: false, base: { id, version: 2 } })
  t.match(world.deltas, [{ kind: 'appeared', ino: item.ino, at: { name: 'a' } }])
  t.match(world.notices, [{ kind: 'brought-back', why: 'changed-on-portal' }])
})

await t.test('C9: brought back where the name was made again, the new file steps aside', async (t) => {
  const world = await World.make(t)
  await world.act('write', { path: 'a', content: 'one' })
  await world.boot()
  await world.files.remove('a')
  await world.files.write('a', 'brand new')
  await world.act('write', { path: 'a', content: 'edited' })
  await world.sync()
  t.equal(await world.content('a'), 'edited')
  t.equal(await world.content(forkNameOf(await world.paths(), 'a')), 'brand new')
})

await t.test('C11: renamed there, edited here: one version of the same id, and its new name stays', async (t) => {
  const world = await World.make(t)
  const { id } = await world.act('write', { path: 'a', content: 'one' })
  await world.boot()
  await world.files.write('a', 'two')
  await world.act('rename', { path: 'a', name: 'theirs' })
  await world.sync()
  t.match((await world.tree()).get('theirs'), { id, version: 2 })
  t.same(await world.paths(), ['theirs'])
  t.equal((await world.files.need('a')).base?.name, 'a', 'applying the rename is left to the listing')
})

await t.test('C12: renamed on both sides, the portal\'s name wins and the local edit is kept', async (t) => {
  const world = await World.make(t)
  const { id } = await world.act('write', { path: 'a', content: 'one' })
  await world.boot()
  await world.files.rename('a', 'mine')
  await world.files.write('mine', 'edited')
  await world.act('rename', { path: 'a', name: 'theirs' })
  await world.sync()
  t.match((await world.tree()).get('theirs'), { id, version: 2 })
  t.same(await world.paths(), ['theirs'])
  t.ok(await world.files.has('theirs'))
  t.notOk(await world.files.has('mine'))
  t.match(world.notices, [{ kind: 'remote-place-won', name: 'theirs' }])
})

await t.test('C12: moved there and renamed here do not contradict each other', async (t) => {
  const world = await World.make(t)
  await world.act('mkdir', { path: 'd' })
  const { id } = await world.act('write', { path: 'a', content: 'one' })
  await world.boot()
  await world.files.rename('a', 'mine')
  await world.act('move', { path: 'a', to: 'd' })
  await world.sync()
  t.equal((await world.tree()).get('d/mine')?.id, id)
  t.ok(await world.files.has('d/mine'))
  t.same(world.notices, [])
})

for (const [what, theirs, mine] of [
  ['their folder has our name', { op: 'move', path: 'a', to: 'd' }, ['a', 'other']],
  ['our folder has their name', { op: 'rename', path: 'a', name: 'other' }, ['a', 'd/a']],
] as const) {
  await t.test(`C12: moved on one side and renamed on the other, where ${what} already: the portal's place wins, also over what waits for that name`, async (t) => {
    const world = await World.make(t)
    await world.act('mkdir', { path: 'd' })
    const { id } = await world.act('write', { path: 'a', content: 'one' })
    const other = await world.act('write', { path: 'd/other', content: 'stands firm' })
    const waiting = await world.act('write', { path: 'b', content: 'two' })
    await world.boot()
    const [from, to] = mine
    await world.files.rename(from, to)
    const { op, ...where } = theirs
    await world.act(op, where)
    const there = op === 'move' ? 'd/a' : 'other'
    await world.files.rename('b', there)
    await world.sync()
    const tree = await world.tree()
    t.equal(tree.get(there)?.id, id)
    t.equal(tree.get('d/other')?.id, other.id)
    const aside = (await world.paths()).find((path) => path.includes('(conflict'))
    t.equal(tree.get(aside ?? '')?.id, waiting.id)
    t.ok(await world.files.has(there))
    t.match(world.notices, [{ kind: 'conflict-copy', why: 'name-taken' }, { kind: 'remote-place-won', name: there.split('/').at(-1) }])
  })
}

await t.test('C15: trashed there, edited here: nothing is written to the old id, the edit is a new file in its folder', async (t) => {
  const world = await World.make(t)
  await world.act('mkdir', { path: 'd' })
  const { id } = await world.act('write', { path: 'd/a', content: 'one' })
  await world.boot()
  await world.files.write('d/a', 'precious')
  await world.act('trash', { path: 'd/a' })
  await world.requests()
  await world.sync()
  t.not((await world.tree()).get('d/a')?.id, id)
  t.equal(await world.content('d/a'), 'precious')
  t.notOk((await world.requests()).methods['disk.file.uploadversion'])
  t.match(world.notices, [{ kind: 'recovered', why: 'gone-on-portal' }])
})

await t.test('C15, C17: when its folder is gone too, the edit goes to the recovery folder', async (t) => {
  const world = await World.make(t)
  await world.act('mkdir', { path: 'd' })
  await world.act('write', { path: 'd/a', content: 'one' })
  await world.boot()
  await world.files.write('d/a', 'precious')
  await world.files.write('d/new', 'new')
  await world.files.mkdir('d/sub')
  await world.act('trash', { path: 'd' })
  await world.sync()
  t.same(await world.paths(), ['Recovered edits', 'Recovered edits/a', 'Recovered edits/new', 'Recovered edits/sub'])
  t.equal(await world.content('Recovered edits/a'), 'precious')
})

await t.test('C16: deleted on both sides is done', async (t) => {
  const world = await World.make(t)
  await world.act('write', { path: 'a', content: 'one' })
  await world.boot()
  await world.files.remove('a')
  await world.act('trash', { path: 'a' })
  await world.requests()
  await world.sync()
  t.notOk((await world.requests()).methods['disk.file.markdeleted'])
  t.equal(await countItems(world.on.store.read), 1)
})

await t.test('C22: both made a file of one name: equal bytes are adopted, different ones fork the local one', async (t) => {
  const world = await World.make(t)
  await world.boot()
  await world.files.write('same', 'equal')
  await world.files.write('differs', 'mine')
  const same = await world.act('write', { path: 'same', content: 'equal' })
  const differs = await world.act('write', { path: 'differs', content: 'theirs' })
  await world.sync()
  t.equal((await world.files.need('same')).base?.id, same.id)
  t.equal((await world.files.need('differs')).base?.id, differs.id)
  t.equal(await world.content(forkNameOf(await world.paths(), 'differs')), 'mine')
  t.equal((await world.paths()).length, 3)
  t.match(world.notices, [{ kind: 'conflict-copy', why: 'name-taken' }])
})

await t.test('C22: both made a folder of one name: they become one, and its other children get listed', async (t) => {
  const world = await World.make(t)
  await world.boot()
  const ino = await world.files.mkdir('d')
  await world.files.write('d/mine', '1')
  const { id } = await world.act('mkdir', { path: 'd' })
  await world.act('write', { path: 'd/theirs', content: '2' })
  await world.sync()
  t.same(await world.paths(), ['d', 'd/mine', 'd/theirs'])
  t.match(await world.on.mirror.get(ino), { base: { id }, listedMs: null })
  t.same(world.notices, [])
})

await t.test('C22: a file and a folder of one name: the local one steps aside', async (t) => {
  const world = await World.make(t)
  await world.boot()
  await world.files.mkdir('x')
  await world.files.write('x/f', '1')
  await world.act('write', { path: 'x', content: 'a file' })
  await world.sync()
  t.equal((await world.tree()).get('x')?.type, 'file')
  const folder = forkNameOf(await world.paths(), 'x')
  t.equal(await world.content(`${folder}/f`), '1')
})

await t.test('a rename to a name that somebody took makes the local item step aside, not the other', async (t) => {
  const world = await World.make(t)
  const { id } = await world.act('write', { path: 'a', content: 'a' })
  await world.boot()
  await world.files.rename('a', 'b')
  const rival = await world.act('write', { path: 'b', content: 'theirs' })
  await world.sync()
  const tree = await world.tree()
  t.equal(tree.get('b')?.id, rival.id)
  t.equal(tree.get(forkNameOf([...tree.keys()], 'b'))?.id, id)
  t.equal((await world.files.need('b')).base?.id, rival.id)
})

await t.test('C24: what a read-only folder refuses is undone in view, and an edit is kept as an own copy', async (t) => {
  const world = await World.make(t)
  await world.act('mkdir', { path: 'shared' })
  for (const name of ['edit', 'rename', 'delete']) await world.act('write', { path: `shared/${name}`, content: name })
  await world.act('rights', { path: 'shared', level: 'read' })
  await world.boot()
  await world.files.write('shared/edit', 'mine')
  await world.files.rename('shared/rename', 'shared/renamed')
  await world.files.remove('shared/delete')
  await world.sync()
  t.same(await world.paths(), ['Recovered edits', 'Recovered edits/edit', 'shared', 'shared/delete', 'shared/edit', 'shared/rename'])
  t.equal(await world.content('Recovered edits/edit'), 'mine')
  t.same([...(await world.files.tree()).keys()].sort(), await world.paths())
  t.equal((await world.files.need('shared/edit')).contentId, null)
  t.same(world.notices.map(({ kind }) => kind).sort(), ['brought-back', 'place-restored', 'recovered'])
})

// [S-47]
await t.test('C25: a file locked by a colleague stays queued with the reason, and goes once it is unlocked', async (t) => {
  const world = await World.make(t)
  await world.act('write', { path: 'a', content: 'one' })
  await world.act('lock', { path: 'a' })
  await world.boot()
  const ino = await world.files.write('a', 'two')
  world.upload.start()
  await world.until(async () => (await world.upload.errors()).length > 0)
  t.match(await world.upload.errors(), [{ ino, code: 'locked' }])
  t.equal(await world.content('a'), 'one')
  await world.act('unlock', { path: 'a' })
  await world.sync()
  t.equal(await world.content('a'), 'two')
})

// [S-39]
await t.test('6a.12: a deleted folder that holds items nobody here has seen is kept with them; the rest of it goes', async (t) => {
  const world = await World.make(t)
  await world.act('mkdir', { path: 'd' })
  await world.act('mkdir', { path: 'd/sub' })
  await world.act('mkdir', { path: 'd/quiet' })
  for (const path of ['d/a', 'd/sub/b', 'd/quiet/c']) await world.act('write', { path, content: path })
  await world.boot()
  await world.files.removeTree('d')
  await world.act('write', { path: 'd/sub/new', content: 'theirs' })
  await world.sync()
  t.same(await world.paths(), ['d', 'd/sub', 'd/sub/new'])
  t.ok(await world.files.has('d/sub'))
  t.equal((await world.files.need('d/sub')).listedMs, null, 'it gets listed')
  t.match(world.notices, [{ kind: 'brought-back', why: 'holds-unseen-items' }, { kind: 'brought-back', why: 'holds-unseen-items' }])
})

await t.test('6a.12: one empty listing does not prove that a deleted folder holds nothing unseen', async (t) => {
  const world = await World.make(t)
  await world.act('mkdir', { path: 'd' })
  await world.act('write', { path: 'd/known', content: 'known' })
  await world.boot()
  await world.act('write', { path: 'd/unseen', content: 'theirs' })
  await world.fault('disk.folder.getchildren', 'empty')
  await world.files.removeTree('d')
  await world.sync()
  t.same(await world.paths(), ['d', 'd/unseen'])
})

// [S-17]
await t.test('6a.3: bytes that a power loss may have torn become a conflict copy, never a version', async (t) => {
  const world = await World.make(t)
  await world.act('write', { path: 'a', content: 'good' })
  await world.boot()
  await world.files.write('a', 'torn')
  world.bootId = 'boot-2'
  await world.reboot()
  await world.sync()
  t.match((await world.tree()).get('a'), { version: 1 })
  t.equal(await world.content(forkNameOf(await world.paths(), 'a')), 'torn')
  t.match(world.notices, [{ kind: 'conflict-copy', why: 'torn-by-power-loss' }])
})

await t.test('6a.15: a version that slips in between check and write is kept as a conflict copy', async (t) => {
  const world = await World.make(t, { traits: { fileHistory: true } })
  await world.act('write', { path: 'a', content: 'one' })
  await world.boot()
  await world.files.write('a', 'mine')
  world.on.breaking.beforeWrite = () => world.act('write', { path: 'a', content: 'slipped in' })
  await world.sync()
  t.equal(await world.content('a'), 'mine')
  t.equal(await world.content(forkNameOf(await world.paths(), 'a')), 'slipped in')
  t.match(world.notices, [{ kind: 'version-slipped-in' }])
  t.equal((await world.files.need('a')).base?.version, 3)
})

await t.test('6a.15: what slipped in is kept whatever fails while it is fetched, and once', async (t) => {
  const faults = [
    ['disk.file.uploadversion', 'lost-answer', {}],
    ['disk.file.getversions', 'empty', {}],
    ['disk.file.getversions', 'half', { total: 'kept' }],
    ['disk.file.getversions', 'half', { total: 'short' }],
    ['disk.file.getversions', 'status', { status: 502 }],
    ['disk.file.getversions', 'html', { status: 200 }],
    ['disk.file.getversions', 'truncate', { bytes: 40 }],
    ['download', 'truncate', { bytes: 3 }],
    ['download', 'reset', {}],
  ] as const
  for (const [method, kind, fields] of faults) {
    const world = await World.make(t)
    await world.act('write', { path: 'a', content: 'one' })
    await world.boot()
    await world.files.write('a', 'mine')
    await world.fault(method, kind, fields)
    world.on.breaking.beforeWrite = () => world.act('write', { path: 'a', content: 'slipped in' })
    await world.sync()
    t.equal(await world.content('a'), 'mine', `${method} ${kind}`)
    t.equal(await world.content(forkNameOf(await world.paths(), 'a')), 'slipped in', `${method} ${kind}`)
    t.equal(await countContents(world), 2, `${method} ${kind} leaves no half fetched content`)
  }
})

await t.test('6a.15: what slipped in is kept when the file is removed or written anew before its answer is known', async (t) => {
  for (const what of ['removed', 'replaced'] as const) {
    const world = await World.make(t)
    await world.act('write', { path: 'a', content: 'one' })
    await world.boot({ at: 0, when: 'after' })
    await world.files.write('a', 'mine')
    world.on.breaking.beforeWrite = () => world.act('write', { path: 'a', content: 'slipped in' })
    world.upload.start()
    await world.on.breaking.dead
    await world.reboot()
    if (what === 'removed') await world.files.remove('a')
    else {
      await world.files.write('tmp', 'newer')
      await world.files.rename('tmp', 'a')
    }
    await world.sync()
    const paths = await world.paths()
    t.equal(await world.content(forkNameOf(paths, 'a')), 'slipped in', what)
    t.equal(paths.includes('a'), what === 'replaced')
    t.equal(paths.length, what === 'replaced' ? 2 : 1)
  }
})

await t.test('6a.15: a version that slips in before the file is replaced by an empty one stays, and the edit is a copy', async (t) => {
  const world = await World.make(t)
  const { id } = await world.act('write', { path: 'a', content: 'one' })
  await world.boot()
  await world.files.write('a', '')
  world.on.breaking.beforeWrite = () => world.act('write', { path: 'a', content: 'slipped in' })
  await world.sync()
  t.equal(await world.content('a'), 'slipped in')
  t.equal((await world.tree()).get('a')?.id, id)
  t.equal(await world.content(forkNameOf(await world.paths(), 'a')), '')
  t.match(world.notices, [{ kind: 'conflict-copy', why: 'edited-on-both-sides' }])
})

await t.test('a move into a folder of another storage is taken back, and what was edited is sent where it stays', async (t) => {
  const world = await World.make(t)
  const storage = await world.commonDrive()
  await world.act('mkdir', { storage, path: 'common' })
  await world.act('connect', { storage, path: 'common' }, 'owner')
  const { id } = await world.act('write', { path: 'a', content: 'one' })
  await world.boot()
  await world.files.rename('a', 'common/a')
  await world.files.write('common/a', 'two')
  await world.sync()
  t.match((await world.tree()).get('a'), { id, version: 2 })
  t.ok(await world.files.has('a'))
  t.match(world.notices, [{ kind: 'place-restored', why: 'cross-storage' }])
})

await t.test('what comes back to its name gets it from a folder that was connected here', async (t) => {
  const world = await World.make(t)
  await world.act('write', { path: 'a', content: 'one' })
  const { id: shared } = await world.act('mkdir', { storage: await world.commonDrive(), path: 'shared' })
  await world.act('rights', { path: 'a', level: 'read' })
  await world.boot()
  await world.files.rename('a', 'b')
  const { store, mirror } = world.on
  await store.transact(async (tx) => {
    const connected = await insertConnection(mirror, tx, { realId: asRemoteId(shared), storageId: asStorageId('13'), name: 'shared', wished: 'shared', source: 'shared' })
    await renameConnected(mirror, tx, connected, 'a')
  })
  await world.sync()
  t.equal((await world.files.need('a')).kind, 'file')
  t.equal((await world.files.need('a (2)')).base?.realId, shared)
  t.match(world.notices, [{ kind: 'place-restored', why: 'forbidden' }])
})

await t.test('a link that is deleted file by file is disconnected, never emptied', async (t) => {
  const world = await World.make(t)
  const storage = await world.commonDrive()
  for (const path of ['common/a', 'common/sub/b']) await world.act('write', { storage, path, content: path })
  await world.act('connect', { storage, path: 'common' }, 'owner')
  await world.boot()
  await world.files.removeTree('common')
  await world.upload.hurry()
  await world.sync()
  t.same(await world.paths(), [])
  const left = ((await world.hook('tree')) as { storage: string; path: string }[]).filter((row) => row.storage === storage && row.path !== '')
  t.same(left.map(({ path }) => path).sort(), ['common', 'common/a', 'common/sub', 'common/sub/b'])
  t.equal(await countItems(world.on.store.read), 1)
  t.equal((await world.on.journal.entries()).length, 0)
})

await t.test('C9: a file that was replaced by a rename here and changed there comes back, and what was renamed steps aside', async (t) => {
  const world = await World.make(t)
  for (const path of ['a', 'b']) await world.act('write', { path, content: path })
  await world.boot()
  const moved = (await world.files.need('a')).base!.id
  const changed = (await world.files.need('b')).base!.id
  await world.files.rename('a', 'b')
  await world.act('write', { path: 'b', content: 'changed there' })
  await world.sync()
  const tree = await world.tree()
  t.match(tree.get('b'), { id: changed, version: 2 })
  const aside = [...tree].find(([path]) => path !== 'b')
  t.match(aside?.[0], /^b \(conflict /)
  t.equal(aside?.[1].id, moved)
  t.equal(tree.size, 2)
  t.equal((await world.on.journal.entries()).length, 0, 'nobody waits for the name for ever')
})

// [S-39]
await t.test('a folder link that is deleted is disconnected, what it leads to stays', async (t) => {
  const world = await World.make(t)
  const storage = await world.commonDrive()
  await world.act('mkdir', { storage, path: 'common' })
  await world.act('write', { storage, path: 'common/a', content: 'a' })
  await world.act('connect', { storage, path: 'common' }, 'owner')
  await world.boot()
  await world.files.write('common/new', 'through the link')
  await world.sync()
  await world.files.removeTree('common', { linkOnly: true })
  await world.upload.hurry()
  await world.sync()
  t.same(await world.paths(), [])
  const left = ((await world.hook('tree')) as { storage: string; path: string }[]).filter((row) => row.storage === storage && row.path !== '')
  t.same(left.map(({ path }) => path).sort(), ['common', 'common/a', 'common/new'])
  t.equal(await countItems(world.on.store.read), 1)
})

async function countContents(world: World): Promise<number> {
  return Number((await world.on.store.read.get('SELECT count(*) AS n FROM contents'))?.n)
}
