/** Which bytes of a content's file count, and when they do no more: holes, leftovers, discards, dropped contents. */
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import t from 'tap'
import { cached, local, openWorld, ORIGIN, pattern, placeholder, temporaryDirectory } from './fixture.js'

await t.test('what is written while downloaded bytes are about to be discarded stays, sent or not', async (t) => {
  const world = await openWorld(t, await temporaryDirectory(t))
  const content = await world.cache.acquire(await cached(world, pattern(5_000)))
  const written = content.write(0, Buffer.from('precious'))
  await content.discard(content.ranges, ORIGIN)
  await written
  t.equal(Buffer.from(await content.read(0, 8)).toString(), 'precious')
  t.ok(await world.store.transact((tx) => content.markClean(tx, content.writeSequence, { ...ORIGIN, version: 4 })))
  await content.discard(content.ranges, ORIGIN)
  t.equal(content.isComplete, true, 'it is a copy of another version by now')
  await content.discard(content.ranges, { ...ORIGIN, version: 4 })
  t.equal(content.isComplete, false)
  await content.release()
})

await t.test('who holds a content that was dropped can tell whether a program here has unlinked it', async (t) => {
  const world = await openWorld(t, await temporaryDirectory(t))
  for (const why of ['unlinked', 'replaced'] as const) {
    const content = await local(world, pattern(100))
    t.same([content.isDropped, content.isUnlinked], [false, false])
    await world.store.transact((tx) => world.cache.drop(tx, content.id, why))
    t.same([content.isDropped, content.isUnlinked], [true, why === 'unlinked'])
    await content.release()
  }
})

await t.test('a clean file that is one hole is a file: it is read, and cut to nothing it is empty', async (t) => {
  const world = await openWorld(t, await temporaryDirectory(t))
  const content = await world.cache.acquire(await world.store.transact((tx) => world.cache.createLocal(tx)))
  await content.truncate(5_000)
  await content.sync()
  await world.store.transact((tx) => content.markClean(tx, content.writeSequence, ORIGIN))
  await content.release()
  const again = await world.cache.acquire(content.id)
  t.same(await again.read(0, 5_000), Buffer.alloc(5_000))
  await again.truncate(0)
  await again.release()
  const empty = await world.cache.acquire(content.id)
  t.same([empty.sizeBytes, empty.isDirty, await empty.absorb()], [0, true, false])
  await empty.release()
})

for (const when of ['its row counts', 'is not in its row'] as const) {
  await t.test(`a file that does not count, because what it holds ${when === 'its row counts' ? 'is not what its row counts' : when}, is gone when the content is emptied`, async (t) => {
    const world = await openWorld(t, await temporaryDirectory(t))
    const id = when === 'its row counts' ? await cached(world, pattern(5_000)) : await placeholder(world, 5_000)
    await mkdir(dirname(world.path(id)), { recursive: true })
    await writeFile(world.path(id), pattern(6_000))
    const content = await world.cache.acquire(id)
    t.equal(content.ranges.isEmpty, true)
    await content.truncate(0)
    await content.release()
    const again = await world.cache.acquire(id)
    t.same([again.sizeBytes, again.isDirty, await again.absorb()], [0, true, false])
    const snapshot = await again.snapshot()
    t.equal(snapshot.sizeBytes, 0)
    await snapshot.dispose()
    await again.release()
  })
}
