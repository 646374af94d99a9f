// Contents whose file was given to the kernel for writing: what is written past us is found, and survives a kill and a reboot.
import { open, stat } from 'node:fs/promises'
import t from 'tap'
import { ByteRanges } from '../../src/base/byte-ranges.js'
import type { ContentId } from '../../src/base/ids.js'
import { readUnsent } from '../../src/cache/recover-rows.js'
import { cached, kill, openWorld, pattern, temporaryDirectory, type World } from './fixture.js'

const SIZE = 50_000

/** Past everybody, as the kernel does it. */
async function scribble(world: World, id: ContentId, text: string, offset: number): Promise<void> {
  const file = await open(world.path(id), 'r+')
  await file.write(Buffer.from(text), 0, text.length, offset)
  await file.close()
}

/** A clean, synced content of `SIZE` bytes that is open for direct writing. */
async function opened(world: World): Promise<ContentId> {
  const id = await cached(world, pattern(SIZE))
  const content = await world.cache.acquire(id)
  await content.sync()
  await content.openDirectly()
  await world.store.transact((tx) => content.persist(tx))
  return id
}

await t.test('a write past us is found by its time, is news until it is looked at, and shows again after each snapshot', async (t) => {
  const world = await openWorld(t, await temporaryDirectory(t))
  const id = await opened(world)
  const content = await world.cache.acquire(id)
  t.equal((await stat(world.path(id))).mtimeMs, 1_000, 'a time that no write gives a file')
  t.equal(content.hasNews, false)
  for (const word of ['one', 'two']) {
    await scribble(world, id, word, 100)
    t.equal(content.hasNews, true)
    t.equal(await world.cache.isDirtyIn(world.store.read, id), true)
    const before = content.writeSequence
    t.equal((await content.read(100, 3)).toString(), word)
    t.ok(content.writeSequence > before)
    t.equal(content.hasNews, false)
    const snapshot = await content.snapshot()
    t.equal((await stat(world.path(id))).mtimeMs, 1_000)
    t.equal(snapshot.unchanged(), true)
    await scribble(world, id, 'xxx', 200)
    t.equal(snapshot.unchanged(), false)
    await snapshot.dispose()
  }
  await scribble(world, id, 'longer', SIZE)
  t.equal(content.figures()?.sizeBytes, SIZE + 6)
  await content.settle()
  t.same(content.ranges.toJSON(), ByteRanges.whole(SIZE + 6).toJSON())
})

await t.test('whether somebody else can write is known', async (t) => {
  const world = await openWorld(t, await temporaryDirectory(t))
  const id = await opened(world)
  const content = await world.cache.acquire(id)
  t.equal(await content.isWrittenElsewhere(), false)
  const file = await open(world.path(id), 'r+')
  t.equal(await content.isWrittenElsewhere(), true)
  await file.close()
  const reader = await open(world.path(id), 'r')
  t.equal(await content.isWrittenElsewhere(), false, 'who reads does not write')
  await reader.close()
  await world.store.transact((tx) => content.closeDirectly(tx))
  t.equal(content.isOpenedDirectly, false)
  t.equal((await world.cache.openedContents()).length, 0)
})

await t.test('killed: what was written and not looked at is an edit, in the same boot a plain one, after a reboot a suspect one', async (t) => {
  for (const bootId of ['boot-1', 'boot-2']) {
    const root = await temporaryDirectory(t)
    const before = await openWorld(t, root)
    const id = await opened(before)
    await scribble(before, id, 'written past us', 300)
    t.equal((await readUnsent(before.store.read, before.directory)).length, 1, 'a rescue finds it')
    await kill(before)
    const after = await openWorld(t, root, { bootId })
    t.match((await after.cache.summary([id])).get(id), { dirty: true, suspect: bootId === 'boot-2', complete: true })
    t.equal(await after.cache.evict(id), false)
    const content = await after.cache.acquire(id)
    t.equal((await content.read(300, 15)).toString(), 'written past us')
    t.equal(content.isOpenedDirectly, bootId === 'boot-1', 'after a reboot nobody has it open')
    await content.release()
  }
})

await t.test('killed: what was not written is as clean as before, and not evicted while handles of the dead process may write', async (t) => {
  for (const bootId of ['boot-1', 'boot-2']) {
    const root = await temporaryDirectory(t)
    const before = await openWorld(t, root)
    const id = await opened(before)
    t.equal((await readUnsent(before.store.read, before.directory)).length, 0)
    await kill(before)
    const after = await openWorld(t, root, { bootId })
    t.match((await after.cache.summary([id])).get(id), { dirty: false, suspect: false, presentBytes: bootId === 'boot-2' ? 0 : SIZE }, 'what nobody can vouch for after a reboot is fetched again')
    t.equal(await after.cache.evict(id), bootId === 'boot-2')
  }
})
