/** The drive on a portal: every call, what it refuses, and how it finds its bytes. */
import t from 'tap'
import { asRemoteId, type RemoteId } from '../../src/base/ids.js'
import { bytesOf, driveFor, patterned, person, source, textSource, upload } from './portal-drive.js'

t.test('the account and its own drive are found, and a drive that is not there is said in words', async (t) => {
  const { drive, rootId, portal, hook } = await driveFor(t)
  const account = await drive.account(person)
  t.match(account, { userId: '1', name: 'Ada Byron', isAdmin: false })
  t.ok(Math.abs(account.serverMs - Date.now()) < 5_000)
  t.match(await drive.ownStorage('1', person), { id: portal.storageId, entityType: 'user', entityId: '1', rootId })
  await t.rejects(drive.ownStorage('999', person), { code: 'no-drive-yet' })
  await hook('account', { hasDrive: false })
  await t.rejects(drive.ownStorage('1', person), { code: 'no-drive-yet' })
})

t.test('every storage that may be read is listed, and no other', async (t) => {
  const { drive, hook } = await driveFor(t)
  const ids = async (): Promise<readonly string[]> => (await drive.storages(person)).map(({ id }) => id)
  t.same(await ids(), ['11', '13'])
  await hook('act', { op: 'rights', storage: '12', path: '', level: 'read' })
  t.same(await ids(), ['11', '12', '13'])
  await hook('act', { op: 'rights', storage: '13', path: '', level: 'none' })
  t.same(await ids(), ['11', '12'])
})

t.test('the portal’s time is asked for where its answers do not have it', async (t) => {
  const { drive, hook } = await driveFor(t, { traits: { envelopeTime: 'absent' } })
  await hook('clock', { offsetMs: 7_200_000 })
  t.ok(Math.abs((await drive.account(person)).serverMs - Date.now() - 7_200_000) < 5_000)
})

t.test('a dead webhook, a missing scope and a plan without REST are told apart', async (t) => {
  const { drive, hook } = await driveFor(t)
  await hook('account', { scopes: ['user_brief'] })
  await t.rejects(drive.ownStorage('1', person), { code: 'missing-scope' })
  await hook('account', { restOnPlan: false })
  await t.rejects(drive.account(person), { code: 'no-rest-on-plan' })
  await hook('account', { revoked: true })
  await t.rejects(drive.account(person), { code: 'bad-credentials' })
})

t.test('a permission that was taken away is known also when only batches are sent, and forgotten when it is back', async (t) => {
  const { drive, rest, rootId, hook } = await driveFor(t)
  const pages = [{ folderId: rootId, start: 0, order: 'id' }] as const
  await hook('account', { scopes: ['user_brief'] })
  t.match(await drive.listPages(pages, person), [{ ok: false, error: { code: 'missing-scope' } }])
  t.match(rest.accountTrouble, { code: 'missing-scope', text: /Drive \(disk\)/ })
  await hook('account', { scopes: ['disk'] })
  t.match(await drive.listPages(pages, person), [{ ok: true }])
  t.equal(rest.accountTrouble, undefined)
})

t.test('folders are listed page by page, many in one request, with a bad one beside good ones', async (t) => {
  const { drive, rootId, calls, hook } = await driveFor(t, { seed: 'tree:1x120x10' })
  const [first] = await drive.listPages([{ folderId: rootId, start: 0, order: 'id' }], person)
  t.ok(first?.ok)
  const folders = first?.ok === true ? first.value.items.filter(({ kind }) => kind === 'folder') : []
  t.equal(folders.length, 1)
  await hook('requests', undefined, 'DELETE')
  const folder = folders[0]?.id ?? rootId
  const pages = await drive.listPages([...[0, 50, 100].map((start) => ({ folderId: folder, start, order: 'id' as const })), { folderId: asRemoteId('999999'), start: 0, order: 'newest' }], person)
  t.match(pages.map((page) => (page.ok ? [page.value.items.length, page.value.total, page.value.next, page.value.unreadable] : page.error)), [[50, 120, 50, 0], [50, 120, 100, 0], [20, 120, undefined, 0], { code: 'not-found' }])
  t.match(await calls(), { total: 1 })
  const ids = pages.flatMap((page) => (page.ok ? page.value.items.map(({ id }) => Number(id)) : []))
  t.same(ids, [...new Set(ids)].sort((a, b) => a - b), 'in order, none twice')
})

