// Folders of other storages that were connected here, as the watch sees them.
import t from 'tap'
import { asRemoteId, asStorageId } from '../../src/base/ids.js'
import { connectedId, insertConnection } from '../../src/mirror/connected-rows.js'
import type { Item } from '../../src/mirror/item.js'
import { COMPANY_DRIVE, setUp, type Scene } from './scene.js'

const SHARED = { storage: COMPANY_DRIVE, path: 'shared' } as const

/** The company's folder `shared`. */
async function connect(scene: Scene, id: string): Promise<Item> {
  const connection = { realId: asRemoteId(id), storageId: asStorageId(COMPANY_DRIVE), name: 'shared', wished: 'shared', source: 'Company drive/shared' }
  return scene.store.transact((tx) => insertConnection(scene.mirror, tx, connection))
}

async function setDeleted(scene: Scene, item: Item): Promise<void> {
  await scene.store.transact((tx) => scene.mirror.update(tx, item, { parent: null, deleted: true }))
}

await t.test('an empty folder that was connected here stays while it is there, and goes when it is trashed (C19)', async (t) => {
  const scene = await setUp(t)
  const { id } = await scene.act('mkdir', SHARED)
  const { ino } = await connect(scene, id)
  await scene.list()
  await scene.list(ino)
  await scene.watch.syncAll(scene.signal)
  t.same(await scene.names(), ['shared'], 'no list has it, and what it leads to is empty: neither proves anything')
  await scene.act('trash', SHARED)
  await scene.watch.syncAll(scene.signal)
  t.same(await scene.names(), [])
  t.equal(await scene.mirror.byRemoteId(connectedId(asRemoteId(id))), undefined, 'and is not connected any more')
})

await t.test('one that was never listed goes when somebody looks into it and may not (C19)', async (t) => {
  const scene = await setUp(t)
  const { id } = await scene.act('mkdir', SHARED)
  const { ino } = await connect(scene, id)
  await scene.list()
  await scene.act('rights', { ...SHARED, level: 'none' })
  await scene.hook('faults', { method: 'disk.folder.getchildren', kind: 'status', status: 403, error: 'ACCESS_DENIED', times: 10 })
  await t.rejects(scene.list(ino), { code: 'forbidden' })
  await new Promise<void>((resolve) => {
    scene.onDelta = () => { resolve() }
    if (scene.reported().includes('vanished')) resolve()
  })
  t.same(await scene.names(), [])
})

await t.test('what was deleted below a link never comes to stand below another way to the same folder, where it would be deleted for everybody', async (t) => {
  const scene = await setUp(t)
  const { id } = await scene.act('mkdir', SHARED)
  await scene.act('write', { ...SHARED, path: 'shared/theirs.txt', content: 'theirs' })
  await scene.act('connect', SHARED)
  await scene.act('connect', SHARED)
  await scene.list()
  const hidden = await connect(scene, id)
  const link = await scene.item('shared')
  await scene.list(link.ino)
  const file = await scene.item('shared/theirs.txt')
  await setDeleted(scene, file)
  await setDeleted(scene, link)

  await scene.watch.syncAll(scene.signal)
  t.same(await scene.names(), [], 'neither the other link nor the folder that was connected here is shown yet')
  t.equal((await scene.mirror.get(file.ino))?.base?.parent, link.ino)

  await scene.hook(`act`, { as: 'owner', op: 'trash', path: 'shared' }) // what the uploader does with the link
  await scene.store.transact(async (tx) => {
    for (const row of [file, link]) await scene.mirror.remove(tx, await scene.mirror.needIn(tx, row.ino))
  })
  await scene.watch.syncAll(scene.signal)
  const [shown] = await scene.names()
  t.equal((await scene.names()).length, 1, 'then one of them is')
  await scene.list((await scene.item(shown ?? '')).ino)
  t.same(await scene.names(shown), ['theirs.txt'])
  t.ok(hidden.excluded)
})
