import t from 'tap'
import { FakeClock, type Clock } from '../../src/base/clock.js'
import { DriveError } from '../../src/base/errors.js'
import { KIB, MIB, never, openHouse, pattern } from './fixture.js'
import { settled } from './settled.js'
import { Gate, MemoryDrive } from './memory-drive.js'

await t.test('a small file comes whole in one request, whatever is read', async (t) => {
  const drive = new MemoryDrive(pattern(3 * MIB))
  const house = await openHouse(t, drive.asDrive())
  const content = await house.hold(drive.file())
  t.same(await house.hydrator.read(content, 100, 50, { signal: never }), drive.bytes().subarray(100, 150))
  t.same(await house.hydrator.read(content, 3 * MIB - 10, 500, { signal: never }), drive.bytes().subarray(3 * MIB - 10))
  t.equal((await house.hydrator.read(content, 3 * MIB, 500, { signal: never })).length, 0)
  t.equal(drive.asked.length, 1)
  t.equal(drive.sentBytes, 3 * MIB)
  t.equal(drive.looks, 1, 'one prompt answer needs no second look')
  await content.release()
})

await t.test('a reader gets what has come from memory, before the cache has taken it', async (t) => {
  const drive = new MemoryDrive(pattern(3 * MIB))
  const house = await openHouse(t, drive.asDrive(), {})
  const content = await house.hold(drive.file())
  const gate = new Gate()
  const fill = content.fill.bind(content)
  content.fill = async (offset, bytes) => {
    await gate.opened
    return fill(offset, bytes)
  }
  t.same(await house.hydrator.read(content, 100, 50, { signal: never }), drive.bytes().subarray(100, 150))
  t.equal(content.ranges.isEmpty, true)
  gate.open()
  t.same(await house.hydrator.read(content, 0, 3 * MIB, { signal: never }), drive.bytes())
  await settled(() => content.isComplete)
  t.same(await content.read(0, 3 * MIB), drive.bytes())
  t.equal(drive.asked.length, 1)
  await content.release()
})

await t.test('a reader gets nothing of what was cut off here meanwhile', async (t) => {
  const drive = new MemoryDrive(pattern(3 * MIB))
  const gate = new Gate()
  drive.beforePiece = () => gate.opened
  const house = await openHouse(t, drive.asDrive())
  const content = await house.hold(drive.file())
  const reading = house.hydrator.read(content, 0, MIB, { signal: never })
  await settled(() => drive.downloads === 1)
  await content.truncate(0)
  gate.open()
  t.equal((await reading).length, 0)
  await content.release()
})

await t.test('an empty file asks for nothing', async (t) => {
  const drive = new MemoryDrive(new Uint8Array(0))
  const house = await openHouse(t, drive.asDrive())
  const content = await house.hold(drive.file())
  t.equal((await house.hydrator.read(content, 0, 4096, { signal: never })).length, 0)
  await house.hydrator.hydrate(content, { priority: 'background' })
  t.equal(drive.looks + drive.asked.length, 0)
  await content.release()
})

await t.test('a first look into a large file moves little', async (t) => {
  const drive = new MemoryDrive(pattern(64 * MIB))
  const house = await openHouse(t, drive.asDrive())
  const content = await house.hold(drive.file())
  t.same(await house.hydrator.read(content, 0, 4 * KIB, { signal: never }), drive.bytes().subarray(0, 4 * KIB))
  await house.hydrator.stop()
  t.ok(drive.sentBytes <= 2 * MIB)
  await content.release()
})

await t.test('bytes are handed over as they arrive, not at the end of a window', async (t) => {
  const drive = new MemoryDrive(pattern(64 * MIB))
  const gate = new Gate()
  drive.beforePiece = (offset) => (offset >= 256 * KIB ? gate.opened : Promise.resolve())
  const house = await openHouse(t, drive.asDrive())
  const content = await house.hold(drive.file())
  t.same(await house.hydrator.read(content, 0, 128 * KIB, { signal: never }), drive.bytes().subarray(0, 128 * KIB))
  gate.open()
  await content.release()
})

