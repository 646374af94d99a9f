import t from 'tap'
import { base64, portalFor, type TestPortal } from './drive-client.js'
import { text, type Json } from './json.js'

const row = (portal: TestPortal, id: unknown, type: 'file' | 'folder' = 'folder'): Promise<Json> => portal.result(`disk.${type}.get`, { id })

void t.test('E-59: roots have no parent; an administrator sees every user’s storage, others only their own', async (t) => {
  const portal = await portalFor(t)
  t.equal((await row(portal, 31)).PARENT_ID, null)
  const storages = async (): Promise<string[]> => (await portal.result('disk.storage.getlist', { order: { ID: 'ASC' } })).map((each) => text(each.ENTITY_TYPE))
  t.same(await storages(), ['user', 'common'])
  t.equal((await portal.call('disk.storage.get', { id: 12 })).status, 403)
  await portal.hook('account', { isAdmin: true })
  t.same(await storages(), ['user', 'user', 'common'])
})

void t.test('E-59: who has never opened Drive has no storage in the list', async (t) => {
  const portal = await portalFor(t)
  await portal.hook('account', { hasDrive: false })
  t.same((await portal.result('disk.storage.getList')).map((each) => text(each.ENTITY_TYPE)), ['common'])
  await portal.hook('account', { hasDrive: true })
  t.equal((await portal.result('disk.storage.getList')).length, 2)
})

void t.test('E-60: a link has another REAL_OBJECT_ID, lists the real folder’s children with the real parent and storage', async (t) => {
  const portal = await portalFor(t)
  await portal.act('write', { storage: '13', path: 'Sales/a.txt', content: 'a' })
  const made = await portal.act('connect', { storage: '13', path: 'Sales' })
  t.equal(made.type, 'link')
  t.equal(made.path, 'Sales')
  t.equal(made.storage, '11')
  const link = await row(portal, made.id)
  t.equal(link.TYPE, 'folder')
  t.equal(link.REAL_OBJECT_ID, made.target)
  t.equal(link.STORAGE_ID, '11')
  const [child] = await portal.result('disk.folder.getChildren', { id: made.id })
  t.equal(child!.PARENT_ID, made.target)
  t.equal(child!.STORAGE_ID, '13')
})

void t.test('E-60: writing through a link reaches the real folder, a rename only the link', async (t) => {
  const portal = await portalFor(t)
  await portal.act('mkdir', { storage: '13', path: 'Sales' })
  const made = await portal.act('connect', { storage: '13', path: 'Sales' })
  t.equal((await portal.file(text(made.id), 'a.txt')).PARENT_ID, made.target)
  t.equal((await portal.folder(text(made.id), 'sub')).STORAGE_ID, '13')
  t.equal((await portal.upload(text(made.id), 'b.txt', 'b')).json.result.PARENT_ID, made.target)
  await portal.result('disk.folder.rename', { id: made.id, newName: 'My sales' })
  t.equal((await row(portal, made.target)).NAME, 'Sales')
})

void t.test('E-60: trashing or destroying a link disconnects it and leaves the content', async (t) => {
  const portal = await portalFor(t)
  const file = await portal.act('write', { storage: '13', path: 'Sales/a.txt', content: 'a' })
  for (const method of ['disk.folder.markDeleted', 'disk.folder.deleteTree']) {
    const made = await portal.act('connect', { storage: '13', path: 'Sales' })
    t.equal((await portal.call(method, { id: made.id })).status, 200)
    t.equal((await portal.call('disk.folder.get', { id: made.id })).json.error, 'ERROR_NOT_FOUND', 'the row is gone, not trashed')
    t.equal((await row(portal, file.id, 'file')).DELETED_TYPE, '0')
  }
})

void t.test('E-60: a whole storage can be connected', async (t) => {
  const portal = await portalFor(t)
  await portal.act('write', { storage: '13', path: 'a.txt', content: 'a' })
  const made = await portal.act('connect', { storage: '13', path: '' })
  t.equal(made.path, 'Company drive')
  t.equal(made.target, '33')
  t.same(await portal.names(text(made.id)), ['a.txt'])
})

