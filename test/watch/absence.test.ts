import t from 'tap'
import { ROOT_INO, type Ino } from '../../src/base/ids.js'
import { readConflicts } from '../../src/mirror/conflicts.js'
import { RECOVERY_FOLDER_NAME } from '../../src/mirror/recovery-place.js'
import { COMPANY_DRIVE, setUp, type Scene } from './scene.js'

const text = (words: string): Uint8Array => Buffer.from(words)
const sync = (scene: Scene): Promise<void> => scene.watch.syncAll(scene.signal)

/** `docs/` with three files and `docs/deep/` with one, all listed. */
async function smallDrive(scene: Scene): Promise<void> {
  await scene.act('mkdir', { path: 'docs' })
  await scene.act('mkdir', { path: 'docs/deep' })
  for (const name of ['a.txt', 'b.txt', 'c.txt', 'deep/d.txt']) await scene.act('write', { path: `docs/${name}`, content: name })
  await scene.item('docs/deep/d.txt')
  scene.deltas.length = 0
}

function newFile(scene: Scene, parent: Ino, name: string, localOnly = false): Promise<Ino> {
  return scene.store.transact(async (tx) => {
    const ino = await scene.mirror.insertLocal(tx, { parent, name, kind: 'file', mode: 0o644, sizeBytes: 0, mtimeMs: 1, contentId: await scene.cache.createLocal(tx), localOnly })
    if (!localOnly) await scene.journal.touch(tx, ino, 1, 1)
    return ino
  })
}

await t.test('what is trashed or destroyed on the portal goes here and is not uploaded again (C14)', async (t) => {
  const scene = await setUp(t)
  await smallDrive(scene)
  const a = await scene.cacheBytes('docs/a.txt', text('a.txt'))
  const b = (await scene.known('docs/b.txt'))!
  await scene.store.transact((tx) => scene.journal.touch(tx, b.ino, 1, 1))
  await scene.act('trash', { path: 'docs/a.txt' })
  const trashed = await scene.act('trash', { path: 'docs/b.txt' })
  await scene.act('purge', { id: trashed.id })
  await sync(scene)
  t.same(await scene.names('docs'), ['c.txt', 'deep'])
  await t.rejects(scene.cache.acquire(a.contentId!), { code: 'not-found' })
  t.equal(await scene.journal.count(), 0)
  t.same(scene.reported(), ['vanished', 'vanished'])
})

await t.test('what was deleted while paused is deleted on resume, not undone (C14)', async (t) => {
  const scene = await setUp(t)
  await smallDrive(scene)
  scene.watch.start()
  scene.watch.setPaused(true)
  await scene.act('trash', { path: 'docs/a.txt' })
  const gone = new Promise<void>((resolve) => {
    scene.onDelta = (deltas) => {
      if (deltas.some(({ kind }) => kind === 'vanished')) resolve()
    }
  })
  scene.watch.setPaused(false)
  await gone
  t.same(await scene.names('docs'), ['b.txt', 'c.txt', 'deep'])
})

await t.test('an edit of a file that is gone stays in its folder as a new file (C15)', async (t) => {
  const scene = await setUp(t)
  await smallDrive(scene)
  const a = await scene.edit('docs/a.txt', text('my a'))
  await scene.act('trash', { path: 'docs/a.txt' })
  await sync(scene)
  const after = (await scene.known('docs/a.txt'))!
  t.equal(after.ino, a.ino)
  t.equal(after.base, null)
  t.equal(await scene.contentOf(after), 'my a')
  t.ok(await scene.journal.get(a.ino))
})

