import t from 'tap'
import type { Attempt } from '../../src/journal/journal.js'
import { COMPANY_DRIVE, setUp, type Scene } from './scene.js'

const text = (words: string): Uint8Array => Buffer.from(words)

/** A drive with `docs/plan.txt`, `docs/note.txt` and `old/`, all listed. */
async function smallDrive(scene: Scene): Promise<void> {
  await scene.act('mkdir', { path: 'docs' })
  await scene.act('mkdir', { path: 'old' })
  await scene.act('write', { path: 'docs/plan.txt', content: 'plan one' })
  await scene.act('write', { path: 'docs/note.txt', content: 'note' })
  await scene.list()
  await scene.item('docs/plan.txt')
  await scene.list((await scene.known('old'))!.ino)
  scene.deltas.length = 0
}

const sync = (scene: Scene): Promise<void> => scene.watch.syncAll(scene.signal)

await t.test('what is new on the portal appears (C21), also in a folder nobody has seen', async (t) => {
  const scene = await setUp(t)
  await smallDrive(scene)
  await scene.act('write', { path: 'docs/new.txt', content: 'new' })
  await scene.act('mkdir', { path: 'docs/deeper' })
  await sync(scene)
  t.same(await scene.names('docs'), ['deeper', 'new.txt', 'note.txt', 'plan.txt'])
  t.same(scene.reported(), ['appeared', 'appeared'])
  t.equal((await scene.known('docs/deeper'))?.listedMs, null)
  t.match(await scene.watch.lastSync(), /^2/)
})

await t.test('nothing changes when nothing changed (C1), and a look costs one request', async (t) => {
  const scene = await setUp(t)
  await smallDrive(scene)
  await scene.forgetTraffic()
  await sync(scene)
  t.equal((await scene.traffic()).total, 1)
  t.same(scene.reported(), [])
})

await t.test('a new version makes the cached bytes stale and the file another node (C6)', async (t) => {
  const scene = await setUp(t)
  await smallDrive(scene)
  const before = await scene.cacheBytes('docs/plan.txt', text('plan one'))
  await scene.act('write', { path: 'docs/plan.txt', content: 'plan number two' })
  await sync(scene)
  const after = (await scene.known('docs/plan.txt'))!
  t.equal(after.ino, before.ino)
  t.equal(after.contentId, null)
  t.equal(after.contentGeneration, before.contentGeneration + 1)
  t.equal(after.sizeBytes, 'plan number two'.length)
  t.equal(after.base?.version, before.base!.version + 1)
  await t.rejects(scene.cache.acquire(before.contentId!), { code: 'not-found' })
  t.same(scene.reported(), ['content'])
})

await t.test('a new version of a file with an unsent edit leaves the edit and its base, so that the upload sees the conflict (C7)', async (t) => {
  const scene = await setUp(t)
  await smallDrive(scene)
  const before = await scene.edit('docs/plan.txt', text('my plan'))
  await scene.act('write', { path: 'docs/plan.txt', content: 'their plan' })
  await sync(scene)
  const after = (await scene.known('docs/plan.txt'))!
  t.equal(after.base?.version, before.base?.version)
  t.equal(after.base?.blobId, before.base?.blobId)
  t.equal(after.sizeBytes, 7)
  t.equal(await scene.contentOf(after), 'my plan')
})

await t.test('a cached file that is renamed or moved is not downloaded again (C10)', async (t) => {
  const scene = await setUp(t)
  await smallDrive(scene)
  const plan = await scene.cacheBytes('docs/plan.txt', text('plan one'))
  await scene.act('rename', { path: 'docs/plan.txt', name: 'plan B.txt' })
  await sync(scene)
  t.same(await scene.names('docs'), ['note.txt', 'plan B.txt'])
  await scene.act('move', { path: 'docs/plan B.txt', to: 'old' })
  await sync(scene)
  const after = (await scene.known('old/plan B.txt'))!
  t.equal(after.ino, plan.ino)
  t.equal(await scene.contentOf(after), 'plan one')
  t.same(await scene.names('docs'), ['note.txt'])
  t.same(scene.deltas.filter(({ kind }) => kind === 'moved').length, 2)
})

