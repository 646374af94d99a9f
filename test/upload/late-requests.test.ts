/** Requests whose connection breaks, and which the portal carries out a while later, or never. */
import { Readable } from 'node:stream'
import t from 'tap'
import { DriveError } from '../../src/base/errors.js'
import { asRemoteId } from '../../src/base/ids.js'
import type { UploadSource } from '../../src/drive/drive.js'
import { bytesOf } from '../drive/portal-drive.js'
import { World } from './world.js'

const LATE_MS = 8_000

/** The portal carries out what `arrives` was told so much later, seen by whoever asks it about a file then. */
function lateRequests({ drive, clock }: World): { readonly arrives: (carryOut: () => Promise<unknown>) => void; readonly wasCarriedOut: () => boolean } {
  const getFile = drive.getFile.bind(drive)
  let late: { readonly sinceMs: number; readonly carryOut: () => Promise<unknown> } | undefined
  let isDone = false
  drive.getFile = async (fileId, call) => {
    if (late !== undefined && clock.nowMs() - late.sinceMs >= LATE_MS) {
      const { carryOut } = late
      late = undefined
      await carryOut()
      isDone = true
    }
    return getFile(fileId, call)
  }
  return { arrives: (carryOut) => { late = { sinceMs: clock.nowMs(), carryOut } }, wasCarriedOut: () => isDone }
}

function sourceOf(bytes: Buffer): UploadSource {
  return { sizeBytes: bytes.length, open: () => Readable.from([bytes]) }
}

for (const waitedMs of [0, 15_000]) {
  await t.test(`a rename that the portal carries out late, sent after ${waitedMs / 1_000} s, does not undo the next one`, async (t) => {
    const world = await World.make(t)
    const { id } = await world.act('write', { path: 'a', content: 'a' })
    await world.boot()
    const { drive, clock } = world
    const rename = drive.rename.bind(drive)
    const late = lateRequests(world)
    drive.rename = async (item, name, call) => {
      drive.rename = rename
      clock.skip(waitedMs)
      late.arrives(() => rename(item, name, { priority: call.priority }))
      await world.files.rename('b', 'c')
      throw new DriveError('lost-answer', 'the connection broke')
    }
    await world.files.rename('a', 'b')
    await world.sync()
    t.equal(late.wasCarriedOut(), true)
    t.same([...(await world.tree())].map(([path, row]) => [path, row.id]), [['c', id]])
  })
}

await t.test('a deletion that the portal may carry out late is waited for when the file was taken out of the trash again', async (t) => {
  const world = await World.make(t)
  const { id } = await world.act('write', { path: 'a', content: 'one' })
  await world.boot()
  const { drive } = world
  const trash = drive.trash.bind(drive)
  const late = lateRequests(world)
  drive.trash = async (key, call) => {
    drive.trash = trash
    late.arrives(() => trash(key, { priority: call.priority }))
    await world.files.untrash('a', 'a')
    throw new DriveError('lost-answer', 'the connection broke')
  }
  await world.files.trash('a')
  await world.sync()
  t.equal(late.wasCarriedOut(), true)
  t.same([...(await world.tree())].map(([path, row]) => [path, row.id]), [['a', id]], 'and comes back with its id')
})

await t.test('6a.7: the new file of a replacement that the portal makes late is adopted, and not met as somebody else\'s', async (t) => {
  const world = await World.make(t)
  world.maxVersionSizeBytes = 2
  await world.act('write', { path: 'a', content: 'one' })
  await world.boot()
  const { drive, clock } = world
  const [trash, uploadNew] = [drive.trash.bind(drive), drive.uploadNew.bind(drive)]
  let late: (() => Promise<unknown>) | undefined
  drive.trash = async (key, call) => {
    clock.skip(15_000)
    await trash(key, call)
    const arriving = late
    late = undefined
    await arriving?.()
  }
  drive.uploadNew = async (parent, name, source, call) => {
    drive.uploadNew = uploadNew
    const bytes = await bytesOf({ body: source.open() })
    late = () => uploadNew(parent, name, sourceOf(bytes), call)
    throw new DriveError('lost-answer', 'the connection broke')
  }
  await world.files.write('a', 'two')
  await world.sync()
  t.same(await world.paths(), ['a'])
  t.equal(await world.content('a'), 'two')
  t.same(world.notices.filter(({ kind }) => kind !== 'replaced'), [])
})

