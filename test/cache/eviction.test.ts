import { execFile } from 'node:child_process'
import { mkdir, readdir, stat, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { asContentId, type ContentId } from '../../src/base/ids.js'
import { noLender, type FileLender } from '../../src/cache/file-lender.js'
import { ORIGIN, cached, kill, local, MIB, openWorld, pattern, placeholder, temporaryDirectory } from './fixture.js'

const KIB = 1024
const run = promisify(execFile)

await t.test('the least recently used clean content goes when room is needed', async (t) => {
  const world = await openWorld(t, await temporaryDirectory(t), { limitBytes: 3 * MIB })
  const [old, middle] = [await cached(world, pattern(MIB)), await cached(world, pattern(MIB))]
  const used = await world.cache.acquire(old) // used again: now `middle` is the oldest
  await used.release()
  await cached(world, pattern(MIB))
  await cached(world, pattern(MIB))
  const summaries = await world.cache.summary([old, middle])
  t.equal(summaries.get(old)?.presentBytes, MIB)
  t.equal(summaries.get(middle)?.presentBytes, 0)
  await t.rejects(stat(world.path(middle)), { code: 'ENOENT' })
  t.ok(world.cache.usage().usedBytes <= 3 * MIB)
  const again = await world.cache.acquire(middle)
  t.equal(await again.fill(0, pattern(MIB)), true, 'an evicted content fills again')
  t.same(await again.read(0, 100), pattern(MIB).subarray(0, 100))
  await again.release()
})

await t.test('a content that was opened directly while its eviction began stays', async (t) => {
  // Whoever reads files directly opens it at the last moment at which that can be: just before it is told.
  const opened = new Set<ContentId>()
  const lender: FileLender = { ...noLender, isOpen: (id) => opened.has(id), detachContent: (id) => void opened.add(id) }
  const world = await openWorld(t, await temporaryDirectory(t), { lender })
  const id = await cached(world, pattern(MIB))
  t.equal(await world.cache.evict(id), false)
  t.equal((await stat(world.path(id))).size, MIB)
  const content = await world.cache.acquire(id)
  t.equal(content.isComplete, true)
  await content.release()
})

await t.test('recency survives a restart', async (t) => {
  const root = await temporaryDirectory(t)
  const world = await openWorld(t, root, { limitBytes: 3 * MIB })
  const ids = [await cached(world, pattern(MIB)), await cached(world, pattern(MIB)), await cached(world, pattern(MIB))]
  world.cache.touch([ids[0]!])
  await world.cache.close()
  await kill(world)
  const next = await openWorld(t, root, { limitBytes: 3 * MIB })
  await cached(next, pattern(MIB))
  const summaries = await next.cache.summary(ids)
  t.same(ids.map((id) => summaries.get(id)?.presentBytes), [MIB, 0, MIB])
})

await t.test('open, dirty and pinned contents are never evicted: then reads are not kept and writes find the cache full', async (t) => {
  const world = await openWorld(t, await temporaryDirectory(t), { limitBytes: 3 * MIB })
  const pinned = await cached(world, pattern(MIB))
  await world.store.transact((tx) => world.cache.setPinned(tx, [pinned], true))
  const dirty = await local(world, pattern(MIB))
  const open = await world.cache.acquire(await cached(world, pattern(MIB)))
  const other = await world.cache.acquire(await placeholder(world, MIB))
  t.equal(await other.fill(0, pattern(MIB)), false)
  t.equal(other.ranges.isEmpty, true)
  await t.rejects(dirty.write(MIB, pattern(4 * KIB)), { code: 'cache-full' })
  t.same(await dirty.read(0, MIB), pattern(MIB), 'what was written stays')
  t.equal(dirty.sizeBytes, MIB)
  await dirty.write(0, Buffer.from('over what is there needs no room'))
  t.same(world.cache.usage(), { usedBytes: 3 * MIB, limitBytes: 3 * MIB, pinnedBytes: MIB, dirtyBytes: MIB })
  t.equal(world.cache.allowanceBytes(), 0)
  await open.release()
  t.equal(world.cache.allowanceBytes(), MIB)
  t.equal(await other.fill(0, pattern(MIB)), true)
  await other.release()
  await dirty.release()
})

await t.test('a file larger than the ceiling empties nothing for itself in vain', async (t) => {
  const world = await openWorld(t, await temporaryDirectory(t), { limitBytes: 2 * MIB })
  const kept = await cached(world, pattern(MIB))
  const big = await world.cache.acquire(await placeholder(world, 4 * MIB))
  t.equal(await big.fill(0, pattern(4 * MIB)), false)
  t.equal((await world.cache.summary([kept])).get(kept)?.presentBytes, MIB)
  await big.release()
})

await t.test('evict says no to what is open, dirty or local, and yes to a pinned one', async (t) => {
  const world = await openWorld(t, await temporaryDirectory(t))
  const id = await cached(world, pattern(MIB))
  const open = await world.cache.acquire(id)
  t.equal(await world.cache.evict(id), false)
  await open.release()
  const dirty = await local(world, Buffer.from('x'))
  await dirty.release()
  t.equal(await world.cache.evict(dirty.id), false)
  await world.store.transact((tx) => world.cache.setPinned(tx, [id], true))
  t.equal(await world.cache.evict(id), true)
  t.same((await world.cache.summary([id])).get(id), {
    sizeBytes: MIB, presentBytes: 0, allocatedBytes: 0, complete: false, dirty: false, suspect: false, pinned: true, origin: ORIGIN,
  })
})

await t.test('a file changed behind our back after its upload is not evicted', async (t) => {
  const world = await openWorld(t, await temporaryDirectory(t))
  const content = await local(world, Buffer.from('sent'))
  const snapshot = await content.snapshot()
  t.equal(await world.store.transact((tx) => content.markClean(tx, snapshot.writeSequence, ORIGIN)), true)
  await snapshot.dispose()
  await content.release()
  await writeFile(world.path(content.id), 'late', { flag: 'r+' })
  t.equal(await world.cache.evict(content.id), false)
})

await t.test('a lower limit evicts at once, and a higher floor of free space does', async (t) => {
  const root = await temporaryDirectory(t)
  const world = await openWorld(t, root)
  for (let index = 0; index < 5; index += 1) await cached(world, pattern(MIB))
  world.cache.setLimits({ limitBytes: 2 * MIB })
  await world.cache.close()
  t.equal(world.cache.usage().usedBytes, 2 * MIB)
  const { bavail, bsize } = await statfs(root)
  const floored = await openWorld(t, await temporaryDirectory(t), { freeSpaceFloorBytes: bavail * bsize * 2 })
  const content = await floored.cache.acquire(await placeholder(floored, MIB))
  t.equal(await content.fill(0, pattern(MIB)), false)
  await content.release()
})

await t.test('many small files never take more than the ceiling on the disk', async (t) => {
  const world = await openWorld(t, await temporaryDirectory(t), { limitBytes: 256 * KIB })
  await Promise.all(Array.from({ length: 200 }, (_, index) => cached(world, pattern(1_000 + index * 37))))
  t.ok(world.cache.usage().usedBytes <= 256 * KIB)
  const { stdout } = await run('du', ['-s', '--block-size=1', '--exclude=snapshots', world.directory])
  const directories = (await readdir(world.directory)).length
  t.ok(Number(stdout.split('\t')[0]) <= 256 * KIB + (directories + 1) * 4096, stdout)
})

await t.test('room that was reserved counts until it is given back', async (t) => {
  const world = await openWorld(t, await temporaryDirectory(t), { limitBytes: MIB })
  t.equal(await world.cache.reserve(MIB), true)
  t.equal(await world.cache.reserve(1), false)
  world.cache.giveBack(MIB)
  t.equal(await world.cache.reserve(1), true)
})

await t.test('what a killed process left on the disk is gone before anything is added', async (t) => {
  const root = await temporaryDirectory(t)
  const world = await openWorld(t, root)
  const unrecorded = await world.cache.acquire(await placeholder(world, MIB))
  await unrecorded.fill(0, pattern(MIB)) // never persisted
  const partial = await world.cache.acquire(await placeholder(world, 4 * MIB))
  await partial.fill(0, pattern(MIB))
  await world.store.transact((tx) => partial.persist(tx))
  await partial.fill(MIB, pattern(MIB)) // a second MiB that no row knows
  await mkdir(join(world.directory, '3f'), { recursive: true })
  await writeFile(world.path(asContentId(999_999)), 'no row at all')
  await writeFile(join(world.directory, '3f', 'README'), 'not ours')
  await kill(world, [unrecorded, partial])
  const next = await openWorld(t, root, { limitBytes: 3 * MIB })
  const fresh = await next.cache.acquire(await placeholder(next, MIB))
  t.equal(await fresh.fill(0, pattern(MIB)), true)
  await t.rejects(stat(next.path(unrecorded.id)), { code: 'ENOENT' })
  await t.rejects(stat(next.path(asContentId(999_999))), { code: 'ENOENT' })
  t.ok(await stat(join(next.directory, '3f', 'README')))
  t.equal(next.cache.usage().usedBytes, 3 * MIB, 'the partial file counts with what it takes')
  await fresh.release()
})

await t.test('a full disk is told apart from a full cache', { skip: process.getuid?.() === 0 ? false : 'needs root to mount a tmpfs' }, async (t) => {
  const root = await temporaryDirectory(t)
  const directory = join(root, 'small')
  await mkdir(directory)
  await run('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', directory])
  try {
    const world = await openWorld(t, root, { directory: join(directory, 'cache') })
    const content = await local(world, pattern(MIB))
    // More than the disk has, less than the cache may have.
    world.cache.setLimits({ freeSpaceFloorBytes: -1024 * MIB })
    await t.rejects(content.write(MIB, pattern(4 * MIB)), { code: 'disk-full' })
    t.equal(content.sizeBytes, MIB)
    t.same(await content.read(0, MIB), pattern(MIB))
    await content.truncate(MIB + 10)
    t.same(await content.read(MIB, 10), Buffer.alloc(10), 'nothing of the failed write shows')
    const download = await world.cache.acquire(await placeholder(world, 4 * MIB))
    t.equal(await download.fill(0, pattern(4 * MIB)), false)
    await download.release()
    await content.release()
    await world.cache.close()
    await kill(world)
  } finally {
    await run('umount', ['-l', directory])
  }
})