await t.test('a file moved into a folder made meanwhile, two levels down, keeps its inode and bytes (C10)', async (t) => {
  const scene = await setUp(t)
  await smallDrive(scene)
  const plan = await scene.cacheBytes('docs/plan.txt', text('plan one'))
  await scene.act('mkdir', { path: 'archive' })
  await scene.act('mkdir', { path: 'archive/2026' })
  await scene.act('move', { path: 'docs/plan.txt', to: 'archive/2026' })
  await sync(scene)
  const after = (await scene.known('archive/2026/plan.txt'))!
  t.equal(after.ino, plan.ino)
  t.equal(await scene.contentOf(after), 'plan one')
  await scene.list((await scene.known('archive'))!.ino)
  await scene.list((await scene.known('archive/2026'))!.ino)
  t.same(await scene.names('archive/2026'), ['plan.txt'])
})

await t.test('an edited file that is renamed on the portal follows and keeps the edit (C11)', async (t) => {
  const scene = await setUp(t)
  await smallDrive(scene)
  await scene.edit('docs/plan.txt', text('my plan'))
  await scene.act('rename', { path: 'docs/plan.txt', name: 'theirs.txt' })
  await sync(scene)
  const after = (await scene.known('docs/theirs.txt'))!
  t.equal(await scene.contentOf(after), 'my plan')
  t.equal(after.base?.name, 'theirs.txt')
})

await t.test('what was passed over because our own request was under way is looked at again after it (C11)', async (t) => {
  const scene = await setUp(t)
  await smallDrive(scene)
  const { ino, base } = await scene.edit('docs/plan.txt', text('my plan'))
  const under = (attempt: Attempt | null): Promise<void> => scene.store.transact((tx) => scene.journal.recordAttempt(tx, ino, attempt))
  await under({ step: 'upload-version', startedServerMs: 0, remoteId: base!.id })
  await sync(scene)
  t.equal(await scene.watch.lookAtBlocked(scene.signal), false, 'nothing has happened there')
  await scene.act('rename', { path: 'docs/plan.txt', name: 'theirs.txt' })
  await sync(scene)
  t.ok(await scene.known('docs/plan.txt'), 'not while we are sending it')
  await under(null)
  t.equal(await scene.watch.lookAtBlocked(scene.signal), true)
  t.equal((await scene.known('docs/theirs.txt'))?.ino, ino)
  t.equal(await scene.watch.lookAtBlocked(scene.signal), false, 'and that was all')
})

await t.test('renamed on both sides, the portal wins the name and the content stays (C12)', async (t) => {
  const scene = await setUp(t)
  await smallDrive(scene)
  const plan = await scene.edit('docs/plan.txt', text('my plan'))
  await scene.store.transact((tx) => scene.mirror.update(tx, plan, { name: 'mine.txt', placeChangedMs: 5 }))
  await scene.act('rename', { path: 'docs/plan.txt', name: 'theirs.txt' })
  await sync(scene)
  t.same(await scene.names('docs'), ['note.txt', 'theirs.txt'])
  const after = (await scene.known('docs/theirs.txt'))!
  t.equal(await scene.contentOf(after), 'my plan')
  t.equal(after.placeChangedMs, null)
})

await t.test('two files that exchange their names on the portal exchange them here', async (t) => {
  const scene = await setUp(t)
  await smallDrive(scene)
  const plan = await scene.cacheBytes('docs/plan.txt', text('plan one'))
  const note = await scene.cacheBytes('docs/note.txt', text('note'))
  await scene.act('rename', { path: 'docs/plan.txt', name: 'aside' })
  await scene.act('rename', { path: 'docs/note.txt', name: 'plan.txt' })
  await scene.act('rename', { path: 'docs/aside', name: 'note.txt' })
  await sync(scene)
  t.equal((await scene.known('docs/plan.txt'))?.ino, note.ino)
  t.equal((await scene.known('docs/note.txt'))?.ino, plan.ino)
  t.equal(await scene.contentOf((await scene.known('docs/note.txt'))!), 'plan one')
  t.same(await scene.names('docs'), ['note.txt', 'plan.txt'])
})