await t.test('reading a large file from start to end moves every byte once, in few requests', async (t) => {
  const drive = new MemoryDrive(pattern(96 * MIB + 12_345))
  const house = await openHouse(t, drive.asDrive())
  const content = await house.hold(drive.file())
  for (let offset = 0; offset < content.sizeBytes; offset += 128 * KIB) {
    const bytes = await house.hydrator.read(content, offset, 128 * KIB, { signal: never })
    if (!drive.bytes().subarray(offset, offset + 128 * KIB).every((byte, index) => byte === bytes[index])) t.fail(`wrong bytes at ${offset}`)
  }
  t.equal(drive.sentBytes, content.sizeBytes)
  t.ok(drive.asked.length <= 8, `${drive.asked.length} requests`)
  t.equal(content.isComplete, true)
  await content.release()
})

await t.test('parallel reads at neighbouring places, out of order, move every byte once', async (t) => {
  const drive = new MemoryDrive(pattern(40 * MIB))
  const house = await openHouse(t, drive.asDrive())
  const content = await house.hold(drive.file())
  const step = 256 * KIB
  for (let offset = 0; offset < content.sizeBytes; offset += 8 * step) {
    const places = [3, 0, 2, 1, 7, 5, 6, 4].map((index) => offset + index * step)
    const pieces = await Promise.all(places.map((place) => house.hydrator.read(content, place, step, { signal: never })))
    pieces.forEach((piece, index) => {
      const place = places[index]!
      if (Buffer.compare(piece, drive.bytes().subarray(place, place + step)) !== 0) t.fail(`wrong bytes at ${place}`)
    })
  }
  t.equal(drive.sentBytes, content.sizeBytes)
  await content.release()
})

await t.test('a read of the tail does not wait for the stream at the head', async (t) => {
  const drive = new MemoryDrive(pattern(64 * MIB))
  const gate = new Gate()
  drive.beforePiece = (offset) => (offset >= MIB && offset < 60 * MIB ? gate.opened : Promise.resolve())
  const house = await openHouse(t, drive.asDrive())
  const content = await house.hold(drive.file())
  const whole = house.hydrator.hydrate(content, { priority: 'background' })
  t.same(await house.hydrator.read(content, 64 * MIB - 4 * KIB, 4 * KIB, { signal: never }), drive.bytes().subarray(64 * MIB - 4 * KIB))
  gate.open()
  await whole
  t.equal(content.isComplete, true)
  t.ok(drive.sentBytes <= 64 * MIB + 4 * MIB)
  t.ok(drive.peakDownloads <= 3)
  await content.release()
})

await t.test('a reader joins a download under way', async (t) => {
  const drive = new MemoryDrive(pattern(16 * MIB))
  const gate = new Gate()
  drive.beforePiece = () => gate.opened
  const house = await openHouse(t, drive.asDrive())
  const content = await house.hold(drive.file())
  const whole = house.hydrator.hydrate(content, { priority: 'interactive', signal: never })
  const read = house.hydrator.read(content, MIB, KIB, { signal: never })
  gate.open()
  t.same(await read, drive.bytes().subarray(MIB, MIB + KIB))
  await whole
  t.equal(drive.sentBytes, 16 * MIB)
  t.equal(drive.asked.length, 1)
  await content.release()
})

await t.test('a broken or short answer goes on from where it ended', async (t) => {
  const drive = new MemoryDrive(pattern(4 * MIB))
  drive.disturbances.push(
    { kind: 'break', afterBytes: MIB, error: new DriveError('bad-answer', 'less bytes') },
    { kind: 'break', afterBytes: MIB, error: new DriveError('offline', 'unreachable in the middle') },
    { kind: 'break', afterBytes: 0, error: new DriveError('portal-error', '500') },
  )
  const house = await openHouse(t, drive.asDrive())
  const content = await house.hold(drive.file())
  await house.hydrator.hydrate(content, { priority: 'interactive', signal: never })
  t.ok(Buffer.compare(await content.read(0, 4 * MIB), drive.bytes()) === 0)
  t.equal(drive.sentBytes, 4 * MIB)
  await content.release()
})