void t.test('E-61: a colleague’s shared folder appears in my root under a free name', async (t) => {
  const portal = await portalFor(t)
  await portal.folder('31', 'Plans')
  await portal.act('write', { as: 'colleague', storage: '12', path: 'Plans/a.txt', content: 'a' })
  const link = await portal.act('share', { as: 'colleague', storage: '12', path: 'Plans', level: 'read' })
  t.equal(link.path, 'Plans (1)')
  t.same(await portal.names(text(link.id)), ['a.txt'])
  t.equal((await portal.call('disk.folder.addSubFolder', { id: link.id, data: { NAME: 'x' } })).status, 403, 'reading only')
})

void t.test('E-62: when a share or a right goes, the link vanishes from listings and a direct get is 403', async (t) => {
  const portal = await portalFor(t)
  const file = await portal.act('write', { as: 'colleague', storage: '12', path: 'Plans/a.txt', content: 'a' })
  const link = await portal.act('share', { as: 'colleague', storage: '12', path: 'Plans' })
  t.equal((await portal.call('disk.file.get', { id: file.id })).status, 200)
  await portal.act('rights', { storage: '12', path: 'Plans', level: 'none' })
  t.same(await portal.names('31'), [])
  const refused = await portal.call('disk.file.get', { id: file.id })
  t.equal(refused.status, 403)
  t.equal(refused.json.error, 'ACCESS_DENIED')
  await portal.act('rights', { storage: '12', path: 'Plans', level: 'edit' })
  t.same(await portal.names('31'), ['Plans'])
  await portal.act('unshare', { as: 'colleague', storage: '12', path: 'Plans' })
  t.same(await portal.names('31'), [])
  t.equal((await portal.call('disk.folder.get', { id: link.id })).json.error, 'ERROR_NOT_FOUND')
})

void t.test('E-62: links to what is trashed go with the sharing', async (t) => {
  const portal = await portalFor(t)
  await portal.act('write', { storage: '13', path: 'Sales/deep/a.txt', content: 'a' })
  await portal.act('connect', { storage: '13', path: 'Sales/deep' })
  await portal.act('trash', { as: 'colleague', storage: '13', path: 'Sales' })
  t.same(await portal.names('31'), [])
})

void t.test('E-64: a file link looks like a file, and its content is the real file’s', async (t) => {
  const portal = await portalFor(t)
  await portal.act('write', { storage: '13', path: 'price.txt', content: 'one' })
  const made = await portal.act('connect', { storage: '13', path: 'price.txt' })
  t.equal(made.type, 'link')
  const link = await row(portal, made.id, 'file')
  t.notOk('REAL_OBJECT_ID' in link)
  await portal.act('write', { storage: '13', path: 'price.txt', content: 'two two' })
  const later = await row(portal, made.id, 'file')
  t.equal(later.SIZE, '7')
  t.equal(later.GLOBAL_CONTENT_VERSION, '2')
  t.equal((await portal.fetch(text(later.DOWNLOAD_URL))).text, 'two two')
  await portal.result('disk.file.uploadVersion', { id: made.id, fileContent: base64('mine') })
  const real = await row(portal, made.target, 'file')
  t.equal((await portal.fetch(text(real.DOWNLOAD_URL))).text, 'mine')
  await portal.result('disk.file.markDeleted', { id: made.id })
  t.equal((await portal.fetch(text(real.DOWNLOAD_URL))).text, 'mine', 'the content is still there')
})

void t.test('5.5: levels: read lists and downloads, add creates, edit changes, full destroys', async (t) => {
  const portal = await portalFor(t)
  const file = await portal.act('write', { as: 'colleague', storage: '12', path: 'P/a.txt', content: 'a' })
  const folder = await portal.act('mkdir', { as: 'colleague', storage: '12', path: 'P' })
  const statuses = async (): Promise<number[]> => [
    (await portal.call('disk.file.get', { id: file.id })).status,
    (await portal.call('disk.folder.addSubFolder', { id: folder.id, data: { NAME: `n${Math.random()}` } })).status,
    (await portal.call('disk.file.uploadVersion', { id: file.id, fileContent: base64('x') })).status,
    (await portal.call('disk.file.delete', { id: file.id })).status,
  ]
  const expected = { none: [403, 403, 403, 403], read: [200, 403, 403, 403], add: [200, 200, 403, 403], edit: [200, 200, 200, 403], full: [200, 200, 200, 200] }
  for (const [level, wanted] of Object.entries(expected)) {
    await portal.act('rights', { storage: '12', path: 'P', level })
    t.same(await statuses(), wanted, level)
  }
})
