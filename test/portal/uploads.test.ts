import t from 'tap'
import { createHash } from 'node:crypto'
import { FakeClock } from '../../src/base/clock.js'
import { seededRandom } from '../../src/base/random.js'
import { base64, portalFor, type TestPortal } from './drive-client.js'
import { text, type Json } from './json.js'

async function content(portal: TestPortal, row: Json): Promise<string> {
  return (await portal.fetch(text(row.DOWNLOAD_URL))).text
}

void t.test('E-35: base64 takes the name from data.NAME, and needs it', async (t) => {
  const portal = await portalFor(t)
  const file = await portal.result('disk.folder.uploadFile', { id: 31, data: { NAME: 'a.txt' }, fileContent: ['other.txt', base64('hello')] })
  t.equal(file.NAME, 'a.txt')
  t.equal(await content(portal, file), 'hello')
  t.equal(await content(portal, await portal.result('disk.folder.uploadFile', { id: 31, data: { NAME: 'b.txt' }, fileContent: base64('bare') })), 'bare')
  const nameless = await portal.call('disk.folder.uploadFile', { id: 31, data: {}, fileContent: ['a', base64('x')] })
  t.equal(nameless.json.error, 'DISK_BASE_SERVICE_22001')
})

void t.test('E-35: empty content fails with an empty error, bad base64 is stored as garbage', async (t) => {
  const portal = await portalFor(t)
  const empty = await portal.call('disk.folder.uploadFile', { id: 31, data: { NAME: 'a.txt' }, fileContent: ['a.txt', ''] })
  t.equal(empty.status, 400)
  t.equal(empty.json.error, '')
  t.equal(empty.json.error_description, 'Could not save file.')
  await portal.hook('traits', { emptyContentCode: 'ERROR_COULD_NOT_SAVE_FILE' })
  t.equal((await portal.call('disk.folder.uploadFile', { id: 31, data: { NAME: 'a.txt' }, fileContent: ['a.txt', ''] })).json.error, 'ERROR_COULD_NOT_SAVE_FILE')
  const garbage = await portal.call('disk.folder.uploadFile', { id: 31, data: { NAME: 'g.txt' }, fileContent: ['g.txt', '!!data:YQ==!!'] })
  t.equal(garbage.status, 200)
})

void t.test('E-35: malformed rights are refused with an empty error', async (t) => {
  const portal = await portalFor(t)
  const answer = await portal.call('disk.folder.addSubFolder', { id: 31, data: { NAME: 'a' }, rights: [{ TASK_ID: 75 }] })
  t.equal(answer.json.error, '')
  t.equal(answer.json.error_description, 'Invalid rights format')
})

void t.test('E-35: large base64 is decoded on the way in, with escapes and in any chunks', async (t) => {
  const portal = await portalFor(t)
  const bytes = Buffer.from(seededRandom(1).hex(600_001), 'hex')
  const json = JSON.stringify({ id: 31, data: { NAME: 'big.bin' }, fileContent: ['big.bin', base64(bytes)] }).replaceAll('/', '\\/').replaceAll('+', '\\u002B')
  t.ok(json.includes('\\/') && json.includes('\\u002B'), 'both escapes occur')
  const answer = await portal.fetch(`${portal.running.webhook}disk.folder.uploadFile`, { method: 'POST', body: json, headers: { 'Content-Type': 'application/json' } })
  t.equal(answer.json.result.SIZE, String(bytes.length))
  const item = (await portal.hook('tree'))[0]!
  t.equal(item.sha256, createHash('sha256').update(bytes).digest('hex'))
  t.equal((await portal.hook('requests')).bytesUp, bytes.length)
})