await t.test('attempts without a byte are bounded', async (t) => {
  const clock = new FakeClock()
  const drive = new MemoryDrive(pattern(4 * MIB))
  for (let index = 0; index < 99; index += 1) drive.disturbances.push({ kind: 'break', afterBytes: 0, error: new DriveError('portal-error', '500') })
  const house = await openHouse(t, drive.asDrive(), { clock, stallDeadlineMs: 1e9 }) // time goes on while the disk works
  const content = await house.hold(drive.file())
  const read = { isOver: false }
  const failed = t.rejects(house.hydrator.read(content, 0, 10, { signal: never }), { code: 'portal-error' }).finally(() => (read.isOver = true))
  while (!read.isOver) await clock.advance(1_000)
  await failed
  t.equal(drive.asked.length, 5)
  await content.release()
})

await t.test('offline fails a read at once', async (t) => {
  const drive = new MemoryDrive(pattern(4 * MIB))
  drive.lookFailures.push(new DriveError('offline', 'no network'))
  const house = await openHouse(t, drive.asDrive())
  const content = await house.hold(drive.file())
  await t.rejects(house.hydrator.read(content, 0, 10, { signal: never }), { code: 'offline' })
  t.same(await house.hydrator.read(content, 0, 10, { signal: never }), drive.bytes().subarray(0, 10), 'the next read tries anew')
  await content.release()
})

await t.test('a read fails when the deadline passes without a byte, and the next one starts a new download', async (t) => {
  const clock = new FakeClock()
  const drive = new MemoryDrive(pattern(4 * MIB))
  drive.disturbances.push({ kind: 'stall', afterBytes: MIB })
  const house = await openHouse(t, drive.asDrive(), { clock, stallDeadlineMs: 30_000 })
  const content = await house.hold(drive.file())
  await house.hydrator.read(content, 0, MIB, { signal: never })
  await settled(() => content.has({ start: 0, end: MIB })) // the deadline is far longer than a write takes
  const failed = t.rejects(house.hydrator.read(content, 2 * MIB, 10, { signal: never }), { code: 'deadline' })
  await clock.advance(30_001)
  await failed
  t.same(await house.hydrator.read(content, 2 * MIB, 10, { signal: never }), drive.bytes().subarray(2 * MIB, 2 * MIB + 10))
  await house.hydrator.hydrate(content, { priority: 'interactive', signal: never })
  t.equal(drive.sentBytes, 4 * MIB)
  await content.release()
})

// [S-2]
await t.test('a slow download goes on as long as bytes come', async (t) => {
  const clock = new FakeClock()
  const drive = new MemoryDrive(pattern(MIB))
  drive.beforePiece = (offset) => (offset === 0 ? Promise.resolve() : clock.advance(20_000))
  const house = await openHouse(t, drive.asDrive(), { clock, stallDeadlineMs: 30_000 })
  const content = await house.hold(drive.file())
  t.same(await house.hydrator.read(content, MIB - 10, 10, { signal: never }), drive.bytes().subarray(MIB - 10))
  await content.release()
})

