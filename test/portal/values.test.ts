import t from 'tap'
import { FakeClock } from '../../src/base/clock.js'
import { base64, portalFor } from './drive-client.js'
import { text, type Json } from './json.js'

/** The fields that come as numbers. */
const numbers = (row: Json): string[] =>
  Object.entries(row)
    .filter(([, value]) => typeof value === 'number')
    .map(([key]) => key)
    .sort()

void t.test('E-24: what was just set comes as numbers, what was read as text', async (t) => {
  const portal = await portalFor(t)
  const folder = await portal.folder('31', 'Reports')
  t.same(numbers(folder), ['DELETED_TYPE', 'ID', 'REAL_OBJECT_ID'])
  const file = await portal.file('31', 'a.txt')
  t.same(numbers(file), ['DELETED_TYPE', 'FILE_ID', 'GLOBAL_CONTENT_VERSION', 'ID'])
  t.same(numbers(await portal.result('disk.file.get', { id: file.ID })), [])
  t.same(numbers(await portal.result('disk.file.moveTo', { id: file.ID, targetFolderId: folder.ID })), ['PARENT_ID'])
  t.same(numbers(await portal.result('disk.file.uploadVersion', { id: file.ID, fileContent: base64('new') })), ['GLOBAL_CONTENT_VERSION'])
  t.same(numbers(await portal.result('disk.file.rename', { id: file.ID, newName: 'b.txt' })), [])
  t.same(numbers(await portal.result('disk.file.markDeleted', { id: file.ID })), ['DELETED_TYPE'])
  t.same(numbers(await portal.result('disk.file.restore', { id: file.ID })), ['DELETED_TYPE'])
  t.same(numbers(await portal.result('disk.file.copyTo', { id: file.ID, targetFolderId: 31 })), ['DELETED_TYPE', 'FILE_ID', 'GLOBAL_CONTENT_VERSION', 'ID'])
})

void t.test('E-25: DELETED_BY is null when fresh and "0" later; DELETE_TIME stays after a restore', async (t) => {
  const portal = await portalFor(t)
  const file = await portal.file('31', 'a.txt')
  t.equal(file.DELETED_BY, null)
  const read = await portal.result('disk.file.get', { id: file.ID })
  t.equal(read.DELETED_BY, '0')
  t.equal(read.DELETE_TIME, null)
  await portal.result('disk.file.markDeleted', { id: file.ID })
  await portal.result('disk.file.restore', { id: file.ID })
  const restored = await portal.result('disk.file.get', { id: file.ID })
  t.equal(restored.DELETED_TYPE, '0')
  t.equal(restored.DELETED_BY, '1')
  t.match(text(restored.DELETE_TIME), /^2\d{3}-/)
})

void t.test('E-26: dates are whole seconds with the portal’s offset', async (t) => {
  const portal = await portalFor(t, { clock: new FakeClock(Date.UTC(2026, 0, 27, 22, 6, 55, 900)) })
  t.equal((await portal.file('31', 'a.txt')).CREATE_TIME, '2026-01-28T01:06:55+03:00')
})

void t.test('E-27: DOWNLOAD_URL differs at each read; folders have REAL_OBJECT_ID, files do not', async (t) => {
  const portal = await portalFor(t)
  const { ID } = await portal.file('31', 'a.txt')
  const first = await portal.result('disk.file.get', { id: ID })
  const second = await portal.result('disk.file.get', { id: ID })
  t.not(first.DOWNLOAD_URL, second.DOWNLOAD_URL)
  t.ok(text(first.DOWNLOAD_URL).startsWith(`${portal.running.webhook}download/?token=disk%7C`))
  t.notOk('REAL_OBJECT_ID' in first)
  t.equal((await portal.result('disk.folder.get', { id: 31 })).REAL_OBJECT_ID, '31')
})

void t.test('E-28: files and folders share one sequence, and ids are not used again', async (t) => {
  const portal = await portalFor(t)
  const folder = await portal.folder('31', 'a')
  const file = await portal.file('31', 'b')
  t.equal(Number(file.ID), Number(folder.ID) + 1)
  await portal.result('disk.file.delete', { id: file.ID })
  t.equal(Number((await portal.file('31', 'b')).ID), Number(file.ID) + 1)
})

void t.test('3.1: a storage names its root folder', async (t) => {
  const portal = await portalFor(t)
  t.same(await portal.result('disk.storage.get', { id: 11 }), {
    ID: '11',
    NAME: 'Ada Byron',
    CODE: null,
    MODULE_ID: 'disk',
    ENTITY_TYPE: 'user',
    ENTITY_ID: '1',
    ROOT_OBJECT_ID: '31',
  })
  t.equal(await portal.result('disk.storage.get', { id: 'mine' }), null)
  t.equal((await portal.call('disk.storage.get', { id: 99 })).json.error, 'ERROR_NOT_FOUND')
  t.same(await portal.result('disk.storage.getTypes'), ['user', 'common', 'group'])
})

void t.test('5.1: getFields tells what can be filtered', async (t) => {
  const portal = await portalFor(t)
  const fields = (await portal.result('disk.file.getFields')) as unknown as Record<string, object>
  t.same(fields.SIZE, { TYPE: 'integer', USE_IN_FILTER: false, USE_IN_SHOW: true })
  t.same(fields.NAME, { TYPE: 'string', USE_IN_FILTER: true, USE_IN_SHOW: true })
})
