/** Sharing, rights by REST, and what hangs on messages (bitrix24-rest.md 5.2, 5.4, 6.1, 9.2). */
import t from 'tap'
import { portalFor } from './drive-client.js'
import { text } from './json.js'

void t.test('E-61: shareToUser gives the right at once, and the link when the invited person approves', async (t) => {
  const portal = await portalFor(t)
  const { ID } = await portal.folder('31', 'Plans')
  await portal.act('mkdir', { as: 'colleague', storage: '12', path: 'Plans' })
  t.equal(await portal.result('disk.folder.shareToUser', { id: ID, userId: 2, taskName: 'disk_access_edit' }), true)
  const links = async (): Promise<unknown[]> => (await portal.hook('tree')).filter((row) => text(row.type) === 'link').map((row) => text(row.path))
  t.same(await links(), [], 'pending')
  t.match(await portal.hook('sharings'), [{ objectId: Number(ID), byUserId: 1, toUserId: 2, level: 'edit', status: 'pending' }])
  const link = await portal.act('approve', { as: 'colleague', id: ID })
  t.match(link, { storage: '12', path: 'Plans (1)', type: 'link', target: String(ID) }, 'under a free name in the root of the other')
  t.same(await links(), ['Plans (1)'])
  await t.rejects(portal.act('approve', { as: 'colleague', id: ID }), /waits/, 'once')
})

void t.test('E-61: a person invited by the colleague finds the link in his own root; declined, right and link are gone', async (t) => {
  const portal = await portalFor(t)
  const folder = await portal.act('mkdir', { as: 'colleague', storage: '12', path: 'Plans' })
  const link = await portal.act('share', { as: 'colleague', storage: '12', path: 'Plans' })
  t.same(await portal.names('31'), ['Plans'])
  await portal.act('unshare', { as: 'colleague', storage: '12', path: 'Plans' })
  t.same(await portal.names('31'), [])
  t.equal((await portal.call('disk.folder.get', { id: link.id })).json.error, 'ERROR_NOT_FOUND')
  t.equal((await portal.call('disk.folder.get', { id: folder.id })).status, 403)
})

void t.test('E-61: an invitation goes with what is trashed, and can be declined', async (t) => {
  const portal = await portalFor(t)
  const [kept, trashed] = [await portal.folder('31', 'Kept'), await portal.folder('31', 'Trashed')]
  for (const { ID } of [kept, trashed]) await portal.result('disk.folder.shareToUser', { id: ID, userId: 2, taskName: 'disk_access_read' })
  await portal.result('disk.folder.markDeleted', { id: trashed.ID })
  await portal.act('decline', { as: 'colleague', id: kept.ID })
  t.same((await portal.hook('sharings')).map(({ status }) => text(status)), ['gone', 'gone'])
  await t.rejects(portal.act('approve', { as: 'colleague', id: trashed.ID }))
})

void t.test('E-61: by trait, the portal connects without asking', async (t) => {
  const portal = await portalFor(t, { traits: { sharingConnects: 'at-once' } })
  const { ID } = await portal.folder('31', 'Plans')
  await portal.result('disk.folder.shareToUser', { id: ID, userId: 2, taskName: 'disk_access_read' })
  t.match((await portal.hook('tree')).filter((row) => text(row.type) === 'link'), [{ storage: '12', path: 'Plans' }])
})

void t.test('E-61: an unknown level and one above one’s own are refused', async (t) => {
  const portal = await portalFor(t)
  await portal.act('mkdir', { storage: '13', path: 'Sales' })
  const sales = await portal.act('connect', { storage: '13', path: 'Sales' })
  const share = (taskName: string): Promise<unknown> => portal.call('disk.folder.shareToUser', { id: sales.target, userId: 2, taskName })
  t.match(await share('disk_access_full'), { status: 403, json: { error: 'ACCESS_DENIED' } }, 'an editor gives no full access')
  t.match(await share('disk_access_admin'), { status: 403 })
  t.match(await share('disk_access_read'), { status: 200 })
  t.match(await portal.call('disk.folder.shareToUser', { id: '31' }), { status: 400, json: { error: 'ERROR_ARGUMENT' } })
})

void t.test('E-61: a sharing outlives a restart of the portal', async (t) => {
  const dataDir = t.testdir()
  const first = await portalFor(t, { dataDir })
  const { ID } = await first.folder('31', 'Plans')
  await first.result('disk.folder.shareToUser', { id: ID, userId: 2, taskName: 'disk_access_read' })
  await first.running.close()
  const second = await portalFor(t, { dataDir })
  t.equal((await second.act('approve', { as: 'colleague', id: ID })).path, 'Plans')
})

void t.test('5.2: allowed operations grow with the level', async (t) => {
  const portal = await portalFor(t)
  const folder = await portal.act('mkdir', { storage: '12', as: 'colleague', path: 'Plans' })
  const operations = async (level: string): Promise<unknown> => {
    await portal.act('rights', { storage: '12', path: 'Plans', level })
    return portal.result('disk.folder.listAllowedOperations', { id: folder.id })
  }
  t.same(await operations('read'), ['disk_read'])
  t.same(await operations('edit'), ['disk_read', 'disk_add', 'disk_edit', 'disk_delete', 'disk_restore', 'disk_start_bp'])
  const { ID } = await portal.file('31', 'a.txt')
  const own = (await portal.result('disk.file.listAllowedOperations', { id: ID, userId: 1 })) as unknown as string[]
  t.ok(own.includes('disk_destroy'))
  t.same(await portal.result('disk.file.listAllowedOperations', { id: ID, userId: 2 }), [])
})

