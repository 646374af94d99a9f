/** What others do between two requests of a client: contents replaced, names taken by what it is not shown. */
import t from 'tap'
import { base64, portalFor } from './drive-client.js'
import { text } from './json.js'

void t.test('E-56: a content is replaced between two ranges of it', async (t) => {
  const portal = await portalFor(t)
  const { ID } = await portal.file('31', 'a.txt', 'AAAAAAAAAA')
  const url = text((await portal.result('disk.file.get', { id: ID })).DOWNLOAD_URL)
  const range = async (first: number, last: number): Promise<string> => (await portal.fetch(url, { headers: { Range: `bytes=${first}-${last}` } })).text
  await portal.hook('faults', { method: 'download', after: 1, kind: 'replaced', content: 'BBBBBBBBBB' })
  t.equal(await range(0, 4), 'AAAAA')
  t.equal(await range(5, 9), 'BBBBB')
  const row = await portal.result('disk.file.get', { id: ID })
  t.match(row, { GLOBAL_CONTENT_VERSION: '2', UPDATED_BY: '2' })
  await portal.hook('faults', { method: 'download', kind: 'replaced' })
  await range(0, 4)
  t.match(await portal.result('disk.file.get', { id: ID }), { GLOBAL_CONTENT_VERSION: '3', SIZE: '10' })
  t.not((await portal.fetch(url)).text, 'BBBBBBBBBB')
})

void t.test('E-72: a name is taken by something that no listing shows, for folders, both uploads and renames', async (t) => {
  const portal = await portalFor(t)
  await portal.act('write', { as: 'colleague', path: 'taken', content: 'x' })
  await portal.act('rights', { path: 'taken', level: 'none' })
  t.same(await portal.names('31'), [])
  const { ID } = await portal.file('31', 'free')
  const clash = { status: 400, json: { error: 'DISK_OBJ_22000' } }
  t.match(await portal.call('disk.folder.addSubFolder', { id: 31, data: { NAME: 'taken' } }), clash)
  t.match(await portal.call('disk.folder.uploadFile', { id: 31, data: { NAME: 'taken' }, fileContent: base64('x') }), clash)
  t.match(await portal.upload('31', 'taken', 'x'), clash)
  t.match(await portal.call('disk.file.rename', { id: ID, newName: 'taken' }), clash)
})

void t.test('E-72: by fault, alone and in a batch, and nothing is made', async (t) => {
  const portal = await portalFor(t)
  for (const method of ['disk.folder.addsubfolder', 'upload', 'disk.folder.addsubfolder']) await portal.hook('faults', { method, kind: 'rival' })
  const clash = { status: 400, json: { error: 'DISK_OBJ_22000' } }
  t.match(await portal.call('disk.folder.addSubFolder', { id: 31, data: { NAME: 'a' } }), clash)
  t.match(await portal.upload('31', 'b', 'x'), clash)
  const batch = await portal.result('batch', { cmd: { a: 'disk.folder.addsubfolder?id=31&data[NAME]=c' } })
  t.match(batch.result_error, { a: { error: 'DISK_OBJ_22000' } })
  t.same(await portal.names('31'), [])
  await portal.folder('31', 'a')
  t.same(await portal.names('31'), ['a'])
})

void t.test('E-55: a list is empty where there are items', async (t) => {
  const portal = await portalFor(t)
  await portal.folder('31', 'a')
  await portal.hook('faults', { method: 'disk.folder.getchildren', kind: 'empty' })
  t.match((await portal.call('disk.folder.getChildren', { id: 31 })).json, { result: [], total: 0 })
  t.same(await portal.names('31'), ['a'])
})