await t.test('an aborted read stops waiting at once and what nobody wants is cut', async (t) => {
  const drive = new MemoryDrive(pattern(64 * MIB))
  const gate = new Gate()
  drive.beforePiece = () => gate.opened
  const house = await openHouse(t, drive.asDrive())
  const content = await house.hold(drive.file())
  const abort = new AbortController()
  const read = house.hydrator.read(content, 0, 10, { signal: abort.signal })
  const whole = house.hydrator.hydrate(content, { priority: 'interactive', signal: abort.signal })
  abort.abort()
  await t.rejects(read, { code: 'interrupted' })
  await t.rejects(whole, { code: 'interrupted' })
  await t.rejects(house.hydrator.read(content, 0, 10, { signal: abort.signal }), { code: 'interrupted' })
  gate.open()
  await house.hydrator.stop()
  t.ok(drive.sentBytes <= 4 * MIB)
  await content.release()
})

await t.test('when its last reader is gone a download is cut', async (t) => {
  const clock = new FakeClock()
  const drive = new MemoryDrive(pattern(256 * MIB))
  const house = await openHouse(t, drive.asDrive(), { clock })
  const content = await house.hold(drive.file())
  for (let offset = 0; offset < 32 * MIB; offset += MIB) await house.hydrator.read(content, offset, MIB, { signal: never })
  house.hydrator.readerGone(content)
  const sent = drive.sentBytes
  await clock.advance(10_000)
  t.ok(drive.sentBytes <= sent + 2 * MIB, `${drive.sentBytes - sent} more`)
  await settled(() => house.hydrator.transfers().length === 0)
  await content.release()
})

await t.test('read-ahead stays within a bounded distance of the reader, and ends when the reader stays away', async (t) => {
  const clock = new FakeClock()
  // A stream that is held waits for its reader for so long; nothing else does.
  const holding = new Set<() => void>()
  const watched: Clock = {
    nowMs: () => clock.nowMs(),
    monotonicMs: () => clock.monotonicMs(),
    setTimer: (delayMs, callback) => {
      const cancel = clock.setTimer(delayMs, () => {
        holding.delete(cancel)
        callback()
      })
      if (delayMs === 20_000) holding.add(cancel)
      return () => {
        holding.delete(cancel)
        cancel()
      }
    },
  }
  const drive = new MemoryDrive(pattern(256 * MIB))
  const house = await openHouse(t, drive.asDrive(), { clock: watched })
  const content = await house.hold(drive.file())
  for (let offset = 0; offset < 96 * MIB; offset += MIB) await house.hydrator.read(content, offset, MIB, { signal: never })
  await settled(() => holding.size > 0)
  t.ok(drive.sentBytes <= 96 * MIB + 2 * 33 * MIB, `${drive.sentBytes / MIB} MiB`)
  await clock.advance(20_000)
  await settled(() => house.hydrator.transfers().length === 0)
  t.ok(drive.sentBytes <= 96 * MIB + 2 * 33 * MIB, `${drive.sentBytes / MIB} MiB`)
  await content.release()
})

await t.test('a version replaced while it is read comes from the history', async (t) => {
  const drive = new MemoryDrive(pattern(32 * MIB))
  const house = await openHouse(t, drive.asDrive())
  const content = await house.hold(drive.file())
  await house.hydrator.read(content, 0, MIB, { signal: never })
  drive.history.push(pattern(32 * MIB, 2))
  await house.hydrator.hydrate(content, { priority: 'interactive', signal: never })
  t.ok(Buffer.compare(await content.read(0, 32 * MIB), drive.bytes(1)) === 0)
  t.equal(house.moved.length, 1)
  t.equal(house.moved[0]?.version, 2)
  await content.release()
})

await t.test('the next answer is under way while the file is looked at again, and nothing of it counts before', async (t) => {
  const drive = new MemoryDrive(pattern(64 * MIB))
  const house = await openHouse(t, drive.asDrive())
  const content = await house.hold(drive.file())
  await house.hydrator.read(content, 0, 4 * KIB, { signal: never })
  await settled(() => drive.downloads === 0)
  const gate = new Gate()
  drive.beforeLook = () => gate.opened
  const reading = house.hydrator.read(content, 32 * MIB, 4 * KIB, { signal: never })
  await settled(() => drive.asked.length === 2)
  drive.history.push(pattern(64 * MIB, 2)) // that answer may hold these bytes already
  gate.open()
  t.same(await reading, drive.bytes(1).subarray(32 * MIB, 32 * MIB + 4 * KIB))
  t.equal(drive.asked[1]?.sentBytes, 0)
  t.same(drive.asked.map(({ versionId }) => versionId), [undefined, undefined, 'v1'])
  await content.release()
})