t.test('a page can come with its folder, and can name the subfolders that changed, from an id on', async (t) => {
  const { drive, rootId, calls, hook } = await driveFor(t, { seed: 'tree:4x2' })
  const [first] = await drive.listPages([{ folderId: rootId, start: 0, order: 'id' }], person)
  const folders = first?.ok === true ? first.value.items.filter(({ kind }) => kind === 'folder') : []
  const account = await drive.account(person)
  const sinceMs = Math.floor(account.serverMs / 1000) * 1000
  for (const at of [1, 2]) await drive.createFolder(folders[at]!.id, 'made', person)
  await hook('requests', undefined, 'DELETE')
  const ask = (after: RemoteId | undefined) => ({ folderId: rootId, start: 0, order: 'id', changedFolders: { sinceMs, after } }) as const
  const pages = await drive.listPages([{ folderId: folders[1]!.id, start: 0, order: 'newest', withFolder: true }, ask(undefined), ask(folders[1]!.id), { folderId: asRemoteId('999999'), start: 0, order: 'newest', withFolder: true }], person)
  t.match(await calls(), { total: 1, methods: { 'disk.folder.get': 2, 'disk.folder.getchildren': 4 } })
  const [probed, changed, later, missing] = pages
  t.ok(probed?.ok === true && probed.value.folder?.id === folders[1]!.id && probed.value.folder.updatedMs >= sinceMs)
  t.match(changed, { ok: true, value: { total: 2, items: [{ id: folders[1]!.id }, { id: folders[2]!.id }] } })
  t.match(later, { ok: true, value: { total: 1, items: [{ id: folders[2]!.id }] } })
  t.match(missing, { ok: false, error: { code: 'not-found' } })
})

t.test('the states of many items come in order, in as few requests as possible', async (t) => {
  const under = await driveFor(t)
  const { drive, rootId, calls, hook } = under
  const live = await upload(under, 'live.txt', patterned(10))
  const trashed = await drive.createFolder(rootId, 'old', person)
  await drive.trash(trashed, person)
  const gone = asRemoteId('987654')
  await hook('requests', undefined, 'DELETE')
  const ids = [live, trashed, { id: gone, kind: 'file' as const }, ...Array.from({ length: 60 }, () => live)]
  const states = await drive.itemStates(ids, person)
  t.same(states.map(({ state }) => state), ['live', 'trashed', 'not-found', ...Array.from({ length: 60 }, () => 'live')])
  t.match(states[0], { item: { id: live.id, version: 1, sizeBytes: 10 } })
  t.match(states[1], { item: { id: trashed.id, deletedType: 3 } })
  t.match(await calls(), { total: 2 })
  await under.fault({ method: 'disk.file.get', kind: 'status', status: 500, error: 'INTERNAL_SERVER_ERROR' })
  t.match(await drive.itemStates([live, live], person), [{ state: 'unknown', error: { code: 'portal-error' } }, { state: 'live' }])
  t.same(await drive.itemStates([], person), [])
})

t.test('no right is forbidden, not absent', async (t) => {
  const under = await driveFor(t, { traits: { missingRight: 'denied' } })
  const { drive, hook } = under
  const file = await upload(under, 'a.txt', patterned(10))
  await hook('act', { as: 'owner', op: 'rights', path: 'a.txt', level: 'none' })
  t.match(await drive.itemStates([file], person), [{ state: 'forbidden' }])
  await t.rejects(drive.getFile(file.id, person), { code: 'forbidden' })
  await t.rejects(drive.download(file, undefined, person), { code: 'forbidden' })
})

t.test('files go up and come down byte by byte, empty ones too', async (t) => {
  const under = await driveFor(t, { traits: { emptyMultipartFile: 'accepted' } })
  for (const sizeBytes of [0, 1, 2, 3, 1_000, 300_001]) {
    const bytes = patterned(sizeBytes)
    const file = await upload(under, `файл ${sizeBytes} é.bin`, bytes)
    t.match(file, { name: `файл ${sizeBytes} é.bin`, sizeBytes, version: 1, parentId: under.rootId })
    const download = await under.drive.download(file, undefined, person)
    t.same(download.range, { start: 0, end: sizeBytes })
    t.ok((await bytesOf(download)).equals(bytes))
  }
})

