import t from 'tap'
import { crc32, inflateSync } from 'node:zlib'
import { parseTreeShape, TreeSeed } from '../../src/portal/seeds/tree-seed.js'
import { portalFor, type TestPortal } from './drive-client.js'
import { text, type Json } from './json.js'

void t.test('empty: the owner’s, a colleague’s and the company’s storage, with nothing in them', async (t) => {
  const portal = await portalFor(t)
  await portal.hook('account', { isAdmin: true })
  t.same((await portal.result('disk.storage.getlist', { order: { ID: 'ASC' } })).map((row) => row.ENTITY_TYPE), ['user', 'user', 'common'])
  t.same(await portal.hook('tree'), [])
})

void t.test('tree: folder i lies in folder (i-1) div 10, each has its files, the root has only folders', async (t) => {
  const portal = await portalFor(t, { seed: 'tree:25x3x500' })
  const items = await portal.hook('tree')
  const folders = items.filter((item) => text(item.type) === 'folder')
  t.equal(folders.length, 25)
  t.equal(items.length, 100)
  const byId = new Map(items.map((item) => [text(item.id), item]))
  const number = (item: Json | undefined): number => Number(/folder-(\d+)$/.exec(text(item!.path))?.[1] ?? 0)
  for (const folder of folders) {
    const parent = text(folder.parentId) === '31' ? 0 : number(byId.get(text(folder.parentId)))
    t.equal(parent, Math.floor((number(folder) - 1) / 10), text(folder.path))
    t.equal(items.filter((item) => text(item.type) === 'file' && text(item.parentId) === text(folder.id)).length, 3)
  }
  t.equal(items.filter((item) => text(item.parentId) === '31').every((item) => text(item.type) === 'folder'), true)
  const files = items.filter((item) => text(item.type) === 'file')
  t.ok(files.every((item) => Number(item.size) === 500))
  t.equal(new Set(files.map((item) => item.sha256)).size, 75, 'every file has other bytes')
})

void t.test('tree: a million files cost no time and no memory until they are asked for', async (t) => {
  const before = process.memoryUsage().heapUsed
  const seed = new TreeSeed({ folders: 20_000, filesEach: 50, fileBytes: 1000 }, 1_800_000_000)
  t.equal(seed.row(seed.highestId)?.type, 'file')
  t.equal(seed.row(seed.highestId + 1), undefined)
  t.equal(seed.childIds(seed.highestId).length, 0)
  t.ok(process.memoryUsage().heapUsed - before < 20_000_000)
  const portal = await portalFor(t, { seed: 'tree:20000x50' })
  t.equal((await portal.call('disk.folder.getChildren', { id: 100, order: { ID: 'ASC' } })).json.total, 60)
})

void t.test('tree: a seeded folder can be changed like any other', async (t) => {
  const portal = await portalFor(t, { seed: 'tree:12x2' })
  await portal.result('disk.folder.moveTo', { id: 101, targetFolderId: 100 })
  await portal.result('disk.folder.rename', { id: 101, newName: 'moved' })
  await portal.result('disk.folder.deleteTree', { id: 102 })
  const paths = (await portal.hook('tree')).map((item) => text(item.path))
  t.ok(paths.includes('folder-01/moved/file-1.dat'))
  t.notOk(paths.some((path) => path.startsWith('folder-02') || path.startsWith('folder-03')))
})

void t.test('tree shapes that make no sense are refused', (t) => {
  for (const bad of ['', '5', '5x', 'x5', '-1x5', '5x5x', '99999999x99999999']) t.equal(parseTreeShape(bad), undefined, bad)
  t.same(parseTreeShape('5x6'), { folders: 5, filesEach: 6, fileBytes: 1000 })
  t.end()
})

async function demo(test: Parameters<typeof portalFor>[0]): Promise<{ portal: TestPortal; items: Json; at: (path: string, storage?: string) => Json }> {
  const portal = await portalFor(test, { seed: 'demo' })
  const items = await portal.hook('tree?sha256=0')
  const at = (path: string, storage = '11'): Json => {
    const item = items.find((each) => text(each.path) === path && text(each.storage) === storage)
    if (item === undefined) throw new Error(`nothing at ${path}`)
    return item
  }
  return { portal, items, at }
}

