// R5: folders that a person does not want (C26), and what listings, moves and links make of them.
import t from 'tap'
import { ROOT_INO } from '../../src/base/ids.js'
import type { Item } from '../../src/mirror/item.js'
import { RECOVERY_FOLDER_NAME } from '../../src/mirror/recovery-place.js'
import { readUnselected } from '../../src/mirror/selection-rows.js'
import { COMPANY_DRIVE, setUp, type Scene } from './scene.js'

t.jobs = 4

const text = (content: string): Uint8Array => Buffer.from(content)

/** Everything that is listed, listed again. */
function sync(scene: Scene): Promise<void> {
  return scene.watch.syncAll(scene.signal)
}

async function deselect(scene: Scene, path: string): Promise<void> {
  const { ino } = await scene.item(path)
  const outcome = await scene.watch.selection.deselect(ino, { writers: () => [], signal: scene.signal })
  if (outcome.kind !== 'done') throw new Error(`${path} is ${outcome.kind}`)
}

async function rowsBelow(scene: Scene, ino = ROOT_INO): Promise<readonly string[]> {
  return (await scene.mirror.subtreeIn(scene.store.read, ino)).flatMap((item) => (item.ino === ino ? [] : [item.name])).sort()
}

async function twoFolders(scene: Scene): Promise<void> {
  for (const path of ['work/a.txt', 'work/deep/b.txt', 'other/c.txt']) await scene.act('write', { path, content: path })
  for (const path of ['work/a.txt', 'work/deep/b.txt', 'other/c.txt']) await scene.cacheBytes(path, text(path))
}

await t.test('no row and no byte of it stays but its own, told to the kernel as gone, and the choice outlives its trash (C26)', async (t) => {
  const scene = await setUp(t)
  await twoFolders(scene)
  const { ino, base, contentGeneration } = (await scene.known('work'))!
  scene.deltas.length = 0
  await scene.forgetTraffic()
  await deselect(scene, 'work')
  t.same(await scene.names(), ['other'])
  t.same(await rowsBelow(scene), ['c.txt', 'other', 'work'])
  t.equal((await scene.store.read.get('SELECT count(*) AS n FROM contents'))?.n, 1, 'the bytes of other/c.txt are here, and no others')
  t.same(scene.deltas[0], { kind: 'vanished', ino, generation: contentGeneration, at: { parent: ROOT_INO, name: 'work' } }, 'the folder first')
  t.equal((await scene.traffic()).total, 0, 'nothing is asked of the portal')

  await scene.act('trash', { path: 'work' })
  await sync(scene)
  t.same(await rowsBelow(scene), ['c.txt', 'other'], 'trashed there, its row goes too')
  await scene.act('restore', { id: base!.id })
  await sync(scene)
  t.same(await scene.names(), ['other'])
  const again = (await scene.mirror.byRemoteId(base!.id))!
  t.equal(again.excluded, true, 'restored there, it is still not wanted')
  await scene.watch.selection.select(again.ino, scene.signal)
  t.same(await scene.names(), ['other', 'work'])
  t.equal((await scene.known('work'))?.contentGeneration, again.contentGeneration + 1, 'another node: the kernel has declared the former one dead')
  t.equal((await readUnselected(scene.store.read)).size, 0)
})

await t.test('what comes below it while it is cleared away is not lost: it goes to the recovery folder', async (t) => {
  const scene = await setUp(t)
  await twoFolders(scene)
  const deep = (await scene.known('work/deep'))!
  let late: Promise<unknown> = Promise.resolve()
  scene.onDelta = ([first]) => {
    if (first?.kind !== 'vanished') return
    scene.onDelta = () => undefined
    late = scene.fileHere(deep.ino, 'late.txt').then((made) => scene.store.transact((tx) => scene.journal.touch(tx, made, 1, 1)))
  }
  await deselect(scene, 'work')
  await late
  t.same(await rowsBelow(scene), [RECOVERY_FOLDER_NAME, 'c.txt', 'late.txt', 'other', 'work'])
  t.same(await scene.names(RECOVERY_FOLDER_NAME), ['late.txt'])
  t.ok(await scene.journal.get((await scene.known(`${RECOVERY_FOLDER_NAME}/late.txt`))!.ino), 'and is to be sent')
})

await t.test('nor is what comes after the first rows below it went', async (t) => {
  const scene = await setUp(t, { seed: 'tree:1x310' })
  const { ino } = await scene.item('folder-1')
  await scene.list(ino)
  let late: Promise<unknown> = Promise.resolve()
  scene.onDelta = ([first]) => {
    if (first?.kind !== 'vanished' || first.ino === ino) return
    scene.onDelta = () => undefined
    late = scene.fileHere(ino, 'late.txt')
  }
  await deselect(scene, 'folder-1')
  await late
  t.same(await rowsBelow(scene), [RECOVERY_FOLDER_NAME, 'folder-1', 'late.txt'])
})

await t.test('wanted again while it is cleared away, it is shown when that is done, and nothing of it is missing', async (t) => {
  const scene = await setUp(t, { seed: 'tree:1x310' })
  const { ino } = await scene.item('folder-1')
  await scene.list(ino)
  let again: Promise<unknown> = Promise.resolve()
  scene.onDelta = () => {
    scene.onDelta = () => undefined
    again = scene.watch.selection.select(ino, scene.signal).then(() => scene.list(ino))
  }
  await deselect(scene, 'folder-1')
  await again
  t.equal((await scene.names('folder-1')).length, 310)
  const over = AbortSignal.abort()
  t.same(await scene.watch.selection.deselect(ino, { writers: () => [], signal: over }), { kind: 'done' }, 'who has gone away does not wait')
  await t.rejects(scene.watch.selection.select(ino, over), { code: 'cancelled' })
})

