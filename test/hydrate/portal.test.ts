/** The hydrator through the real drive against the embedded portal: what is moved is what the portal counted. */
import t, { type Test } from 'tap'
import type { RemoteFile } from '../../src/drive/drive.js'
import { driveFor, person, upload, type DriveUnderTest } from '../drive/portal-drive.js'
import { KIB, MIB, never, openHouse, pattern } from './fixture.js'
import { settled } from './settled.js'

interface Counted {
  readonly bytesDown: number
  readonly total: number
  readonly methods: Readonly<Record<string, number>>
}

const counted = async (world: DriveUnderTest): Promise<Counted> => (await world.hook('requests')) as Counted
const clear = (world: DriveUnderTest): Promise<unknown> => world.hook('requests', undefined, 'DELETE')
/** Of what the portal sent, what was not file content: a few answers of JSON. */
const ANSWERS_BYTES = 64 * KIB

async function withFile(test: Test, sizeBytes: number, options: Parameters<typeof driveFor>[1] = {}, more: { stallDeadlineMs?: number } = {}): Promise<{ world: DriveUnderTest; file: RemoteFile; bytes: Buffer }> {
  const world = await driveFor(test, { ...options, traits: { rangeMode: 'A', fileHistory: true, ...options.traits } }, more)
  const bytes = pattern(sizeBytes)
  const file = await upload(world, 'model.bin', bytes)
  await clear(world)
  return { world, file, bytes }
}

for (const rangeMode of ['A', 'B', 'C', 'D'] as const) {
  await t.test(`out-of-order parallel reads move every byte once, range mode ${rangeMode}`, async (t) => {
    const { world, file, bytes } = await withFile(t, 24 * MIB + 777, { traits: { rangeMode } })
    const house = await openHouse(t, world.drive)
    const content = await house.hold(file)
    const step = 256 * KIB
    for (let offset = 0; offset < bytes.length; offset += 4 * step) {
      const places = [2, 0, 3, 1].map((index) => offset + index * step)
      const pieces = await Promise.all(places.map((place) => house.hydrator.read(content, place, step, { signal: never })))
      pieces.forEach((piece, index) => {
        const place = places[index] ?? 0
        if (Buffer.compare(piece, bytes.subarray(place, place + step)) !== 0) t.fail(`wrong bytes at ${place}`)
      })
    }
    await settled(() => house.hydrator.transfers().length === 0)
    const { bytesDown } = await counted(world)
    // The first ranged question to a portal that serves none is answered by a body that is thrown away (way C).
    t.ok(bytesDown >= bytes.length && bytesDown <= bytes.length + ANSWERS_BYTES + (rangeMode === 'C' ? 8 * MIB : 0), `${bytesDown - bytes.length} bytes too many`)
    await content.release()
  })
}

await t.test('the first 4 KiB of a file of 1 GiB move at most 8 MiB, in two exchanges', async (t) => {
  const world = await driveFor(t, { seed: `tree:1x1x${1024 * MIB}`, traits: { rangeMode: 'A' } })
  const page = (await world.drive.listPages([{ folderId: world.rootId, start: 0, order: 'id' }], person))[0]
  const folder = page?.ok === true ? page.value.items.find(({ kind }) => kind === 'folder') : undefined
  const inner = folder === undefined ? page : (await world.drive.listPages([{ folderId: folder.id, start: 0, order: 'id' }], person))[0]
  const listed = inner?.ok === true ? inner.value.items.find(({ kind }) => kind === 'file') : undefined
  if (listed === undefined) throw new Error('the seed has no file')
  const file = await world.drive.getFile(listed.id, person)
  t.equal(file.sizeBytes, 1024 * MIB)
  await clear(world)
  const house = await openHouse(t, world.drive)
  const content = await house.hold(file)
  t.equal((await house.hydrator.read(content, 0, 4 * KIB, { signal: never })).length, 4 * KIB)
  t.ok((await counted(world)).total <= 2)
  house.hydrator.readerGone(content)
  await settled(() => house.hydrator.transfers().length === 0)
  const { bytesDown } = await counted(world)
  t.ok(bytesDown <= 8 * MIB, `${bytesDown} bytes`)
  await content.release()
})