await t.test('folders that are turned inside out on the portal end as they are there', async (t) => {
  const scene = await setUp(t)
  await scene.act('mkdir', { path: 'a' })
  await scene.act('mkdir', { path: 'a/b' })
  await scene.list()
  const [a, b] = [await scene.item('a'), await scene.item('a/b')]
  await scene.list(b.ino)
  await scene.act('move', { path: 'a/b', to: '' })
  await scene.act('move', { path: 'a', to: 'b' })
  await sync(scene)
  await sync(scene)
  t.equal((await scene.known('b'))?.ino, b.ino)
  t.equal((await scene.known('b/a'))?.ino, a.ino)
  t.same(await scene.names('b/a'), [])
})

await t.test('a folder seen inside one that still stands below it here waits until that one has moved', async (t) => {
  const scene = await setUp(t)
  await scene.act('mkdir', { path: 'a' })
  await scene.act('mkdir', { path: 'a/b' })
  const [a, b] = [await scene.item('a'), await scene.item('a/b')]
  await scene.act('move', { path: 'a/b', to: '' })
  await scene.act('move', { path: 'a', to: 'b' })
  await scene.list(b.ino)
  t.same(await scene.mirror.path(b.ino), ['a', 'b'], 'what the root knows of b is older')
  await sync(scene)
  await sync(scene)
  t.same(await scene.mirror.path(a.ino), ['b', 'a'])
})

await t.test('a new file under the name of one that was moved away appears at the same look', async (t) => {
  const scene = await setUp(t)
  await smallDrive(scene)
  const plan = (await scene.known('docs/plan.txt'))!
  await scene.act('mkdir', { path: 'archive' })
  await scene.act('move', { path: 'docs/plan.txt', to: 'archive' })
  await scene.act('write', { path: 'docs/plan.txt', content: 'another plan' })
  await sync(scene)
  t.equal((await scene.known('archive/plan.txt'))?.ino, plan.ino)
  t.equal((await scene.known('docs/plan.txt'))?.sizeBytes, 'another plan'.length)
})

await t.test('deleted here and edited there, the file comes back (C9)', async (t) => {
  const scene = await setUp(t)
  await smallDrive(scene)
  const plan = (await scene.known('docs/plan.txt'))!
  await scene.store.transact((tx) => scene.mirror.update(tx, plan, { parent: null, deleted: true }))
  await sync(scene)
  t.same(await scene.names('docs'), ['note.txt'], 'a deletion that waits to be sent is not undone')
  await scene.act('write', { path: 'docs/plan.txt', content: 'better plan' })
  await sync(scene)
  const after = (await scene.known('docs/plan.txt'))!
  t.equal(after.ino, plan.ino)
  t.equal(after.deleted, false)
  t.equal(after.sizeBytes, 'better plan'.length)
})

await t.test('a name taken by a new item of this computer is left to the upload (C22)', async (t) => {
  const scene = await setUp(t)
  await smallDrive(scene)
  const docs = (await scene.known('docs'))!
  const mine = await scene.fileHere(docs.ino, 'REPORT.txt')
  await scene.act('write', { path: 'docs/report.txt', content: 'theirs' })
  await scene.act('rename', { path: 'docs/note.txt', name: 'x' })
  await sync(scene)
  t.same(await scene.names('docs'), ['REPORT.txt', 'plan.txt', 'x'])
  const row = (await scene.mirror.get(mine))!
  await scene.store.transact((tx) => scene.mirror.update(tx, row, { name: 'REPORT (conflict).txt' }))
  await sync(scene)
  t.same(await scene.names('docs'), ['REPORT (conflict).txt', 'plan.txt', 'report.txt', 'x'])
})