await t.test('a version that moves between a look and its bytes leaves nothing of the new one in the cache', async (t) => {
  const drive = new MemoryDrive(pattern(32 * MIB))
  const house = await openHouse(t, drive.asDrive())
  const content = await house.hold(drive.file())
  await house.hydrator.read(content, 0, MIB, { signal: never })
  drive.beforeDownload = () => {
    if (drive.version === 1) drive.history.push(pattern(32 * MIB, 2))
  }
  await house.hydrator.hydrate(content, { priority: 'interactive', signal: never })
  t.ok(Buffer.compare(await content.read(0, 32 * MIB), drive.bytes(1)) === 0)
  await content.release()
})

await t.test('a replaced version without a history is vanished, and what may be mixed is discarded', async (t) => {
  const drive = new MemoryDrive(pattern(32 * MIB))
  drive.keepsHistory = false
  const house = await openHouse(t, drive.asDrive())
  const content = await house.hold(drive.file())
  await house.hydrator.read(content, 0, MIB, { signal: never })
  drive.beforeDownload = () => {
    if (drive.version === 1) drive.history.push(pattern(32 * MIB, 2))
  }
  await t.rejects(house.hydrator.hydrate(content, { priority: 'interactive', signal: never }), { code: 'vanished' })
  for (const { start, end } of content.ranges.ranges) {
    t.ok(Buffer.compare(await content.read(start, end - start), drive.bytes(1).subarray(start, end)) === 0)
  }
  await t.rejects(house.hydrator.read(content, 20 * MIB, 10, { signal: never }), { code: 'vanished' })
  await content.release()
})

await t.test('a portal without ranges sends the whole file once and all of it is kept', async (t) => {
  const drive = new MemoryDrive(pattern(24 * MIB))
  drive.servesRanges = false
  const house = await openHouse(t, drive.asDrive())
  const content = await house.hold(drive.file())
  t.same(await house.hydrator.read(content, 20 * MIB, 10, { signal: never }), drive.bytes().subarray(20 * MIB, 20 * MIB + 10))
  await house.hydrator.hydrate(content, { priority: 'interactive', signal: never })
  t.equal(drive.sentBytes, 24 * MIB)
  await content.release()
})

// [S-7]
await t.test('without room in the cache reads pass through, every byte once', async (t) => {
  for (const sizeBytes of [5 * MIB, 48 * MIB]) {
    const drive = new MemoryDrive(pattern(sizeBytes))
    const house = await openHouse(t, drive.asDrive(), { limitBytes: 64 * KIB })
    const content = await house.hold(drive.file())
    for (let offset = 0; offset < sizeBytes; offset += 2 * 128 * KIB) {
      const places = [offset + 128 * KIB, offset]
      const pieces = await Promise.all(places.map((place) => house.hydrator.read(content, place, 128 * KIB, { signal: never })))
      pieces.forEach((piece, index) => {
        if (Buffer.compare(piece, drive.bytes().subarray(places[index], places[index]! + 128 * KIB)) !== 0) t.fail(`wrong bytes at ${places[index]}`)
      })
    }
    t.equal(drive.sentBytes, sizeBytes)
    t.ok(house.cache.usage().usedBytes <= 64 * KIB)
    await t.rejects(house.hydrator.hydrate(content, { priority: 'background' }), { code: 'cache-full' })
    house.hydrator.readerGone(content)
    await content.release()
  }
})