t.test('a version keeps the id, and old versions can be read', async (t) => {
  const under = await driveFor(t, { traits: { versionsAreJoined: false, fileHistory: true, keptVersions: 'all' } })
  const { drive } = under
  const file = await upload(under, 'plan.txt', Buffer.from('first'))
  const second = await drive.uploadVersion(file.id, source(patterned(100_001), 7_777), person)
  t.match(second, { id: file.id, version: 2, sizeBytes: 100_001, name: 'plan.txt' })
  t.not(second.blobId, file.blobId)
  t.ok((await bytesOf(await drive.download(await drive.getFile(file.id, person), undefined, person))).equals(patterned(100_001)))
  const versions = await drive.versions(file.id, person)
  t.same(versions.map(({ version }) => version), [2, 1])
  const [, first] = versions
  t.equal(String(await bytesOf(await drive.downloadVersion(first!, undefined, person))), 'first')
  t.equal(String(await bytesOf(await drive.downloadVersion(first!, { start: 1, end: 3 }, person))), 'ir')
  await t.rejects(drive.uploadVersion(file.id, textSource(''), person), { code: 'invalid' })
  await under.hook('traits', { fileHistory: false })
  await t.rejects(drive.versions(file.id, person), { code: 'unknown-method' })
})

t.test('names: taken, forbidden, renamed, and looked up', async (t) => {
  const under = await driveFor(t, { traits: { zeroName: 'empty', nameCollation: 'mysql' } })
  const { drive, rootId } = under
  const folder = await drive.createFolder(rootId, 'Docs', person)
  t.match(folder, { kind: 'folder', name: 'Docs', parentId: rootId, realId: folder.id })
  await t.rejects(drive.createFolder(rootId, 'docs', person), { code: 'exists' })
  await t.rejects(drive.createFolder(rootId, 'a:b', person), { code: 'bad-name' })
  await t.rejects(drive.uploadNew(rootId, 'DOCS', textSource('x'), person), { code: 'exists' })
  const file = await upload(under, 'a.txt', Buffer.from('x'))
  await t.rejects(drive.rename(file, 'a*b', person), { code: 'bad-name' })
  await t.rejects(drive.rename(file, 'Docs', person), { code: 'exists' })
  await t.rejects(drive.rename(file, '0', person), { code: 'bad-name' })
  t.match(await drive.rename(file, 'A.txt', person), { id: file.id, name: 'A.txt', version: 1 })
  t.match(await drive.childrenNamed(rootId, 'a.TXT', person), [{ id: file.id, name: 'A.txt' }])
  t.same(await drive.childrenNamed(rootId, 'a%', person), [], 'no wildcard')
  t.same(await drive.childrenNamed(rootId, 'nothing', person), [])
})

t.test('moving keeps the id, trashing twice is fine, restoring brings the same id back', async (t) => {
  const under = await driveFor(t)
  const { drive, rootId } = under
  const folder = await drive.createFolder(rootId, 'Docs', person)
  const file = await upload(under, 'a.txt', Buffer.from('x'))
  t.match(await drive.move(file, folder.id, person), { id: file.id, parentId: folder.id })
  await drive.trash(file, person)
  await drive.trash(file, person)
  await drive.trash({ id: asRemoteId('987654'), kind: 'file' }, person)
  t.match(await drive.restore(file, person), { id: file.id, name: 'a.txt', deletedType: 0 })
  await drive.trash(folder, person)
  t.match(await drive.itemStates([file, folder], person), [{ state: 'trashed', item: { deletedType: 4 } }, { state: 'trashed', item: { deletedType: 3 } }])
  await t.rejects(drive.trash({ id: rootId, kind: 'folder' }, person), { code: 'not-permitted' })
})

t.test('a full portal is quota, a locked file is locked, result false is a failure', async (t) => {
  const under = await driveFor(t)
  const { drive, hook, rootId } = under
  const file = await upload(under, 'a.txt', Buffer.from('x'))
  await under.fault({ method: 'disk.file.moveto', kind: 'result-false' })
  await t.rejects(drive.move(file, rootId, person), { code: 'cross-storage' })
  await hook('act', { as: 'colleague', op: 'lock', path: 'a.txt' })
  await t.rejects(drive.uploadVersion(file.id, textSource('new'), person), { code: 'locked' })
  await hook('act', { as: 'colleague', op: 'unlock', path: 'a.txt' })
  await hook('limits', { quotaBytes: 1 })
  await t.rejects(drive.uploadVersion(file.id, textSource('new content'), person), { code: 'quota' })
  await t.rejects(drive.uploadNew(rootId, 'b.txt', textSource('new content'), person), { code: 'quota' })
})