await t.test('a folder where a name is taken by something not sent is looked at again as soon as that is asked for, and only that folder', async (t) => {
  const scene = await setUp(t)
  await smallDrive(scene)
  const old = (await scene.known('old'))!
  const mine = await scene.fileHere(old.ino, 'plan.txt')
  t.equal(await scene.watch.lookAtBlocked(scene.signal), false, 'nothing is')
  await scene.act('move', { path: 'docs/plan.txt', to: 'old' })
  await sync(scene)
  t.same(await scene.names('old'), ['plan.txt'])
  t.equal(await scene.watch.lookAtBlocked(scene.signal), false, 'the name is still taken')
  const row = (await scene.mirror.get(mine))!
  await scene.store.transact((tx) => scene.mirror.update(tx, row, { name: 'plan (conflict).txt' }))
  await scene.act('write', { path: 'docs/unseen.txt', content: 'a look at all would find it' })
  t.equal(await scene.watch.lookAtBlocked(scene.signal), true)
  t.same(await scene.names('old'), ['plan (conflict).txt', 'plan.txt'])
  t.same(await scene.names('docs'), ['note.txt'])
  t.equal(await scene.watch.lookAtBlocked(scene.signal), false, 'nothing is any more')
})

await t.test('a name taken by a file that only lives here is given to the portal and the local file kept', async (t) => {
  const scene = await setUp(t)
  await smallDrive(scene)
  const docs = (await scene.known('docs'))!
  const lock = await scene.fileHere(docs.ino, '~$plan.txt', true)
  await scene.act('write', { path: 'docs/~$plan.txt', content: 'of their Windows' })
  await sync(scene)
  t.not((await scene.known('docs/~$plan.txt'))?.ino, lock)
  const kept = (await scene.mirror.get(lock))!
  t.match(kept.name, /^~\$plan \(conflict laptop .*\)\.txt$/)
  t.equal(kept.localOnly, true)
})

await t.test('a listing asked for before our own confirmed request is not applied to its row', async (t) => {
  const scene = await setUp(t)
  await smallDrive(scene)
  const plan = (await scene.known('docs/plan.txt'))!
  scene.onListed = async () => {
    const renamed = await scene.drive.rename({ id: plan.base!.id, kind: 'file' }, 'ours.txt', { priority: 'upload' })
    await scene.store.transact(async (tx) => {
      await scene.mirror.update(tx, plan, { name: 'ours.txt' })
      await scene.mirror.confirmBase(tx, plan.ino, plan.parent, renamed)
    })
  }
  await sync(scene)
  t.equal((await scene.mirror.get(plan.ino))?.name, 'ours.txt')
  t.equal((await scene.mirror.get(plan.ino))?.base?.name, 'ours.txt')
})

await t.test('a row whose request may be under way is left to the upload', async (t) => {
  const scene = await setUp(t)
  await smallDrive(scene)
  const plan = (await scene.known('docs/plan.txt'))!
  await scene.store.transact(async (tx) => {
    await scene.journal.touch(tx, plan.ino, 1, 1)
    await scene.journal.recordAttempt(tx, plan.ino, { step: 'rename', startedServerMs: 1, name: 'ours.txt' })
  })
  await scene.act('rename', { path: 'docs/plan.txt', name: 'theirs.txt' })
  await scene.act('trash', { path: 'docs/theirs.txt' })
  await sync(scene)
  t.equal((await scene.mirror.get(plan.ino))?.name, 'plan.txt')
  await scene.store.transact((tx) => scene.journal.clearAttempt(tx, plan.ino))
  await sync(scene)
  t.equal(await scene.mirror.get(plan.ino), undefined)
})

await t.test('a newer version that a reader met is recorded at once (C6)', async (t) => {
  const scene = await setUp(t)
  await smallDrive(scene)
  const plan = await scene.cacheBytes('docs/plan.txt', text('plan one'))
  await scene.act('write', { path: 'docs/plan.txt', content: 'plan two!' })
  await scene.act('rename', { path: 'docs/plan.txt', name: 'elsewhere known.txt' })
  scene.watch.remoteMoved(await scene.drive.getFile(plan.base!.id, { priority: 'interactive' }))
  await scene.watch.stop()
  const after = (await scene.mirror.get(plan.ino))!
  t.equal(after.base?.version, 2)
  t.equal(after.contentId, null)
  t.equal(after.name, 'plan.txt', 'its place is not judged by a look at the file alone')
  t.same(scene.reported(), ['content'])
})

