import t from 'tap'
import { portalFor, type TestPortal } from './drive-client.js'
import { text, type Json } from './json.js'

const get = (portal: TestPortal, type: 'file' | 'folder', id: unknown): Promise<Json> => portal.result(`disk.${type}.get`, { id })

void t.test('E-41: copies have a new id, the newest content and the counter 1, also into another storage', async (t) => {
  const portal = await portalFor(t)
  const file = await portal.file('31', 'a.txt', 'one')
  await portal.result('disk.file.uploadVersion', { id: file.ID, fileContent: 'dHdv' })
  const copy = await portal.result('disk.file.copyTo', { id: file.ID, targetFolderId: 33 })
  t.not(Number(copy.ID), Number(file.ID))
  t.equal(copy.GLOBAL_CONTENT_VERSION, 1)
  t.equal(copy.STORAGE_ID, '13')
  t.equal((await portal.fetch(text(copy.DOWNLOAD_URL))).text, 'two')
  t.equal((await portal.call('disk.file.copyTo', { id: file.ID, targetFolderId: 31 })).json.error, 'DISK_OBJ_22000')
})

void t.test('E-41: a folder is copied whole but for its links, and a link itself not at all', async (t) => {
  const portal = await portalFor(t)
  await portal.act('write', { path: 'P/S/a.txt', content: 'a' })
  await portal.act('mkdir', { storage: '13', path: 'Sales' })
  const link = await portal.act('connect', { storage: '13', path: 'Sales' })
  await portal.act('move', { path: 'Sales', to: 'P' })
  t.equal((await portal.call('disk.folder.copyTo', { id: link.id, targetFolderId: 33 })).json.error, 'DISK_FOLDER_LINK_22002')
  const source = await portal.act('mkdir', { path: 'P' })
  const copy = await portal.result('disk.folder.copyTo', { id: source.id, targetFolderId: 33 })
  t.same(await portal.names(String(Number(copy.ID))), ['S'])
  const paths = (await portal.hook('tree')).filter((item) => text(item.storage) === '13').map((item) => item.path)
  t.ok(paths.map(text).includes('P/S/a.txt'))
})

void t.test('E-42: a move within the storage keeps the id; into the same parent it changes nothing', async (t) => {
  const portal = await portalFor(t)
  const folder = await portal.folder('31', 'P')
  const file = await portal.file('31', 'a.txt')
  const moved = await portal.result('disk.file.moveTo', { id: file.ID, targetFolderId: folder.ID })
  t.equal(moved.ID, String(Number(file.ID)))
  t.equal(moved.PARENT_ID, folder.ID)
  t.equal((await portal.result('disk.file.moveTo', { id: file.ID, targetFolderId: folder.ID })).PARENT_ID, String(Number(folder.ID)))
  await portal.file('31', 'A.TXT')
  t.equal((await portal.call('disk.file.moveTo', { id: file.ID, targetFolderId: 31 })).json.error, 'DISK_OBJ_22000')
})

void t.test('E-42: a move into another storage answers 200 false and moves nothing', async (t) => {
  const portal = await portalFor(t)
  const file = await portal.file('31', 'a.txt')
  const answer = await portal.call('disk.file.moveTo', { id: file.ID, targetFolderId: 33 })
  t.equal(answer.status, 200)
  t.equal(answer.json.result, false)
  t.equal((await get(portal, 'file', file.ID)).PARENT_ID, '31')
})

void t.test('E-42: a folder cannot go into itself or below', async (t) => {
  const portal = await portalFor(t)
  const outer = await portal.folder('31', 'outer')
  const inner = await portal.folder(String(Number(outer.ID)), 'inner')
  for (const target of [outer.ID, inner.ID]) t.equal((await portal.call('disk.folder.moveTo', { id: outer.ID, targetFolderId: target })).status, 400)
  t.same(await portal.names('31'), ['outer'])
})

void t.test('E-42: a move into a link of the same storage copies, trashes the original and answers the original', async (t) => {
  const portal = await portalFor(t)
  await portal.act('mkdir', { storage: '13', path: 'Sales' })
  const link = await portal.act('connect', { storage: '13', path: 'Sales' })
  const file = await portal.file('31', 'a.txt')
  const answer = await portal.result('disk.file.moveTo', { id: file.ID, targetFolderId: link.id })
  t.equal(answer.ID, String(Number(file.ID)))
  t.equal(answer.DELETED_TYPE, 3)
  t.same(await portal.names(text(link.target)), ['a.txt'])
})