await t.test('an edit, a deletion, a move out of it and a name that only programs use keep it here; a mark of a program does not', async (t) => {
  const scene = await setUp(t)
  await twoFolders(scene)
  const { ino } = (await scene.known('work'))!
  const obstacles = async (writers: readonly Item['ino'][] = []): Promise<unknown> => {
    const outcome = await scene.watch.selection.deselect(ino, { writers: () => writers, signal: scene.signal })
    return outcome.kind === 'done' ? 'done' : [outcome.kind, ...outcome.items.map(({ name }) => name).sort()]
  }
  const file = await scene.edit('work/deep/b.txt', text('mine'))
  const moved = (await scene.known('work/a.txt'))!
  const other = (await scene.known('other'))!
  t.same(await obstacles([file.ino]), ['in-use', 'b.txt'])
  await scene.store.transact(async (tx) => {
    await scene.mirror.update(tx, moved, { parent: other.ino })
    await scene.journal.touch(tx, moved.ino, 1, 1)
  })
  const swap = await scene.fileHere(ino, '.a.swp', true)
  await scene.fileHere(ino, '.directory', true)
  t.same(await obstacles(), ['unsent', '.a.swp', 'a.txt', 'b.txt'])
  await scene.store.transact(async (tx) => {
    await scene.mirror.update(tx, (await scene.mirror.getIn(tx, moved.ino))!, { parent: null, deleted: true })
    await scene.mirror.remove(tx, (await scene.mirror.getIn(tx, swap))!)
  })
  t.same(await obstacles(), ['unsent', 'a.txt', 'b.txt'], 'a deletion that was not sent')
  t.same(await scene.names('work'), ['.directory', 'deep'], 'nothing has happened')
  await scene.store.transact(async (tx) => {
    for (const { ino } of [file, moved]) await scene.journal.remove(tx, ino)
  })
  t.same(await obstacles(), ['unsent', 'b.txt'], 'an edit that nobody has queued yet')
  await scene.store.transact(async (tx) => {
    await scene.cache.drop(tx, file.contentId!)
    await scene.mirror.update(tx, (await scene.mirror.getIn(tx, file.ino))!, { contentId: null })
  })
  t.equal(await obstacles(), 'done')
})

await t.test('a folder below another one can be chosen too: its parent is not empty, and what is listed again stays as chosen', async (t) => {
  const scene = await setUp(t)
  await twoFolders(scene)
  await deselect(scene, 'work/deep')
  await sync(scene)
  t.same(await scene.names('work'), ['a.txt'])
  t.same(await rowsBelow(scene, (await scene.known('work'))!.ino), ['a.txt', 'deep'])
  await scene.act('move', { path: 'work/deep', to: 'other' })
  await sync(scene)
  t.same(await scene.names('other'), ['c.txt'])
  t.same(await rowsBelow(scene, (await scene.known('other'))!.ino), ['c.txt', 'deep'], 'moved there, it is the same by its id')
  await deselect(scene, 'other')
  const other = (await scene.mirror.childIn(scene.store.read, ROOT_INO, 'other'))!
  await scene.watch.selection.select(other.ino, scene.signal)
  t.same(await scene.item('other/c.txt').then(({ name }) => name), 'c.txt')
  t.same(await scene.names('other'), ['c.txt'], 'chosen anew, the one above does not show it')
})

await t.test('a second link to a folder that is not wanted does not take its place', async (t) => {
  const scene = await setUp(t)
  await scene.act('write', { storage: COMPANY_DRIVE, path: 'shared/a.txt', content: 'a' })
  const first = await scene.act('connect', { storage: COMPANY_DRIVE, path: 'shared' })
  await scene.item(first.path)
  const second = await scene.act('connect', { storage: COMPANY_DRIVE, path: 'shared' })
  await sync(scene)
  t.same(await scene.names(), [first.path])
  await deselect(scene, first.path)
  await sync(scene)
  t.same(await scene.names(), [])
  const double = (await scene.mirror.byRemoteId((await scene.mirror.childIn(scene.store.read, ROOT_INO, second.path))!.base!.id))!
  await t.rejects(scene.watch.selection.select(double.ino, scene.signal), { code: 'not-permitted' })
  await scene.watch.selection.select((await scene.mirror.childIn(scene.store.read, ROOT_INO, first.path))!.ino, scene.signal)
  await sync(scene)
  t.same(await scene.names(), [first.path])
})

await t.test('a rename there to a name that something unsent has here is followed when that is free', async (t) => {
  const scene = await setUp(t)
  await twoFolders(scene)
  const { ino } = (await scene.known('work'))!
  await deselect(scene, 'work')
  const local = await scene.fileHere(ROOT_INO, 'wanted')
  await scene.act('rename', { path: 'work', name: 'wanted' })
  await sync(scene)
  t.equal((await scene.mirror.get(ino))?.name, 'work')
  await scene.store.transact(async (tx) => scene.mirror.remove(tx, (await scene.mirror.getIn(tx, local))!))
  await sync(scene)
  t.match(await scene.mirror.get(ino), { name: 'wanted', base: { name: 'wanted' }, excluded: true })
})