await t.test('a connected folder is shown once, and another link to it when the first one goes (13.2)', async (t) => {
  const scene = await setUp(t)
  await scene.act('mkdir', { storage: COMPANY_DRIVE, path: 'shared' })
  await scene.act('mkdir', { storage: COMPANY_DRIVE, path: 'shared/inner' })
  await scene.act('write', { storage: COMPANY_DRIVE, path: 'shared/inner/paper.txt', content: 'paper' })
  await scene.act('connect', { storage: COMPANY_DRIVE, path: 'shared' })
  await scene.list()
  const link = (await scene.known('shared'))!
  t.not(link.base?.id, link.base?.realId)
  await scene.item('shared/inner/paper.txt')
  await scene.act('connect', { storage: COMPANY_DRIVE, path: 'shared/inner' })
  await sync(scene)
  t.same(await scene.names(), ['shared'])
  t.same(await scene.names('shared/inner'), ['paper.txt'])
  await scene.drive.trash({ id: link.base!.id, kind: 'folder' }, { priority: 'upload' })
  await sync(scene)
  await sync(scene)
  t.same(await scene.names(), ['inner'])
  await scene.item('inner/paper.txt')
  t.same(await scene.names('inner'), ['paper.txt'])
})

await t.test('a change inside a connected folder is found through the link', async (t) => {
  const scene = await setUp(t)
  await scene.act('mkdir', { storage: COMPANY_DRIVE, path: 'shared' })
  await scene.act('write', { storage: COMPANY_DRIVE, path: 'shared/paper.txt', content: 'paper' })
  await scene.act('connect', { storage: COMPANY_DRIVE, path: 'shared' })
  const paper = await scene.item('shared/paper.txt')
  await scene.act('rename', { storage: COMPANY_DRIVE, path: 'shared/paper.txt', name: 'scissors.txt' })
  await sync(scene)
  t.equal((await scene.known('shared/scissors.txt'))?.ino, paper.ino)
})

await t.test('a file that is replaced by us (6a.7) while a listing without its old id is judged keeps its row', async (t) => {
  const scene = await setUp(t)
  await smallDrive(scene)
  const { ino, base } = await scene.item('docs/note.txt')
  const judged = scene.mirror.getMany.bind(scene.mirror)
  await scene.act('trash', { as: 'owner', path: 'docs/note.txt' })
  // Between the reading of the rows that a listing lacks and the question about them, our answer is recorded.
  let isListed = false
  scene.onListed = () => Promise.resolve(void (isListed = true))
  scene.mirror.getMany = async (inos) => {
    if (!isListed) return judged(inos)
    scene.mirror.getMany = judged
    const { id } = await scene.act('write', { as: 'owner', path: 'docs/note.txt', content: '' })
    const made = await scene.drive.getFile(id as never, { priority: 'upload' })
    await scene.store.transact(async (tx) => {
      await scene.mirror.clearBase(tx, ino)
      await scene.mirror.confirmBase(tx, ino, base!.parent, made)
    })
    return judged(inos)
  }
  await sync(scene)
  t.not((await scene.mirror.get(ino))?.base?.id, base!.id)
  t.equal((await scene.known('docs/note.txt'))?.ino, ino)
})

await t.test('what our own upload has just made is not shown a second time while its answer is on the way and its row was renamed', async (t) => {
  const scene = await setUp(t)
  await smallDrive(scene)
  const docs = (await scene.known('docs'))!
  const ino = await scene.store.transact(async (tx) => {
    const made = await scene.mirror.insertLocal(tx, { parent: docs.ino, name: 'renamed since', kind: 'file', mode: 0o644, sizeBytes: 4, mtimeMs: 1, contentId: await scene.cache.createLocal(tx), localOnly: false })
    await scene.journal.touch(tx, made, 1, 1)
    await scene.journal.recordAttempt(tx, made, { step: 'upload-new', startedServerMs: 1, name: 'sent', parentId: docs.base!.realId })
    return made
  })
  await scene.act('write', { as: 'owner', path: 'docs/sent', content: 'sent' })
  await sync(scene)
  t.same(await scene.names('docs'), ['note.txt', 'plan.txt', 'renamed since'])
  await scene.store.transact((tx) => scene.journal.remove(tx, ino)) // the answer never came, and it was not ours
  await sync(scene)
  t.same(await scene.names('docs'), ['note.txt', 'plan.txt', 'renamed since', 'sent'])
})
