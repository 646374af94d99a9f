/**
 * A walk over small files, through the real drive against the embedded portal: how many requests it costs, and that a
 * look read ahead is never believed further than it goes.
 */
import t, { type Test } from 'tap'
import { FakeClock } from '../../src/base/clock.js'
import { ROOT_INO, type Ino } from '../../src/base/ids.js'
import type { Content } from '../../src/cache/content.js'
import type { ListPage, Outcome, RemoteFile, RemoteFolder, RemoteItem } from '../../src/drive/drive.js'
import { driveFor, person, type DriveUnderTest } from '../drive/portal-drive.js'
import { never, openHouse, type House } from './fixture.js'
import { settled } from './settled.js'

const FILE_BYTES = 1_000

interface Walk {
  readonly world: DriveUnderTest
  readonly house: House
  readonly clock: FakeClock
  /** As the portal lists them. */
  readonly files: readonly RemoteFile[]
  open(index: number): Promise<Content>
  /** Opens, reads everything and closes; it is in the cache then, so what is to follow is under way. */
  read(index: number): Promise<Uint8Array>
  requests(): Promise<{ readonly total: number; readonly batch: number; readonly looks: number; readonly downloads: number }>
}

async function childrenOf({ drive }: DriveUnderTest, folder: Pick<RemoteFolder, 'id'>): Promise<readonly RemoteItem[]> {
  const items: RemoteItem[] = []
  for (let start: number | undefined = 0; start !== undefined; ) {
    const page: Outcome<ListPage> | undefined = (await drive.listPages([{ folderId: folder.id, start, order: 'id' }], person))[0]
    if (page?.ok !== true) throw new Error('the folder is not listed')
    items.push(...page.value.items)
    start = page.value.next
  }
  return items
}

/** The folder's files as rows, named so that the order of names is another one where `shuffled`. */
async function walkOver(t: Test, count: number, shuffled = false): Promise<Walk> {
  const world = await driveFor(t, { seed: `tree:1x${count}x${FILE_BYTES}`, plan: 'self-hosted' })
  const clock = new FakeClock()
  const house = await openHouse(t, world.drive, { clock })
  const folder = (await childrenOf(world, { id: world.rootId })).find(({ kind }) => kind === 'folder')!
  const files = (await childrenOf(world, folder)).filter((item) => item.kind === 'file')
  const inos = new Map<number, Ino>()
  await house.store.transact(async (tx) => {
    await house.mirror.ensureRoot(tx, { ...(await world.drive.getFolder(world.rootId, person)), name: '' })
    const parent = await house.mirror.insertRemote(tx, ROOT_INO, folder.name, folder)
    const order = files.map((_, index) => (shuffled ? (index * 37) % count : index))
    for (const index of order) inos.set(index, await house.mirror.insertRemote(tx, parent, files[index]!.name, files[index]!))
  })
  await world.hook('requests', undefined, 'DELETE')
  const open = async (index: number): Promise<Content> => {
    const { id, version, blobId, sizeBytes } = files[index]!
    const contentId = await house.store.transact(async (tx) => {
      const item = await house.mirror.needIn(tx, inos.get(index)!)
      if (item.contentId !== null) return item.contentId
      const made = await house.cache.createPlaceholder(tx, sizeBytes, { fileId: id, version, blobId })
      await house.mirror.update(tx, item, { contentId: made })
      return made
    })
    return house.cache.acquire(contentId)
  }
  const read = async (index: number): Promise<Uint8Array> => {
    const content = await open(index)
    const bytes = await house.hydrator.read(content, 0, FILE_BYTES, { signal: never })
    await settled(() => content.isComplete)
    await content.release()
    return bytes
  }
  const requests = async (): ReturnType<Walk['requests']> => {
    const { total, methods } = await world.calls()
    return { total, batch: methods.batch ?? 0, looks: methods['disk.file.get'] ?? 0, downloads: methods.download ?? 0 }
  }
  return { world, house, clock, files, open, read, requests }
}

const rest = ({ house }: Walk): Promise<void> => settled(() => house.hydrator.transfers().length === 0)

for (const [order, shuffled] of [['readdir', false], ['names', true]] as const) {
  await t.test(`eight readers who walk in the order of ${order} ask about fifty files at a time`, async (t) => {
    const walk = await walkOver(t, 200, shuffled)
    const queue = walk.files.keys()
    const reader = async (): Promise<void> => {
      for (const index of queue) await walk.read(index)
    }
    await Promise.all(Array.from({ length: 8 }, reader))
    await walk.clock.advance(2_000)
    await rest(walk)
    const { total, downloads, looks } = await walk.requests()
    t.equal(downloads, 200)
    // Four batches ahead and four afterwards, and what it takes to see that it is a walk.
    t.ok(total <= 200 + 8 + 8, `${total} requests`)
    t.ok(looks <= 2 * 200 + 8, `${looks} looks`)
  })
}

