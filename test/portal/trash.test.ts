/** The far ends of the trash (bitrix24-rest.md 7.4): links left for who deletes elsewhere, purging, long names, rights. */
import t from 'tap'
import { portalFor, type TestPortal } from './drive-client.js'
import { text } from './json.js'

const DAY_MS = 86_400_000

async function companyFile(portal: TestPortal): Promise<{ id: string; highest: number }> {
  const { id } = await portal.act('write', { storage: '13', path: 'Sales/a.txt', content: 'a' })
  return { id: text(id), highest: Number(id) }
}

void t.test('E-43: who trashes something of another drive gets a link in his own trash; restored, it restores the object', async (t) => {
  const portal = await portalFor(t)
  const { id, highest } = await companyFile(portal)
  await portal.result('disk.file.markDeleted', { id })
  const link = await portal.result('disk.file.get', { id: highest + 1 })
  t.match(link, { STORAGE_ID: '11', PARENT_ID: '31', NAME: 'a.txt', DELETED_TYPE: '3' })
  t.same(await portal.names('31'), [], 'it is nowhere listed')
  await portal.result('disk.file.restore', { id: link.ID })
  t.equal((await portal.result('disk.file.get', { id })).DELETED_TYPE, '0')
  t.same(await portal.names('31'), [], 'and the link is gone')
  t.equal((await portal.call('disk.file.get', { id: link.ID })).json.error, 'ERROR_NOT_FOUND')
})

void t.test('E-43: nobody’s times move by such a link, one’s own objects leave none, and by trait there is none at all', async (t) => {
  const portal = await portalFor(t)
  const before = (await portal.result('disk.folder.get', { id: 31 })).UPDATE_TIME
  await portal.hook('clock', { offsetMs: 5_000 })
  const { id } = await companyFile(portal)
  await portal.result('disk.file.markDeleted', { id })
  t.equal((await portal.result('disk.folder.get', { id: 31 })).UPDATE_TIME, before)
  const own = await portal.file('31', 'own.txt')
  await portal.result('disk.file.markDeleted', { id: own.ID })
  t.equal(Number((await portal.file('31', 'next.txt')).ID), Number(own.ID) + 1, 'no id was used between')
  await portal.hook('traits', { foreignTrash: 'leaves-nothing' })
  const other = await portal.act('write', { storage: '13', path: 'Sales/b.txt', content: 'b' })
  await portal.result('disk.file.markDeleted', { id: other.id })
  t.equal((await portal.call('disk.file.get', { id: Number(other.id) + 1 })).json.error, 'ERROR_NOT_FOUND')
})

void t.test('E-43: after thirty days the trash is emptied for good, or when the portal is told to', async (t) => {
  const portal = await portalFor(t)
  const folder = await portal.folder('31', 'Old')
  const inside = await portal.file(text(folder.ID), 'inside.txt')
  const kept = await portal.file('31', 'kept.txt')
  await portal.result('disk.folder.markDeleted', { id: folder.ID })
  const error = async (id: unknown, type = 'file'): Promise<unknown> => (await portal.call(`disk.${type}.get`, { id })).json.error
  await portal.hook('clock', { offsetMs: 29 * DAY_MS })
  t.equal(await error(folder.ID, 'folder'), undefined)
  await portal.result('disk.file.markDeleted', { id: kept.ID })
  await portal.hook('clock', { offsetMs: 31 * DAY_MS })
  t.equal(await error(folder.ID, 'folder'), 'ERROR_NOT_FOUND')
  t.equal(await error(inside.ID), 'ERROR_NOT_FOUND')
  t.equal(await error(kept.ID), undefined, 'trashed two days ago')
  await portal.hook('limits', { trashDays: 1 })
  await portal.hook('clock', { offsetMs: 32 * DAY_MS })
  t.equal(await error(kept.ID), 'ERROR_NOT_FOUND')
})

