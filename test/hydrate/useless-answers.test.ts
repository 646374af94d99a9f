/** Answers that bring nothing of what is missing, again and again: asked for a few times with pauses, then given up. */
import t, { type Test } from 'tap'
import type { ByteRange } from '../../src/base/byte-ranges.js'
import { FakeClock } from '../../src/base/clock.js'
import { DriveError } from '../../src/base/errors.js'
import type { Content } from '../../src/cache/content.js'
import { KIB, MIB, never, openHouse, pattern, type House } from './fixture.js'
import { MemoryDrive } from './memory-drive.js'

await t.test('attempts that bring the same bytes again are bounded where nothing can be kept', async (t) => {
  const clock = new FakeClock()
  const drive = new MemoryDrive(pattern(MIB))
  drive.servesRanges = false
  for (let index = 0; index < 99; index += 1) drive.disturbances.push({ kind: 'break', afterBytes: 128 * KIB, error: new DriveError('bad-answer', 'less bytes') })
  const house = await openHouse(t, drive.asDrive(), { clock, limitBytes: 4 * KIB, stallDeadlineMs: Infinity })
  const content = await house.hold(drive.file())
  await boundedRead(t, { house, content, drive, clock, range: { start: 0, end: 512 * KIB } })
})

await t.test('answers that are complete and not what was asked for are bounded', async (t) => {
  const clock = new FakeClock()
  const drive = new MemoryDrive(pattern(16 * MIB))
  const honest = drive.asDrive()
  const house = await openHouse(t, { ...honest, download: (file, _range, call) => honest.download(file, { start: 0, end: 64 * KIB }, call) }, { clock, stallDeadlineMs: Infinity })
  const content = await house.hold(drive.file())
  await house.hydrator.read(content, 0, 10, { signal: never })
  await boundedRead(t, { house, content, drive, clock, range: { start: 12 * MIB, end: 12 * MIB + 10 } })
})

/** A read of what never comes fails after a few attempts. */
async function boundedRead(t: Test, parts: { house: House; content: Content; drive: MemoryDrive; clock: FakeClock; range: ByteRange }): Promise<void> {
  const { house, content, drive, clock, range } = parts
  const before = drive.asked.length
  const stop = new AbortController()
  const over = new AbortController()
  const failed = t.rejects(house.hydrator.read(content, range.start, range.end - range.start, { signal: stop.signal }), { code: 'bad-answer' }).finally(() => {
    over.abort()
  })
  while (!over.signal.aborted && drive.asked.length - before < 50) await clock.advance(100)
  stop.abort()
  await failed
  t.ok(drive.asked.length - before <= 6, `${drive.asked.length - before} attempts`)
  await content.release()
}