void t.test('E-43: the trash keeps the id and the name, clears CODE, and marks what is below with 4', async (t) => {
  const portal = await portalFor(t)
  const file = await portal.act('write', { path: 'P/S/a.txt', content: 'a' })
  const folder = await portal.act('mkdir', { path: 'P' })
  const trashed = await portal.result('disk.folder.markDeleted', { id: folder.id })
  t.equal(trashed.DELETED_TYPE, 3)
  t.equal(trashed.NAME, 'P')
  t.equal(trashed.CODE, null)
  t.equal(trashed.DELETED_BY, '1')
  t.equal((await get(portal, 'file', file.id)).DELETED_TYPE, '4')
  t.same(await portal.hook('tree'), [])
  t.same(await portal.names(text(folder.id)), [], 'nothing is listed in a trashed folder')
  await portal.result('disk.folder.restore', { id: folder.id })
  t.equal((await get(portal, 'file', file.id)).DELETED_TYPE, '0')
})

void t.test('E-43: a restore makes the name unique', async (t) => {
  const portal = await portalFor(t)
  const file = await portal.file('31', 'a.txt')
  await portal.result('disk.file.markDeleted', { id: file.ID })
  await portal.file('31', 'a.txt', 'other')
  const restored = await portal.result('disk.file.restore', { id: file.ID })
  t.equal(restored.NAME, 'a (1).txt')
  t.equal(restored.DELETED_TYPE, 0)
})

void t.test('E-43: restoring a child brings its ancestors back but not its siblings, until the ancestor itself is restored', async (t) => {
  const portal = await portalFor(t)
  const wanted = await portal.act('write', { path: 'P/S/a.txt', content: 'a' })
  const sibling = await portal.act('write', { path: 'P/S/b.txt', content: 'b' })
  const before = await portal.act('write', { path: 'P/c.txt', content: 'c' })
  const folder = await portal.act('mkdir', { path: 'P' })
  await portal.result('disk.file.markDeleted', { id: before.id })
  await portal.result('disk.folder.markDeleted', { id: folder.id })
  t.equal((await get(portal, 'file', before.id)).DELETED_TYPE, '3', 'trashed by itself stays so')
  await portal.result('disk.file.restore', { id: wanted.id })
  const paths = async (): Promise<string[]> => (await portal.hook('tree')).map((item) => text(item.path)).sort()
  t.same(await paths(), ['P', 'P/S', 'P/S/a.txt'])
  t.equal((await get(portal, 'file', wanted.id)).NAME, 'a.txt')
  t.equal((await get(portal, 'file', sibling.id)).DELETED_TYPE, '4')
  await portal.result('disk.folder.markDeleted', { id: folder.id })
  await portal.result('disk.folder.restore', { id: folder.id })
  t.same(await paths(), ['P', 'P/S', 'P/S/a.txt', 'P/S/b.txt'])
})

void t.test('E-43: delete and deleteTree are for good', async (t) => {
  const portal = await portalFor(t)
  const file = await portal.act('write', { path: 'P/S/a.txt', content: 'a' })
  const folder = await portal.act('mkdir', { path: 'P' })
  t.equal(await portal.result('disk.folder.deleteTree', { id: folder.id }), true)
  t.equal((await portal.call('disk.file.get', { id: file.id })).json.error, 'ERROR_NOT_FOUND')
  t.equal((await portal.call('disk.folder.restore', { id: folder.id })).json.error, 'ERROR_NOT_FOUND')
  const other = await portal.file('31', 'b.txt')
  t.equal(await portal.result('disk.file.delete', { id: other.ID }), true)
  t.equal((await portal.call('disk.file.get', { id: other.ID })).status, 400)
})

void t.test('E-44: an editor may trash but not destroy', async (t) => {
  const portal = await portalFor(t)
  const file = await portal.act('write', { storage: '13', path: 'a.txt', content: 'a' })
  const refused = await portal.call('disk.file.delete', { id: file.id })
  t.equal(refused.status, 403)
  t.equal(refused.json.error, 'ACCESS_DENIED')
  t.equal((await portal.result('disk.file.markDeleted', { id: file.id })).DELETED_TYPE, 3)
  t.equal((await portal.result('disk.file.restore', { id: file.id })).DELETED_TYPE, 0, 'what I trashed I may take back')
  await portal.hook('traits', { editorMayDestroy: true })
  t.equal(await portal.result('disk.file.delete', { id: file.id }), true)
})

void t.test('E-45: roots are protected with an empty error', async (t) => {
  const portal = await portalFor(t)
  for (const [method, parameters] of [
    ['disk.folder.markDeleted', {}],
    ['disk.folder.deleteTree', {}],
    ['disk.folder.moveTo', { targetFolderId: 31 }],
  ] as const) {
    const answer = await portal.call(method, { id: 31, ...parameters })
    t.equal(answer.status, 400, method)
    t.equal(answer.json.error, '', method)
    t.match(text(answer.json.error_description), /root folder/, method)
  }
  await portal.hook('traits', { rootFailureCode: 'DISK_OBJ_22000' })
  t.equal((await portal.call('disk.folder.deleteTree', { id: 31 })).json.error, 'DISK_OBJ_22000')
})