void t.test('E-36: two steps: field and url, the name from the part, the answer without time', async (t) => {
  const portal = await portalFor(t)
  const step = await portal.result('disk.folder.uploadFile', { id: 31, data: { NAME: 'ignored.txt' } })
  t.equal(step.field, 'file')
  const answer = await portal.post(text(step.uploadUrl), 'C:\\dir/Отчёт.txt', 'hello')
  t.equal(answer.status, 200)
  t.equal(answer.json.result.NAME, 'Отчёт.txt')
  t.notOk('time' in answer.json)
  t.equal(await content(portal, answer.json.result), 'hello')
  await portal.hook('traits', { uploadAnswerHasTime: true })
  t.ok('time' in (await portal.upload('31', 'b.txt', 'x')).json)
})

void t.test('E-36: the token is frozen, reusable, and clashes after the body', async (t) => {
  const portal = await portalFor(t)
  const step = await portal.result('disk.folder.uploadFile', { id: 31 })
  t.equal((await portal.post(text(step.uploadUrl), 'a.txt', 'one')).status, 200)
  t.equal((await portal.post(text(step.uploadUrl), 'b.txt', 'two')).status, 200)
  const clash = await portal.post(text(step.uploadUrl), 'A.txt', 'three')
  t.equal(clash.status, 400)
  t.equal(clash.json.error, 'DISK_OBJ_22000')
  const unique = await portal.upload('31', 'a.txt', 'x', { generateUniqueName: true })
  t.equal(unique.json.result.NAME, 'a (1).txt')
  t.equal((await portal.hook('requests')).bytesUp, 3 + 3 + 5 + 1, 'what was refused came up too')
})

void t.test('E-36: a file of 0 bytes works, a post without the part does not, a tampered token is refused', async (t) => {
  const portal = await portalFor(t)
  const empty = await portal.upload('31', 'empty.txt', '')
  t.equal(empty.json.result.SIZE, '0')
  t.equal(empty.json.result.GLOBAL_CONTENT_VERSION, 1)
  const { uploadUrl } = await portal.result('disk.folder.uploadFile', { id: 31 })
  const other = new FormData()
  other.set('colour', 'red')
  t.equal((await portal.fetch(text(uploadUrl), { method: 'POST', body: other })).json.error, 'DISK_BASE_SERVICE_22001')
  const tampered = await portal.post(`${text(uploadUrl)}x`, 'a.txt', 'x')
  t.equal(tampered.status, 403)
  t.match(text(tampered.json.error_description), /Link check failed/)
})

void t.test('E-36: a body that holds what looks like the boundary comes through whole', async (t) => {
  const portal = await portalFor(t)
  const tricky = 'a\r\n--x-test-boundary\r\n\r\n--x-test\r\n'.repeat(5000)
  const { json } = await portal.upload('31', 'tricky.bin', tricky)
  t.equal(await content(portal, json.result), tricky)
})

void t.test('E-37: a storage takes base64 only', async (t) => {
  const portal = await portalFor(t)
  t.equal((await portal.call('disk.storage.uploadFile', { id: 11, data: { NAME: 'a.txt' } })).json.error, 'ERROR_ARGUMENT')
  const file = await portal.result('disk.storage.uploadFile', { id: 11, data: { NAME: 'a.txt' }, fileContent: ['a.txt', base64('a')] })
  t.equal(file.PARENT_ID, '31')
  t.equal((await portal.result('disk.storage.addFolder', { id: 11, data: { NAME: 'f' } })).PARENT_ID, '31')
})

void t.test('E-38: a new version counts up, has a new FILE_ID, keeps id and name, and asks for no precondition', async (t) => {
  const portal = await portalFor(t)
  const file = await portal.file('31', 'a.txt', 'one')
  const changed = await portal.result('disk.file.uploadVersion', { id: file.ID, fileContent: ['other.txt', base64('two two')] })
  t.equal(changed.GLOBAL_CONTENT_VERSION, 2)
  t.equal(changed.NAME, 'a.txt')
  t.equal(changed.SIZE, '7')
  t.not(String(changed.FILE_ID), String(file.FILE_ID))
  t.equal(await content(portal, changed), 'two two')
  t.equal((await portal.call('disk.file.uploadVersion', { id: file.ID, fileContent: ['a.txt', ''] })).json.error, '')
  t.equal((await portal.call('disk.file.uploadVersion', { id: file.ID })).json.error, 'ERROR_ARGUMENT')
})