await t.test('a file larger than the ceiling is streamed and not kept where ranges are not served', async (t) => {
  const drive = new MemoryDrive(pattern(40 * MIB))
  drive.servesRanges = false
  const house = await openHouse(t, drive.asDrive(), { limitBytes: 20 * MIB })
  const content = await house.hold(drive.file())
  for (let offset = 0; offset < 40 * MIB; offset += MIB) {
    const bytes = await house.hydrator.read(content, offset, MIB, { signal: never })
    if (Buffer.compare(bytes, drive.bytes().subarray(offset, offset + MIB)) !== 0) t.fail(`wrong bytes at ${offset}`)
  }
  t.equal(drive.sentBytes, 40 * MIB)
  t.same(await house.hydrator.read(content, 5, 10, { signal: never }), drive.bytes().subarray(5, 15), 'back at the start it begins again')
  t.ok(house.cache.usage().usedBytes <= 20 * MIB)
  await content.release()
})

await t.test('pause holds back what nobody waits for, and reads go on', async (t) => {
  let paused = true
  const drive = new MemoryDrive(pattern(32 * MIB))
  const house = await openHouse(t, drive.asDrive(), { isPaused: () => paused })
  const content = await house.hold(drive.file())
  const whole = house.hydrator.hydrate(content, { priority: 'background' })
  t.same(await house.hydrator.read(content, 0, 10, { signal: never }), drive.bytes().subarray(0, 10))
  t.equal(drive.asked.length, 1)
  paused = false
  house.hydrator.pauseChanged()
  await whole
  t.equal(drive.sentBytes, 32 * MIB)
  await content.release()
})

await t.test('at most three background downloads run at once, and a read does not wait for them', async (t) => {
  const drive = new MemoryDrive(pattern(MIB))
  const gate = new Gate()
  drive.beforePiece = (_offset, { priority }) => (priority === 'background' ? gate.opened : Promise.resolve())
  const house = await openHouse(t, drive.asDrive())
  const contents = await Promise.all(Array.from({ length: 6 }, () => house.hold(drive.file())))
  const all = contents.map((content) => house.hydrator.hydrate(content, { priority: 'background' }))
  const other = await house.hold(drive.file())
  await house.hydrator.read(other, 0, 10, { signal: never })
  t.equal(drive.asked.filter(({ priority }) => priority === 'background').length, 3)
  t.equal(house.hydrator.transfers().filter(({ waiting }) => waiting > 0).length, 6)
  gate.open()
  await Promise.all(all)
  t.ok(drive.peakDownloads <= 4)
  for (const content of [...contents, other]) await content.release()
})

await t.test('a write that replaces everything ends the wait for what it replaced', async (t) => {
  const drive = new MemoryDrive(pattern(32 * MIB))
  const gate = new Gate()
  drive.beforePiece = () => gate.opened
  const house = await openHouse(t, drive.asDrive())
  const content = await house.hold(drive.file())
  const whole = house.hydrator.hydrate(content, { priority: 'background' })
  const read = house.hydrator.read(content, 0, 100, { signal: never })
  await content.truncate(0)
  await content.write(0, Buffer.from('mine'))
  gate.open()
  t.equal(Buffer.from(await read).toString(), 'mine')
  await whole
  t.equal(Buffer.from(await content.read(0, 99)).toString(), 'mine')
  await content.release()
})

await t.test('stop ends every wait and holds no content', async (t) => {
  const drive = new MemoryDrive(pattern(32 * MIB))
  drive.beforePiece = () => new Promise(() => undefined)
  drive.disturbances.push({ kind: 'stall', afterBytes: 0 })
  drive.beforePiece = () => Promise.resolve()
  const house = await openHouse(t, drive.asDrive())
  const content = await house.hold(drive.file())
  const read = t.rejects(house.hydrator.read(content, 0, 100, { signal: never }), { code: 'cancelled' })
  await house.hydrator.stop()
  await read
  await content.release()
  t.equal(house.cache.peek(content.id), undefined)
})