async function bytesOf(portal: TestPortal, id: unknown, range?: string): Promise<Buffer> {
  const { DOWNLOAD_URL } = await portal.result('disk.file.get', { id })
  return Buffer.from(await (await fetch(text(DOWNLOAD_URL), range === undefined ? {} : { headers: { Range: range } })).arrayBuffer())
}

void t.test('demo: what the tour needs is there, with its sizes', async (t) => {
  const { items, at } = await demo(t)
  const under = (folder: string): Json[] => items.filter((item) => text(item.path).startsWith(`${folder}/`) && text(item.storage) === '11')
  t.equal(at('Video/Company film.mp4').size, 2 ** 30)
  t.equal(at('Archive/backup-2025.tar').size, 300 * 2 ** 20)
  t.equal(at('empty.txt').size, 0)
  t.ok(under('Pictures').length >= 12)
  t.equal(under('Team photos').length, 200)
  t.equal(under('Recordings').length, 20)
  t.ok(items.some((item) => Buffer.byteLength(text(item.path)) > 255 && !text(item.path).includes('/')), 'a name longer than Linux takes')
  t.ok(items.some((item) => text(item.storage) === '12'), 'the colleague has a drive')
  t.ok(items.some((item) => text(item.path).split('/').length >= 6), 'deep folders')
})

void t.test('E-63: demo: "Uploaded files" is known by its CODE, which the trash clears', async (t) => {
  const { portal, at } = await demo(t)
  const folder = at('Uploaded files')
  t.equal((await portal.result('disk.folder.get', { id: folder.id })).CODE, 'FOR_UPLOADED_FILES')
  t.equal((await portal.result('disk.folder.getChildren', { id: 31, filter: { '=CODE': 'FOR_UPLOADED_FILES' } })).length, 1)
  t.equal((await portal.names(text(folder.id))).length, 1)
  t.equal((await portal.result('disk.folder.markDeleted', { id: folder.id })).CODE, null)
})

void t.test('E-60: demo: Company is a link into the company drive, and goes when its target is trashed', async (t) => {
  const { portal, at } = await demo(t)
  const link = at('Company')
  t.equal(link.type, 'link')
  t.equal(link.target, at('Company', '13').id)
  t.ok((await portal.names(text(link.id))).includes('Templates'))
  await portal.act('trash', { storage: '13', path: 'Company' })
  t.notOk((await portal.names('31')).includes('Company'))
})

void t.test('demo: pictures are valid and differ, photos begin with one', async (t) => {
  const { portal, items, at } = await demo(t)
  const digests = new Set<number>()
  for (const item of items.filter((each) => text(each.path).startsWith('Pictures/'))) {
    const bytes = await bytesOf(portal, item.id)
    t.equal(bytes.length, Number(item.size))
    digests.add(checkPicture(t, bytes))
  }
  t.ok(digests.size >= 12)
  const photo = items.find((item) => text(item.path).startsWith('Team photos/'))!
  const beginning = await bytesOf(portal, photo.id, 'bytes=0-199999')
  checkPicture(t, beginning)
  t.ok(Number(photo.size) > 2_000_000)
  t.equal((await bytesOf(portal, at('Video/Company film.mp4').id, 'bytes=0-47')).toString('latin1', 4, 12), 'ftypisom')
})

/** Walks the chunks up to IEND, checks each checksum, unpacks the image, and answers a checksum of the pixels. */
function checkPicture(test: Pick<typeof t, 'equal'>, bytes: Buffer): number {
  test.equal(bytes.toString('latin1', 0, 8), '\x89PNG\r\n\x1a\n')
  let at = 8
  let pixels = Buffer.alloc(0)
  for (;;) {
    const length = bytes.readUInt32BE(at)
    const body = bytes.subarray(at + 4, at + 8 + length)
    test.equal(bytes.readUInt32BE(at + 8 + length), crc32(body))
    const type = body.toString('latin1', 0, 4)
    if (type === 'IDAT') pixels = inflateSync(body.subarray(4))
    if (type === 'IEND') break
    at += 12 + length
  }
  test.equal(pixels.length, 160 * (1 + 240 * 3))
  return crc32(pixels)
}