void t.test('E-39: versions of one user within 300 s are joined, another user’s or later ones are not', async (t) => {
  const clock = new FakeClock()
  const portal = await portalFor(t, { clock })
  const file = await portal.file('31', 'a.txt', 'one')
  const save = (value: string): Promise<Json> => portal.result('disk.file.uploadVersion', { id: file.ID, fileContent: base64(value) })
  const count = async (): Promise<number> => (await portal.result('disk.file.getVersions', { id: file.ID })).length
  await clock.advance(299_000)
  t.equal((await save('two')).GLOBAL_CONTENT_VERSION, 2)
  t.equal(await count(), 1)
  await clock.advance(300_000)
  t.equal((await save('three')).GLOBAL_CONTENT_VERSION, 3)
  t.equal(await count(), 2)
  await portal.act('write', { as: 'colleague', path: 'a.txt', content: 'four' })
  t.equal(await count(), 3)
  await portal.hook('traits', { versionsAreJoined: false })
  await save('five')
  await save('six')
  t.equal(await count(), 5)
})

void t.test('E-40: versions come newest first with urls of their own, and an old one comes back as a new one', async (t) => {
  const clock = new FakeClock()
  const portal = await portalFor(t, { clock })
  const file = await portal.file('31', 'a.txt', 'one')
  await clock.advance(400_000)
  await portal.result('disk.file.uploadVersion', { id: file.ID, fileContent: base64('two') })
  const versions = await portal.result('disk.file.getVersions', { id: file.ID })
  t.same(versions.map((row) => row.GLOBAL_CONTENT_VERSION), ['2', '1'])
  t.same(await Promise.all(versions.map((row) => content(portal, row))), ['two', 'one'])
  t.equal((await portal.result('disk.version.get', { id: versions[1]!.ID })).OBJECT_ID, String(Number(file.ID)))
  await clock.advance(400_000)
  const restored = await portal.result('disk.file.restoreFromVersion', { id: file.ID, versionId: versions[1]!.ID })
  t.equal(restored.GLOBAL_CONTENT_VERSION, 3)
  t.equal(await content(portal, restored), 'one')
  t.equal((await portal.result('disk.file.getVersions', { id: file.ID })).length, 3)
  const other = await portal.file('31', 'b.txt', 'b')
  t.equal((await portal.call('disk.file.restoreFromVersion', { id: other.ID, versionId: versions[1]!.ID })).json.error, 'DISK_FILE_22004')
})

void t.test('E-70: a full portal fails each upload in its own words, and keeps nothing of it', async (t) => {
  const portal = await portalFor(t)
  const file = await portal.file('31', 'a.txt', '12345')
  await portal.hook('limits', { quotaBytes: 8 })
  t.equal((await portal.call('disk.folder.uploadFile', { id: 31, data: { NAME: 'b.txt' }, fileContent: base64('1234') })).json.error, '')
  t.equal((await portal.upload('31', 'b.txt', '1234')).json.error, 'DISK_FOLDER_22002')
  t.equal((await portal.call('disk.file.uploadVersion', { id: file.ID, fileContent: base64('1234') })).json.error, 'DISK_FILE_22002')
  t.same(await portal.names('31'), ['a.txt'])
  t.equal((await portal.upload('31', 'b.txt', '123')).status, 200)
})

void t.test('E-71: a file locked by another takes no version', async (t) => {
  const portal = await portalFor(t)
  const file = await portal.file('31', 'a.txt')
  await portal.act('lock', { as: 'colleague', path: 'a.txt' })
  t.equal((await portal.call('disk.file.uploadVersion', { id: file.ID, fileContent: base64('x') })).json.error, 'DISK_FILE_22007')
  await portal.act('unlock', { path: 'a.txt' })
  t.equal((await portal.call('disk.file.uploadVersion', { id: file.ID, fileContent: base64('x') })).status, 200)
})