await t.test('a file that our own unanswered request may have trashed is not gone, whichever row asked for it', async (t) => {
  const scene = await setUp(t)
  await smallDrive(scene)
  const a = await scene.edit('docs/a.txt', text('saved by renaming')) // has the identity that b had when its empty moment was sent (6a.7)
  const asker = (await scene.known('docs/b.txt'))!
  await scene.store.transact(async (tx) => {
    await scene.journal.touch(tx, asker.ino, 1, 1)
    await scene.journal.recordAttempt(tx, asker.ino, { step: 'replace', startedServerMs: 1, remoteId: a.base!.id, name: 'a.txt', parentId: '31', sizeBytes: 0, digest: '' })
  })
  await scene.act('trash', { path: 'docs/a.txt' })
  await sync(scene)
  t.equal((await scene.known('docs/a.txt'))?.base?.id, a.base!.id)
  scene.onStates = async () => {
    scene.onStates = () => Promise.resolve()
    await scene.store.transact(async (tx) => { // as the uploader, which has brought it back
      await scene.journal.clearAttempt(tx, asker.ino)
      scene.mirror.outdateListings(tx, a.base!.id)
    })
  }
  await sync(scene)
  t.equal((await scene.known('docs/a.txt'))?.base?.id, a.base!.id, 'what was asked for before is of another time')
  await sync(scene)
  t.equal((await scene.known('docs/a.txt'))?.base, null, 'its outcome is known: it is gone indeed')
})

await t.test('what we have trashed while a listing was on its way does not come back with it', async (t) => {
  const scene = await setUp(t)
  await smallDrive(scene)
  scene.onListed = async () => {
    scene.onListed = () => Promise.resolve()
    const a = (await scene.known('docs/a.txt'))!
    await scene.act('trash', { path: 'docs/a.txt' })
    await scene.store.transact((tx) => scene.mirror.remove(tx, a)) // as the uploader does when the portal has trashed it
  }
  await sync(scene)
  t.same(await scene.names('docs'), ['b.txt', 'c.txt', 'deep'])
  t.same(scene.reported(), [])
  await scene.act('write', { path: 'docs/a.txt', content: 'made again' })
  await sync(scene)
  t.same(await scene.names('docs'), ['a.txt', 'b.txt', 'c.txt', 'deep'])
})

await t.test('gone on both sides, everything is forgotten (C16)', async (t) => {
  const scene = await setUp(t)
  await smallDrive(scene)
  const a = (await scene.known('docs/a.txt'))!
  await scene.store.transact(async (tx) => {
    await scene.mirror.update(tx, a, { parent: null, deleted: true })
    await scene.journal.touch(tx, a.ino, 1, 1)
  })
  await scene.act('trash', { path: 'docs/a.txt' })
  await sync(scene)
  t.equal(await scene.mirror.get(a.ino), undefined)
  t.equal(await scene.journal.count(), 0)
})

await t.test('a trashed folder goes with what is clean in it; edits and new files are recovered (C17)', async (t) => {
  const scene = await setUp(t)
  await smallDrive(scene)
  const docs = (await scene.known('docs'))!
  const deep = (await scene.known('docs/deep'))!
  const edited = await scene.edit('docs/deep/d.txt', text('my d'))
  const fresh = await newFile(scene, docs.ino, 'fresh.txt')
  const mark = await newFile(scene, docs.ino, '.~lock.a.odt#', true)
  const swap = await newFile(scene, docs.ino, '.a.txt.swp', true)
  const folder = await scene.store.transact((tx) =>
    scene.mirror.insertLocal(tx, { parent: deep.ino, name: 'made here', kind: 'folder', mode: 0o755, sizeBytes: 0, mtimeMs: 1, contentId: null, localOnly: false }),
  )
  const inside = await newFile(scene, folder, 'inside.txt')
  await scene.act('trash', { path: 'docs' })
  await sync(scene)
  t.same(await scene.names(), [RECOVERY_FOLDER_NAME])
  t.same(await scene.names(RECOVERY_FOLDER_NAME), ['.a.txt.swp', 'd.txt', 'fresh.txt', 'made here'])
  t.equal(await scene.contentOf((await scene.mirror.get(edited.ino))!), 'my d')
  t.equal((await scene.mirror.get(edited.ino))?.base, null)
  t.same(await scene.mirror.path(fresh), [RECOVERY_FOLDER_NAME, 'fresh.txt'])
  t.same(await scene.mirror.path(inside), [RECOVERY_FOLDER_NAME, 'made here', 'inside.txt'])
  t.equal(await scene.mirror.get(mark), undefined)
  t.ok(await scene.mirror.get(swap))
  const recovery = (await scene.known(RECOVERY_FOLDER_NAME))!
  t.ok(await scene.journal.get(recovery.ino), 'the recovery folder is sent like any new folder')
  t.ok((await scene.journal.get(edited.ino))!.notBeforeMs > 1, 'and the edit is due as something new')
  t.equal(await scene.mirror.get(docs.ino), undefined)
})