// Seed 202 of scripts/kills: the portal stalled on a version for four seconds, the daemon was killed, and three seconds passed for certain.
for (const sendingMs of [0, 20_000]) {
  await t.test(`a version that the portal carries out late, ${sendingMs / 1_000} s on the way, is no conflict with the next save`, async (t) => {
    const world = await World.make(t)
    const { id } = await world.act('write', { path: 'a', content: 'one' })
    await world.boot()
    const { drive, clock } = world
    const uploadVersion = drive.uploadVersion.bind(drive)
    const late = lateRequests(world)
    drive.uploadVersion = async (fileId, source, call) => {
      drive.uploadVersion = uploadVersion
      const bytes = await bytesOf({ body: source.open() })
      clock.skip(sendingMs) // the bandwidth is limited, or buffers are full
      late.arrives(() => uploadVersion(fileId, sourceOf(bytes), { priority: call.priority }))
      await world.files.write('a.new', 'three')
      await world.files.rename('a.new', 'a')
      throw new DriveError('lost-answer', 'the connection broke')
    }
    await world.files.write('a', 'two')
    await world.sync()
    t.equal(late.wasCarriedOut(), true)
    t.same(await world.paths(), ['a'])
    t.match((await world.tree()).get('a'), { id, version: 3 })
    t.equal(await world.content('a'), 'three')
    t.same(world.notices, [])
  })
}

await t.test('a version that the portal carries out after the process has died and started again is no conflict with the next save', async (t) => {
  const world = await World.make(t)
  const { id } = await world.act('write', { path: 'a', content: 'one' })
  await world.boot()
  const { drive, clock } = world
  const uploadVersion = drive.uploadVersion.bind(drive)
  const late = lateRequests(world)
  let end = (): void => undefined
  const isSent = new Promise<void>((resolve) => {
    drive.uploadVersion = async (_fileId, source) => {
      drive.uploadVersion = uploadVersion
      await bytesOf({ body: source.open() })
      const ended = new Promise<never>((_resolve, reject) => {
        end = () => { reject(new DriveError('lost-answer', 'the process ended')) }
      })
      resolve()
      return ended
    }
  })
  await world.files.write('a', 'two')
  world.upload.start()
  await isSent
  const off = world.off()
  end()
  await off
  clock.skip(60_000)
  await world.boot()
  await world.files.write('a.new', 'three')
  await world.files.rename('a.new', 'a')
  late.arrives(() => uploadVersion(asRemoteId(id), sourceOf(Buffer.from('two')), { priority: 'upload' }))
  await world.sync()
  t.equal(late.wasCarriedOut(), true)
  t.same(await world.paths(), ['a'])
  t.match((await world.tree()).get('a'), { id, version: 3 })
  t.equal(await world.content('a'), 'three')
})

await t.test('a body whose last piece never went out is sent again without waiting for the portal', async (t) => {
  const world = await World.make(t)
  await world.act('write', { path: 'a', content: 'one' })
  await world.boot()
  const { drive, clock } = world
  const broken = (): Promise<never> => Promise.reject(new DriveError('lost-answer', 'the connection broke'))
  const [uploadVersion, uploadNew] = [drive.uploadVersion.bind(drive), drive.uploadNew.bind(drive)]
  drive.uploadVersion = () => ((drive.uploadVersion = uploadVersion), broken())
  drive.uploadNew = () => ((drive.uploadNew = uploadNew), broken())
  await world.files.write('a', 'two')
  await world.files.write('b', 'b')
  const beganMs = clock.nowMs()
  await world.sync()
  t.ok(clock.nowMs() - beganMs < 9_000, `${clock.nowMs() - beganMs} ms`) // of which 3,000 are the upload delay; the portal would be given 10,000
  t.same([await world.content('a'), await world.content('b')], ['two', 'b'])
})
