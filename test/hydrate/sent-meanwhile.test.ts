/** An edit is sent while what was downloaded before it is still to be proved: what was sent stays, whatever the proof is told. */
import t, { type Test } from 'tap'
import type { Content } from '../../src/cache/content.js'
import { KIB, MIB, never, openHouse, pattern, type House } from './fixture.js'
import { Gate, MemoryDrive } from './memory-drive.js'
import { settled } from './settled.js'

const SIZE = 9 * MIB

interface Downloaded {
  readonly drive: MemoryDrive
  readonly house: House
  readonly content: Content
  /** Lets the look go on that is to prove the download. */
  readonly proof: Gate
}

/** All is here by several answers, and the look that proves them does not come back. */
async function downloaded(t: Test): Promise<Downloaded> {
  const drive = new MemoryDrive(pattern(SIZE))
  const house = await openHouse(t, drive.asDrive())
  const content = await house.hold(drive.file())
  const proof = new Gate()
  t.teardown(async () => {
    proof.open()
    await content.release()
  })
  const asked = new Gate()
  drive.beforeLook = () => {
    if (!content.isComplete) return Promise.resolve()
    asked.open()
    return proof.opened
  }
  for (const offset of [SIZE - 100 * KIB, 0]) await house.hydrator.read(content, offset, 64 * KIB, { signal: never })
  const whole = house.hydrator.hydrate(content, { priority: 'interactive', signal: never })
  whole.catch(() => undefined)
  await asked.opened
  return { drive, house, content, proof }
}

/** Writes over all of it, and sends that as the next version. */
async function send(t: Test, { drive, house, content }: Downloaded, bytes: Buffer): Promise<void> {
  await house.store.transact((tx) => content.markDirty(tx))
  await content.write(0, bytes)
  drive.history.push(bytes)
  const { id, version, blobId } = drive.file()
  t.ok(await house.store.transact((tx) => content.markClean(tx, content.writeSequence, { fileId: id, version, blobId })))
}

for (const [what, sizeBytes] of [['longer', SIZE + 100], ['as long', SIZE]] as const) {
  await t.test(`a proof that was on its way says nothing of the bytes that were sent meanwhile, which are ${what}`, async (t) => {
    const world = await downloaded(t)
    const bytes = pattern(sizeBytes, 2)
    await send(t, world, bytes)
    world.proof.open()
    await world.house.hydrator.hydrate(world.content, { priority: 'interactive', signal: never })
    await settled(() => world.house.hydrator.transfers().length === 0)
    t.equal(world.content.isComplete, true)
    t.ok(bytes.equals(await world.house.hydrator.read(world.content, 0, sizeBytes, { signal: never })))
    t.same(world.house.moved, [], 'our own version is no news')
  })
}