await t.test('a cached file moved out of a folder before it was trashed keeps its bytes', async (t) => {
  const scene = await setUp(t)
  await smallDrive(scene)
  await scene.act('mkdir', { path: 'safe' })
  const d = await scene.cacheBytes('docs/deep/d.txt', text('deep/d.txt'))
  await scene.act('move', { path: 'docs/deep/d.txt', to: 'safe' })
  await scene.act('trash', { path: 'docs' })
  await sync(scene)
  t.same(await scene.names(), ['safe'])
  const after = (await scene.known('safe/d.txt'))!
  t.equal(after.ino, d.ino)
  t.equal(await scene.contentOf(after), 'deep/d.txt')
})

await t.test('what was moved out of a folder before it was trashed keeps its row, cached or not, a folder with what is in it', async (t) => {
  const scene = await setUp(t)
  await smallDrive(scene)
  for (const path of ['safe', 'docs/deeper']) await scene.act('mkdir', { path })
  for (const path of ['docs/placeholder.txt', 'docs/deeper/cached.txt', 'docs/into.txt']) await scene.act('write', { path, content: path })
  await sync(scene)
  await scene.cacheBytes('docs/deeper/cached.txt', text('docs/deeper/cached.txt'))
  const wishes = { 'docs/placeholder.txt': 'safe/placeholder.txt', 'docs/deeper': 'safe/deeper', 'docs/deeper/cached.txt': 'safe/deeper/cached.txt', 'docs/into.txt': 'safe/deeper/into.txt' }
  const before = await Promise.all(Object.keys(wishes).map(async (path) => (await scene.known(path))!.ino))
  await scene.act('move', { path: 'docs/placeholder.txt', to: 'safe' })
  await scene.act('move', { path: 'docs/into.txt', to: 'docs/deeper' })
  await scene.act('move', { path: 'docs/deeper', to: 'safe' })
  await scene.act('trash', { path: 'docs' })
  await sync(scene)
  t.same(await Promise.all(Object.values(wishes).map(async (path) => (await scene.known(path))?.ino)), before)
  t.equal(await scene.contentOf((await scene.known('safe/deeper/cached.txt'))!), 'docs/deeper/cached.txt')
})

await t.test('a folder that was moved out of a gone one, and cannot stand there yet, stays with what was made in it', async (t) => {
  const scene = await setUp(t)
  await smallDrive(scene)
  await scene.act('mkdir', { path: 'safe' })
  await sync(scene)
  const [deep, safe] = [(await scene.known('docs/deep'))!, (await scene.known('safe'))!]
  const fresh = await newFile(scene, deep.ino, 'fresh.txt')
  await newFile(scene, safe.ino, 'deep') // has its name there, not sent
  await scene.act('move', { path: 'docs/deep', to: 'safe' })
  await scene.act('trash', { path: 'docs' })
  await sync(scene)
  t.same(await scene.mirror.path(fresh), ['docs', 'deep', 'fresh.txt'])
  t.equal((await scene.known('docs/deep'))?.ino, deep.ino)
})

await t.test('what was deleted here, and moved out of a folder there before that was trashed, stays deleted', async (t) => {
  const scene = await setUp(t)
  await smallDrive(scene)
  await scene.act('mkdir', { path: 'safe' })
  await sync(scene)
  const d = (await scene.known('docs/deep/d.txt'))!
  await scene.store.transact((tx) => scene.mirror.update(tx, d, { parent: null, deleted: true, placeChangedMs: 5 }))
  await scene.act('move', { path: 'docs/deep/d.txt', to: 'safe' })
  await scene.act('trash', { path: 'docs' })
  await sync(scene)
  t.same(await scene.names('safe'), [])
  const after = (await scene.mirror.get(d.ino))!
  t.equal(after.deleted, true)
  t.equal(after.base?.parent, (await scene.known('safe'))?.ino, 'and is to be deleted where it is')
})