void t.test('E-43: by trait, a name too long for the suffix of the trash cannot be trashed', async (t) => {
  const portal = await portalFor(t)
  const trash = async (characters: number): Promise<number> => {
    const { ID } = await portal.file('31', 'n'.repeat(characters))
    return (await portal.call('disk.file.markDeleted', { id: ID })).status
  }
  t.equal(await trash(240), 200)
  await portal.hook('traits', { trashOfLongNames: 'fails' })
  t.equal(await trash(239), 200)
  t.equal(await trash(240), 500)
  t.equal((await portal.names('31')).length, 1)
})

void t.test('E-43: by trait, only administrators restore folders', async (t) => {
  const portal = await portalFor(t)
  const { ID } = await portal.folder('31', 'a')
  const restore = async (): Promise<number> => {
    await portal.result('disk.folder.markDeleted', { id: ID })
    return (await portal.call('disk.folder.restore', { id: ID })).status
  }
  t.equal(await restore(), 200)
  await portal.hook('traits', { folderRestore: 'administrators' })
  t.equal(await restore(), 403)
  await portal.hook('account', { isAdmin: true })
  t.equal(await restore(), 200)
})

void t.test('E-13: what takes more than the minute of a request is left half done, and HTML says 504', async (t) => {
  const portal = await portalFor(t)
  for (let number = 0; number < 20; number += 1) await portal.act('write', { path: `Many/${number}.txt`, content: 'x' })
  const many = (await portal.hook('tree')).find((row) => text(row.path) === 'Many')!
  const target = await portal.folder('31', 'Target')
  await portal.hook('limits', { requestSeconds: 1.1 })
  const copy = await portal.call('disk.folder.copyTo', { id: many.id, targetFolderId: target.ID })
  t.equal(copy.status, 504)
  t.match(copy.headers.get('content-type'), /text\/html/)
  const copied = (await portal.hook('tree')).filter((row) => text(row.path).startsWith('Target/Many/')).length
  t.ok(copied > 0 && copied < 20, `${copied} of 20 were copied`)
  const destroyed = await portal.call('disk.folder.deleteTree', { id: many.id })
  t.equal(destroyed.status, 504)
  const left = (await portal.hook('tree')).filter((row) => text(row.path).startsWith('Many/')).length
  t.ok(left > 0 && left < 20, `${left} of 20 are left`)
  await portal.hook('limits', { requestSeconds: null })
  t.equal((await portal.call('disk.folder.deleteTree', { id: many.id })).status, 200)
})

void t.test('E-13: the commands of a batch share the time of the request, and what ran before stays', async (t) => {
  const portal = await portalFor(t)
  await portal.hook('limits', { costs: { 'disk.folder.addsubfolder': 25 } })
  const add = (name: string): string => `disk.folder.addsubfolder?id=31&data[NAME]=${name}`
  t.equal((await portal.call('batch', { cmd: { a: add('a'), b: add('b'), c: add('c') } })).status, 504)
  t.same(await portal.names('31'), ['a', 'b'])
  t.equal((await portal.call('batch', { cmd: { a: add('d'), b: add('e') } })).status, 200)
})

void t.test('E-41: by fault, a folder copy leaves children out without a word', async (t) => {
  const portal = await portalFor(t)
  for (const name of ['a', 'b', 'c']) await portal.act('write', { path: `From/${name}.txt`, content: name })
  const from = (await portal.hook('tree')).find((row) => text(row.path) === 'From')!
  const copied = async (): Promise<string[]> => {
    const target = await portal.folder('31', `to ${Date.now()} ${(await portal.names('31')).length}`)
    const copy = await portal.result('disk.folder.copyTo', { id: from.id, targetFolderId: target.ID })
    return portal.names(text(copy.ID))
  }
  await portal.hook('faults', { method: 'disk.folder.copyto', kind: 'partial', items: 2 })
  t.same(await copied(), ['c.txt'])
  t.same(await copied(), ['a.txt', 'b.txt', 'c.txt'], 'once')
})