void t.test('5.4, 6.1: the levels have ids, and `rights` of uploads and new folders give them', async (t) => {
  const portal = await portalFor(t)
  const tasks = await portal.result('disk.rights.getTasks')
  t.same(tasks.map(({ NAME }) => text(NAME)), ['disk_access_full', 'disk_access_edit', 'disk_access_read'])
  const read = tasks.find(({ NAME }) => text(NAME) === 'disk_access_read')!
  const rights = [{ TASK_ID: Number(read.ID), ACCESS_CODE: 'U2' }]
  const folder = await portal.result('disk.folder.addSubFolder', { id: 31, data: { NAME: 'Plans' }, rights })
  const small = await portal.result('disk.folder.uploadFile', { id: 31, data: { NAME: 'a.txt' }, fileContent: ['a.txt', 'YQ=='], rights })
  const large = (await portal.upload('31', 'b.txt', 'b', { rights })).json.result
  t.same(await portal.result('disk.folder.listAllowedOperations', { id: folder.ID, userId: 2 }), ['disk_read'])
  for (const { ID } of [small, large]) t.same(await portal.result('disk.file.listAllowedOperations', { id: ID, userId: 2 }), ['disk_read'])
  t.match(await portal.call('disk.folder.uploadFile', { id: 31, rights: [{ TASK_ID: 1 }] }), { status: 400, json: { error: '' } })
})

void t.test('5.4: what hangs on a message is an attached object of a file of the drive', async (t) => {
  const portal = await portalFor(t)
  const file = await portal.act('attach', { name: 'photo.png', content: 'photo' })
  t.match(await portal.result('disk.attachedObject.get', { id: 1 }), { ID: '1', OBJECT_ID: file.id, MODULE_ID: 'im', NAME: 'photo.png', SIZE: '5', CREATED_BY: '1', DOWNLOAD_URL: /uf\.php\?attachedId=1&/ })
  t.equal((await portal.call('disk.attachedObject.get', { id: 2 })).json.error, 'ERROR_NOT_FOUND')
})

void t.test('5.1: only applications have a storage', async (t) => {
  const portal = await portalFor(t)
  t.match(await portal.call('disk.storage.getForApp'), { status: 403, json: { error: 'ACCESS_DENIED' } })
})

void t.test('E-66: there are no events of the disk, and a webhook binds none', async (t) => {
  const portal = await portalFor(t)
  const events = (await portal.result('events')) as unknown as string[]
  t.ok(events.length > 0)
  t.same(events.filter((name) => /disk/i.test(name)), [])
  for (const event of ['OnDiskFileAdd', 'ONAPPINSTALL']) {
    t.match(await portal.call('event.bind', { event, handler: 'https://example.org/' }), { status: 403, json: { error: 'WRONG_AUTH_TYPE' } })
  }
})

void t.test('5.3: search looks for words of names through an index that lags behind, newest change first', async (t) => {
  const portal = await portalFor(t)
  await portal.file('31', 'report one.txt')
  await portal.act('attach', { name: 'report of a chat.txt', content: 'x' })
  const { ID } = await portal.folder('31', 'Reports')
  const trashed = await portal.file('31', 'report trashed.txt')
  await portal.result('disk.file.markDeleted', { id: trashed.ID })
  const names = async (more: object = {}): Promise<unknown> => (await portal.result('disk.file.search', { QUERY: 'report', ...more })).map(({ NAME }) => text(NAME))
  t.same(await names(), [], 'not in the index yet')
  await portal.hook('clock', { offsetMs: 60_000 })
  await portal.file(text(ID), 'report two.txt')
  await portal.hook('clock', { offsetMs: 120_000 })
  t.same(await names(), ['report two.txt', 'report one.txt'])
  t.same(await names({ TYPE: 'folder' }), ['Reports'])
  t.same(await names({ FILTER: { FOLDER_ID: ID } }), ['report two.txt'])
  t.same(await names({ FILTER: { STORAGE_ID: 13 } }), [])
  const answer = await portal.call('disk.file.search', { QUERY: 'report' })
  t.equal(answer.json.total, undefined)
  for (const [error, parameters] of [['INVALID_QUERY', { QUERY: 'ab' }], ['INVALID_TYPE', { QUERY: 'abc', TYPE: 'link' }], ['INVALID_FILTER', { QUERY: 'abc', FILTER: { NAME: 'x' } }], ['NOT_FOUND', { QUERY: 'abc', FILTER: { FOLDER_ID: 999 } }]] as const) {
    t.match(await portal.call('disk.file.search', parameters), { status: 400, json: { error } })
  }
  await portal.hook('traits', { fileSearch: 'unknown' })
  t.match(await portal.call('disk.file.search', { QUERY: 'report' }), { status: 404, json: { error: 'ERROR_METHOD_NOT_FOUND' } })
})