await t.test('a file of another folder that was moved into the gone one here goes back to where the portal has it', async (t) => {
  const scene = await setUp(t)
  await smallDrive(scene)
  await scene.act('write', { path: 'mine.txt', content: 'mine' })
  await sync(scene)
  const mine = (await scene.known('mine.txt'))!
  const docs = (await scene.known('docs'))!
  await scene.store.transact((tx) => scene.mirror.update(tx, mine, { parent: docs.ino, placeChangedMs: 5 }))
  await scene.act('trash', { path: 'docs' })
  await sync(scene)
  t.equal((await scene.known('mine.txt'))?.ino, mine.ino)
})

await t.test('where its name was taken here meanwhile, or only a program has the name, the two stand in conflict', async (t) => {
  const scene = await setUp(t)
  await smallDrive(scene)
  await scene.act('write', { path: 'mine.txt', content: 'mine' })
  await sync(scene)
  const [moved, docs] = [(await scene.known('mine.txt'))!, (await scene.known('docs'))!]
  await scene.store.transact((tx) => scene.mirror.update(tx, moved, { parent: docs.ino, placeChangedMs: 5 }))
  const [twin, partial] = [await newFile(scene, ROOT_INO, 'mine.txt'), await newFile(scene, ROOT_INO, 'film.part', true)]
  await scene.act('write', { path: 'film.part', content: 'theirs' })
  await scene.act('trash', { path: 'docs' })
  await sync(scene)
  const theirs = (await scene.known('film.part'))!
  const found = (await readConflicts(scene.store.read)).map(({ copy, original, side, why }) => [copy, original, side, why])
  t.same(new Set(found), new Set([[moved.ino, twin, 'theirs', 'name-taken'], [partial, theirs.ino, 'mine', 'name-taken']]))
})

await t.test('a file moved away here out of a folder that is then trashed there goes too', async (t) => {
  const scene = await setUp(t)
  await smallDrive(scene)
  const [a, b] = [(await scene.known('docs/a.txt'))!, await scene.edit('docs/b.txt', text('my b'))]
  await scene.store.transact(async (tx) => {
    await scene.mirror.update(tx, a, { parent: ROOT_INO, placeChangedMs: 5 })
    await scene.mirror.update(tx, b, { parent: ROOT_INO, placeChangedMs: 5 })
  })
  await scene.act('trash', { path: 'docs' })
  await sync(scene)
  t.same(await scene.names(), ['b.txt'])
  t.equal((await scene.known('b.txt'))?.base, null)
})

await t.test('restored on the portal, an item is shown again (C18)', async (t) => {
  const scene = await setUp(t)
  await smallDrive(scene)
  const { id } = await scene.act('trash', { path: 'docs/a.txt' })
  await sync(scene)
  await scene.act('restore', { id })
  await sync(scene)
  t.equal((await scene.known('docs/a.txt'))?.base?.id, id)
})

await t.test('moved into "Uploaded files", an item leaves the view and an edit of it stays (C26, C27)', async (t) => {
  const scene = await setUp(t, { seed: 'demo' })
  await smallDrive(scene)
  const rows = await scene.store.transact((tx) => scene.mirror.childrenIn(tx, ROOT_INO))
  const uploads = rows.find(({ base }) => base?.code === 'FOR_UPLOADED_FILES')
  t.equal(uploads?.excluded, true)
  t.notOk((await scene.names()).includes('Uploaded files'))
  const edited = await scene.edit('docs/b.txt', text('my b'))
  await scene.act('move', { path: 'docs/a.txt', to: 'Uploaded files' })
  await scene.act('move', { path: 'docs/b.txt', to: 'Uploaded files' })
  await sync(scene)
  t.same(await scene.names('docs'), ['b.txt', 'c.txt', 'deep'])
  t.equal((await scene.mirror.get(edited.ino))?.base, null)
  t.equal(await scene.contentOf((await scene.mirror.get(edited.ino))!), 'my b')
})