await t.test('files opened in no order are looked at one by one', async (t) => {
  const walk = await walkOver(t, 200)
  for (const index of [10, 150, 60, 120, 90]) await walk.read(index)
  await rest(walk)
  t.match(await walk.requests(), { total: 10, batch: 0, looks: 5, downloads: 5 })
})

await t.test('a pause ends a walk, and what was read ahead is forgotten with time', async (t) => {
  const walk = await walkOver(t, 60)
  await walk.read(0)
  await walk.clock.advance(11_000)
  await walk.read(1)
  t.match(await walk.requests(), { batch: 0 })
  await walk.read(2)
  t.match(await walk.requests(), { batch: 1 })
  const { total } = await walk.requests()
  await walk.read(3)
  t.equal((await walk.requests()).total, total + 1, 'only the download')
  await walk.clock.advance(46_000)
  await rest(walk)
  const before = (await walk.requests()).looks
  await walk.read(4)
  t.equal((await walk.requests()).looks, before + 1)
})

await t.test('a version of another length, written between the look read ahead and the download, is noticed at once', async (t) => {
  const walk = await walkOver(t, 60)
  for (const index of [0, 1]) await walk.read(index)
  await walk.world.hook('act', { as: 'colleague', op: 'write', path: await pathOf(walk, 2), content: 'another text' })
  const content = await walk.open(2)
  const bytes = await walk.house.hydrator.read(content, 0, FILE_BYTES, { signal: never })
  t.equal(bytes.length, FILE_BYTES)
  t.notMatch(Buffer.from(bytes).toString('latin1'), 'another text', 'the bytes of our version come from the history')
  t.match(walk.house.moved, [{ id: walk.files[2]!.id, version: 2 }])
  await content.release()
})

await t.test('a version of the same length, written between the look read ahead and the download, does not stay', async (t) => {
  const walk = await walkOver(t, 60)
  for (const index of [0, 1]) await walk.read(index)
  const changed = 'x'.repeat(FILE_BYTES)
  await walk.world.hook('act', { as: 'colleague', op: 'write', path: await pathOf(walk, 2), content: changed })
  const content = await walk.open(2)
  t.equal(Buffer.from(await walk.house.hydrator.read(content, 0, FILE_BYTES, { signal: never })).toString(), changed, 'the portal serves its newest')
  await settled(() => content.isComplete)
  await walk.clock.advance(2_000)
  await settled(() => walk.house.moved.length > 0)
  await rest(walk)
  t.match(walk.house.moved, [{ id: walk.files[2]!.id, version: 2 }])
  t.equal(content.isComplete, false, 'the wrong bytes are gone')
  t.not(Buffer.from(await walk.house.hydrator.read(content, 0, FILE_BYTES, { signal: never })).toString(), changed)
  await content.release()
})

await t.test('a look read ahead that is older than what the mirror knows is asked for again, and nothing is announced', async (t) => {
  const walk = await walkOver(t, 60)
  for (const index of [0, 1]) await walk.read(index)
  await walk.world.hook('act', { as: 'colleague', op: 'write', path: await pathOf(walk, 2), content: 'another text' })
  const newer = await walk.world.drive.getFile(walk.files[2]!.id, person)
  const content = await walk.house.hold(newer) // a listing has brought it meanwhile
  const { looks } = await walk.requests()
  t.equal(Buffer.from(await walk.house.hydrator.read(content, 0, FILE_BYTES, { signal: never })).toString(), 'another text')
  t.equal((await walk.requests()).looks, looks + 1)
  t.same(walk.house.moved, [])
  await content.release()
})

await t.test('who wants the whole file waits for the proof of a look read ahead, and the proof waits for nobody then', async (t) => {
  const walk = await walkOver(t, 60)
  for (const index of [0, 1]) await walk.read(index)
  const content = await walk.open(2)
  await walk.house.hydrator.read(content, 0, FILE_BYTES, { signal: never })
  const { looks } = await walk.requests()
  await walk.house.hydrator.hydrate(content, { priority: 'interactive', signal: never })
  t.equal((await walk.requests()).looks, looks + 1)
  await content.release()
})

await t.test('a proof whose answer is of no use is asked for again: who wants the whole file gets it', async (t) => {
  const walk = await walkOver(t, 60)
  for (const index of [0, 1]) await walk.read(index)
  const content = await walk.open(2)
  await walk.house.hydrator.read(content, 0, FILE_BYTES, { signal: never })
  const { looks } = await walk.requests()
  await walk.world.hook('faults', { method: 'disk.file.get', kind: 'result-false' })
  await walk.house.hydrator.hydrate(content, { priority: 'interactive', signal: never })
  t.equal((await walk.requests()).looks, looks + 2)
  await content.release()
})

async function pathOf({ world, files }: Walk, index: number): Promise<string> {
  const items = (await world.hook('tree?sha256=0')) as readonly { readonly id: string; readonly path: string }[]
  return items.find(({ id }) => id === files[index]!.id)!.path
}