void t.test('demo: the office document is a sound zip with the parts a word processor needs', async (t) => {
  const { portal, at } = await demo(t)
  const bytes = await bytesOf(portal, at('Проекты/Мост через реку/Пояснительная записка.docx').id)
  const end = bytes.lastIndexOf('PK\x05\x06', undefined, 'latin1')
  let entry = bytes.readUInt32LE(end + 16)
  const names: string[] = []
  for (let index = 0; index < bytes.readUInt16LE(end + 10); index += 1) {
    const size = bytes.readUInt32LE(entry + 20)
    const nameLength = bytes.readUInt16LE(entry + 28)
    const local = bytes.readUInt32LE(entry + 42)
    const content = bytes.subarray(local + 30 + nameLength, local + 30 + nameLength + size)
    t.equal(crc32(content), bytes.readUInt32LE(entry + 16))
    t.equal(bytes.toString('latin1', local, local + 4), 'PK\x03\x04')
    names.push(bytes.toString('utf8', entry + 46, entry + 46 + nameLength))
    entry += 46 + nameLength
  }
  t.same(names, ['[Content_Types].xml', '_rels/.rels', 'word/document.xml'])
  t.equal(entry, end)
})

void t.test('E-63: special folders are made when something first has to go there, and anew when they were trashed', async (t) => {
  const portal = await portalFor(t)
  t.same(await portal.names('31'), [], 'none at the beginning')
  await portal.folder('31', 'Uploaded files')
  const first = await portal.act('attach', { name: 'photo.png', content: 'photo' })
  t.equal(first.path, 'Uploaded files (1)/photo.png', 'the name was taken: the CODE counts')
  t.equal((await portal.act('attach', { name: 'photo.png', content: 'photo' })).path, 'Uploaded files (1)/photo (1).png')
  const folder = await portal.result('disk.folder.get', { id: first.parentId })
  t.equal(folder.CODE, 'FOR_UPLOADED_FILES')
  await portal.result('disk.folder.markDeleted', { id: folder.ID })
  const again = await portal.act('attach', { name: 'photo.png', content: 'photo' })
  t.not(again.parentId, first.parentId)
  t.match(await portal.act('attach', { name: 'from afar.txt', content: 'x', code: 'FOR_DROPBOX_FILES' }), { path: 'Uploaded files (1)/Dropbox/from afar.txt' })
  const recorded = await portal.act('attach', { name: 'call.mp4', content: 'x', code: 'FOR_RECORDED_FILES' })
  t.match(await portal.result('disk.file.get', { id: recorded.id }), { CODE: 'RECORDED' })
  t.equal(recorded.path, 'Recorded files/call.mp4')
  await t.rejects(portal.act('attach', { name: 'a', content: 'x', code: 'FOR_NOTHING' }), /FOR_UPLOADED_FILES/)
})

void t.test('E-65: links: nested, two to one folder, a file link, and a cycle that never ends', async (t) => {
  const portal = await portalFor(t, { seed: 'links' })
  t.same(await portal.names('31'), ['Projects', 'Team', 'Sales', 'price.txt'])
  const child = async (folder: unknown, name: string): Promise<Json> => (await portal.result('disk.folder.getChildren', { id: folder })).find((row) => text(row.NAME) === name)!
  const projects = await child('31', 'Projects')
  const here = projects.REAL_OBJECT_ID
  let at = projects
  for (let turn = 0; turn < 3; turn += 1) {
    at = await child(at.ID, 'Team')
    t.not(at.REAL_OBJECT_ID, at.ID)
    at = await child(at.ID, 'Ada')
    t.equal(at.REAL_OBJECT_ID, here, 'round again')
  }
  const team = await child('31', 'Team')
  t.equal(team.REAL_OBJECT_ID, (await child(projects.ID, 'Team')).REAL_OBJECT_ID, 'two links to one folder')
  const nested = await child(team.ID, 'Sales')
  t.equal(nested.REAL_OBJECT_ID, (await child('31', 'Sales')).REAL_OBJECT_ID)
  t.match(await child(nested.ID, 'price.txt'), { STORAGE_ID: '13' })
  const link = await child('31', 'price.txt')
  t.equal(link.SIZE, '1000')
  t.equal((await portal.fetch(text(link.DOWNLOAD_URL))).text.length > 0, true)
  await portal.act('write', { storage: '13', path: 'Sales/price.txt', content: 'new' })
  t.equal((await portal.result('disk.file.get', { id: link.ID })).SIZE, '3', 'the file link has the content of its target')
})