const FAULTS: readonly (readonly [string, object])[] = [
  ['an empty list', { method: 'disk.folder.getchildren', times: 6, kind: 'empty' }],
  ['a failure inside the batch', { method: 'disk.folder.getchildren', times: 6, kind: 'status', status: 500 }],
  ['an access failure that the item itself does not have', { method: 'disk.folder.getchildren', times: 6, kind: 'status', status: 403, error: 'ACCESS_DENIED' }],
]
for (const [name, fault] of FAULTS) {
  await t.test(`${name} removes nothing`, async (t) => {
    const scene = await setUp(t)
    await smallDrive(scene)
    await scene.hook('faults', fault)
    await sync(scene)
    t.same(await scene.names('docs'), ['a.txt', 'b.txt', 'c.txt', 'deep'])
    t.same(await scene.names(), ['docs'])
    t.notOk(scene.deltas.some(({ kind }) => kind === 'vanished'))
  })
}

await t.test('no word about the ids removes nothing, even when the list lacks them', async (t) => {
  const scene = await setUp(t)
  await smallDrive(scene)
  await scene.act('trash', { path: 'docs/a.txt' })
  await scene.hook('faults', { method: 'disk.file.get', times: 3, kind: 'status', status: 500 }) // a person's look asks three times
  await sync(scene)
  t.ok((await scene.names('docs')).includes('a.txt'))
  await sync(scene)
  t.notOk((await scene.names('docs')).includes('a.txt'))
})

await t.test('a portal that is away removes nothing and says so', async (t) => {
  const scene = await setUp(t)
  await smallDrive(scene)
  await scene.portal.close()
  await t.rejects(sync(scene), { code: 'offline' })
  t.same(await scene.names('docs'), ['a.txt', 'b.txt', 'c.txt', 'deep'])
})

await t.test('a deletion is learned also where the total counts what we are not shown (O-32)', async (t) => {
  const scene = await setUp(t, { traits: { totalCounts: 'all' } })
  for (const name of ['kept.txt', 'gone.txt', 'hidden.txt']) await scene.act('write', { path: `docs/${name}`, content: name })
  await scene.act('rights', { path: 'docs/hidden.txt', level: 'none' })
  await scene.item('docs/gone.txt')
  await scene.act('trash', { path: 'docs/gone.txt' })
  await sync(scene)
  t.same(await scene.names('docs'), ['kept.txt'])
})

await t.test('a folder that is deleted while its pages are read is not concluded from', async (t) => {
  const scene = await setUp(t, { seed: 'tree:1x120' })
  const folder = await scene.item('folder-1')
  await scene.list(folder.ino)
  await scene.hook('faults', { method: 'disk.folder.getchildren', after: 1, times: 1, kind: 'empty' })
  await sync(scene)
  t.equal((await scene.mirror.children(folder.ino)).size, 120)
})

await t.test('a share that is withdrawn goes; an edit in it goes to the recovery folder (C19, C20)', async (t) => {
  const scene = await setUp(t)
  await scene.act('mkdir', { storage: COMPANY_DRIVE, path: 'shared' })
  for (const name of ['clean.txt', 'edited.txt']) await scene.act('write', { storage: COMPANY_DRIVE, path: `shared/${name}`, content: name })
  await scene.act('connect', { storage: COMPANY_DRIVE, path: 'shared' })
  await scene.cacheBytes('shared/clean.txt', text('clean.txt'))
  await scene.edit('shared/edited.txt', text('mine'))
  const link = (await scene.known('shared'))!
  await scene.drive.trash({ id: link.base!.id, kind: 'folder' }, { priority: 'upload' })
  await sync(scene)
  t.same(await scene.names(), [RECOVERY_FOLDER_NAME])
  t.same(await scene.names(RECOVERY_FOLDER_NAME), ['edited.txt'])
  t.equal(await scene.contentOf((await scene.known(`${RECOVERY_FOLDER_NAME}/edited.txt`))!), 'mine')
})

await t.test('a drive whose root cannot be read keeps everything', async (t) => {
  const scene = await setUp(t)
  await smallDrive(scene)
  await scene.hook('faults', { method: 'disk.folder.getchildren', times: 6, kind: 'empty' })
  await scene.hook('faults', { method: 'disk.folder.get', times: 20, kind: 'status', status: 403, error: 'ACCESS_DENIED' })
  await scene.hook('faults', { method: 'disk.file.get', times: 20, kind: 'status', status: 403, error: 'ACCESS_DENIED' })
  await sync(scene)
  t.same(await scene.names('docs'), ['a.txt', 'b.txt', 'c.txt', 'deep'])
})
