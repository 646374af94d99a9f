/** What somebody does on the portal to items that are in the trash of a file manager here. */
import t from 'tap'
import { ROOT_INO, type Ino } from '../../src/base/ids.js'
import type { Item } from '../../src/mirror/item.js'
import { markTrashed } from '../../src/mirror/trash-rows.js'
import { setUp, type Scene } from './scene.js'

const text = (words: string): Uint8Array => Buffer.from(words)
const sync = (scene: Scene): Promise<void> => scene.watch.syncAll(scene.signal)

/** As after "Move to Trash"; `sent`: the portal has it in its trash, too. */
async function trash(scene: Scene, path: string, options: { readonly sent: boolean }): Promise<Item> {
  const item = await scene.item(path)
  if (options.sent) await scene.hook('act', { as: 'owner', storage: scene.portal.storageId, op: 'trash', path })
  const { store, mirror } = scene
  await store.transact(async (tx) => {
    const local = { mode: 0o700, sizeBytes: 0, mtimeMs: 1, localOnly: true }
    const folder = async (parent: Ino, name: string): Promise<Ino> =>
      (await mirror.childIn(tx, parent, name))?.ino ?? mirror.insertLocal(tx, { ...local, parent, name, kind: 'folder', contentId: null })
    const top = await folder(ROOT_INO, '.Trash-0')
    const [files, notes] = [await folder(top, 'files'), await folder(top, 'info')]
    await mirror.insertLocal(tx, { ...local, parent: notes, name: `${item.name}.trashinfo`, kind: 'file', contentId: await scene.cache.createLocal(tx) })
    await mirror.update(tx, item, { parent: files, placeChangedMs: 1 })
    if (options.sent) await markTrashed(mirror, tx, await mirror.needIn(tx, item.ino))
    else await scene.journal.touch(tx, item.ino, 1, 1)
  })
  scene.deltas.length = 0
  return (await mirror.get(item.ino))!
}

/** `docs/a.txt`, `docs/b.txt` and `docs/deep/c.txt`, all listed. */
async function smallDrive(t: Parameters<typeof setUp>[0]): Promise<Scene> {
  const scene = await setUp(t)
  for (const path of ['docs', 'docs/deep']) await scene.act('mkdir', { path })
  for (const name of ['a.txt', 'b.txt', 'deep/c.txt']) await scene.act('write', { path: `docs/${name}`, content: name })
  await scene.item('docs/deep/c.txt')
  return scene
}

await t.test('what is in the trash of both sides is missed by no listing, and asked for by nobody', async (t) => {
  const scene = await smallDrive(t)
  await scene.cacheBytes('docs/a.txt', text('a.txt'))
  const a = await trash(scene, 'docs/a.txt', { sent: true })
  const deep = await trash(scene, 'docs/deep', { sent: true })
  await scene.forgetTraffic()
  await sync(scene)
  t.same((await scene.mirror.get(a.ino))?.parent, a.parent)
  t.equal(await scene.contentOf(a), 'a.txt')
  t.same(await scene.names('.Trash-0/files/deep'), ['c.txt'])
  t.same(scene.reported(), [])
  const { methods } = await scene.traffic()
  t.same([methods['disk.file.get'], methods['disk.folder.get']], [undefined, undefined], 'no question about an id')
  t.equal(methods['disk.folder.getchildren'], 2, 'the root and docs are listed, the folder in the trash is not')
  t.equal(deep.base?.trashed, true)
})

await t.test('a folder that the portal has under the name of a trash is shown under another one', async (t) => {
  const scene = await smallDrive(t)
  const { id } = await scene.act('mkdir', { path: '.Trash-0' })
  await sync(scene)
  t.same(await scene.names(), [`.Trash-0~${id}`, 'docs'])
  t.ok(await trash(scene, 'docs/a.txt', { sent: true }), 'and a trash can be made beside it')
})

await t.test('restored on the portal, it is at its place again with its bytes, and the trash here has neither it nor its note (C18)', async (t) => {
  const scene = await smallDrive(t)
  await scene.cacheBytes('docs/a.txt', text('a.txt'))
  const a = await trash(scene, 'docs/a.txt', { sent: true })
  await scene.act('restore', { id: a.base!.id })
  await sync(scene)
  const back = (await scene.known('docs/a.txt'))!
  t.equal(back.ino, a.ino)
  t.equal(back.base?.trashed, false)
  t.equal(await scene.contentOf(back), 'a.txt')
  t.same(await scene.names('.Trash-0/files'), [])
  t.same(await scene.names('.Trash-0/info'), [])
  t.same(scene.reported(), ['moved', 'vanished'])
})

await t.test('a folder restored on the portal comes back with what is in it, edits included (C18)', async (t) => {
  const scene = await smallDrive(t)
  const c = await scene.edit('docs/deep/c.txt', text('edited'))
  const deep = await trash(scene, 'docs/deep', { sent: true })
  await scene.store.transact((tx) => scene.journal.remove(tx, c.ino)) // as the uploader does for what is in the trash
  await scene.act('restore', { id: deep.base!.id })
  await sync(scene)
  const back = (await scene.known('docs/deep/c.txt'))!
  t.same([back.ino, back.base?.trashed], [c.ino, false])
  t.equal(await scene.contentOf(back), 'edited')
  t.ok(await scene.journal.get(c.ino), 'and the edit is queued')
})

await t.test('restored on the portal where something new has its name here, it waits in the trash until the name is free', async (t) => {
  const scene = await smallDrive(t)
  const a = await trash(scene, 'docs/a.txt', { sent: true })
  const docs = (await scene.known('docs'))!.ino
  const ours = await scene.fileHere(docs, 'a.txt')
  await scene.act('restore', { id: a.base!.id })
  await sync(scene)
  t.equal((await scene.known('docs/a.txt'))?.ino, ours)
  t.equal((await scene.mirror.get(a.ino))?.parent, a.parent)
  await scene.store.transact(async (tx) => scene.mirror.update(tx, await scene.mirror.needIn(tx, ours), { name: 'ours.txt' }))
  await sync(scene)
  t.equal((await scene.known('docs/a.txt'))?.ino, a.ino)
})

await t.test('the trash here keeps what somebody trashes there at the same time, and what was in a folder that goes', async (t) => {
  const scene = await smallDrive(t)
  const a = await trash(scene, 'docs/a.txt', { sent: false })
  const b = await trash(scene, 'docs/b.txt', { sent: true })
  const deep = await trash(scene, 'docs/deep', { sent: false })
  await scene.act('trash', { path: 'docs/a.txt' })
  await sync(scene)
  await scene.act('trash', { path: 'docs' })
  await sync(scene)
  for (const row of [a, b, deep]) t.same((await scene.mirror.get(row.ino))?.parent, row.parent, row.name)
  t.same(await scene.names('.Trash-0/files/deep'), ['c.txt'])
})

await t.test('changed on the portal before the deletion was sent, it comes back as it is there (C9)', async (t) => {
  const scene = await smallDrive(t)
  await scene.cacheBytes('docs/a.txt', text('a.txt'))
  const a = await trash(scene, 'docs/a.txt', { sent: false })
  await scene.act('write', { path: 'docs/a.txt', content: 'newer' })
  await sync(scene)
  const back = (await scene.known('docs/a.txt'))!
  t.same([back.ino, back.contentId], [a.ino, null])
})