await t.test('resets and truncated bodies are gone on from, never past a wrong byte', async (t) => {
  const { world, file, bytes } = await withFile(t, 12 * MIB)
  await world.fault({ method: 'download', times: 1, kind: 'truncate', bytes: 5 * MIB })
  await world.fault({ method: 'download', times: 1, kind: 'reset' })
  await world.fault({ method: 'download', times: 1, kind: 'truncate', bytes: MIB })
  const house = await openHouse(t, world.drive)
  const content = await house.hold(file)
  await house.hydrator.hydrate(content, { priority: 'interactive', signal: never })
  t.ok(Buffer.compare(await content.read(0, bytes.length), bytes) === 0)
  t.ok((await counted(world)).bytesDown <= bytes.length + 4 * MIB)
  await content.release()
})

await t.test('a stalled download fails its reader within the deadline, and the next read gets the bytes', async (t) => {
  const { world, file, bytes } = await withFile(t, 2 * MIB, {}, { stallDeadlineMs: 400 })
  await world.fault({ method: 'download', times: 1, kind: 'stall', ms: 60_000 })
  const house = await openHouse(t, world.drive, { stallDeadlineMs: 400 })
  const content = await house.hold(file)
  const startedMs = performance.now()
  await t.rejects(house.hydrator.read(content, 0, 10, { signal: never }), { code: 'deadline' })
  t.ok(performance.now() - startedMs < 5_000)
  t.same(await house.hydrator.read(content, 0, 10, { signal: never }), bytes.subarray(0, 10))
  await content.release()
})

await t.test('a version replaced between two reads comes from the history, and the newer one is announced', async (t) => {
  const { world, file, bytes } = await withFile(t, 12 * MIB)
  const house = await openHouse(t, world.drive)
  const content = await house.hold(file)
  t.same(await house.hydrator.read(content, 0, KIB, { signal: never }), bytes.subarray(0, KIB))
  await settled(() => house.hydrator.transfers().length === 0)
  await world.hook('act', { as: 'colleague', op: 'write', path: 'model.bin', content: 'quite another text' })
  t.same(await house.hydrator.read(content, 11 * MIB, KIB, { signal: never }), bytes.subarray(11 * MIB, 11 * MIB + KIB))
  await house.hydrator.hydrate(content, { priority: 'interactive', signal: never })
  t.ok(Buffer.compare(await content.read(0, bytes.length), bytes) === 0)
  t.ok(house.moved.length > 0 && house.moved.every(({ version }) => version > file.version))
  await content.release()
})

await t.test('a file that is gone from the portal is vanished', async (t) => {
  const { world, file } = await withFile(t, 10 * KIB)
  await world.hook('act', { as: 'owner', op: 'trash', path: 'model.bin' })
  await world.hook('act', { as: 'owner', op: 'purge', id: file.id })
  const house = await openHouse(t, world.drive)
  const content = await house.hold(file)
  await t.rejects(house.hydrator.read(content, 0, 10, { signal: never }), { code: 'vanished' })
  await content.release()
})

await t.test('without room in the cache every byte passes through once', async (t) => {
  const { world, file, bytes } = await withFile(t, 20 * MIB)
  const house = await openHouse(t, world.drive, { limitBytes: 64 * KIB })
  const content = await house.hold(file)
  for (let offset = 0; offset < bytes.length; offset += 512 * KIB) {
    if (Buffer.compare(await house.hydrator.read(content, offset, 512 * KIB, { signal: never }), bytes.subarray(offset, offset + 512 * KIB)) !== 0) t.fail(`wrong bytes at ${offset}`)
  }
  t.ok((await counted(world)).bytesDown <= bytes.length + ANSWERS_BYTES)
  t.ok(house.cache.usage().usedBytes <= 64 * KIB)
  await content.release()
})

await t.test('a portal that cannot be reached fails a read at once', async (t) => {
  const { world, file } = await withFile(t, 10 * KIB)
  const house = await openHouse(t, world.drive)
  const content = await house.hold(file)
  await world.portal.close()
  await t.rejects(house.hydrator.read(content, 0, 10, { signal: never }), { code: 'offline' })
  await content.release()
})
