/** Any reads of any file, from several readers at once, with whatever goes wrong: the right bytes or an error. */
import fc from 'fast-check'
import t from 'tap'
import { DriveError, hasCode } from '../../src/base/errors.js'
import { MIB, never, openHouse, pattern } from './fixture.js'
import { MemoryDrive, type Disturbance } from './memory-drive.js'

const disturbance: fc.Arbitrary<Disturbance> = fc.record({
  kind: fc.constant('break' as const),
  afterBytes: fc.nat(3 * MIB),
  error: fc.constantFrom('bad-answer' as const, 'offline' as const, 'portal-error' as const).map((code) => new DriveError(code, 'disturbed')),
})

const story = fc.record({
  sizeBytes: fc.oneof(fc.nat(200_000), fc.integer({ min: 9 * MIB, max: 14 * MIB })),
  servesRanges: fc.boolean(),
  limitBytes: fc.constantFrom(64 * 1024, 3 * MIB, 1024 * MIB),
  disturbances: fc.array(disturbance, { maxLength: 3 }),
  /** Grows the history before this download, if any. */
  movesAt: fc.option(fc.nat(4), { nil: undefined }),
  keepsHistory: fc.boolean(),
  readers: fc.array(fc.array(fc.tuple(fc.nat(14 * MIB), fc.integer({ min: 1, max: 600_000 })), { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 3 }),
})

await t.test('every read answers the bytes of its version or fails, and the cache stays below its limit', async (t) => {
  await fc.assert(
    fc.asyncProperty(story, async (told) => {
      const drive = new MemoryDrive(pattern(told.sizeBytes))
      drive.servesRanges = told.servesRanges
      drive.keepsHistory = told.keepsHistory
      drive.disturbances.push(...told.disturbances)
      let looks = 0
      // Just before a look: between a look and its bytes no client can tell (there the cache is put right afterwards).
      drive.beforeLook = () => {
        if (looks === told.movesAt) drive.history.push(pattern(told.sizeBytes, 2))
        looks += 1
        return Promise.resolve()
      }
      const house = await openHouse(t, drive.asDrive(), { limitBytes: told.limitBytes })
      const content = await house.hold(drive.file(1))
      await Promise.all(
        told.readers.map(async (reads) => {
          for (const [at, lengthBytes] of reads) {
            const offset = told.sizeBytes === 0 ? 0 : at % told.sizeBytes
            try {
              const bytes = await house.hydrator.read(content, offset, lengthBytes, { signal: never })
              if (Buffer.compare(bytes, drive.bytes(1).subarray(offset, offset + lengthBytes)) !== 0) throw new Error(`wrong bytes at ${offset}`)
            } catch (error) {
              if (!hasCode(error, 'vanished', 'bad-answer', 'portal-error', 'offline')) throw error
              if (told.movesAt === undefined && told.disturbances.length < 3) throw error // nothing that justifies it
            }
          }
          house.hydrator.readerGone(content)
        }),
      )
      if (house.cache.usage().usedBytes > told.limitBytes) throw new Error('above the limit')
      for (const { start, end } of content.ranges.ranges) {
        if (Buffer.compare(await content.read(start, end - start), drive.bytes(1).subarray(start, end)) !== 0) throw new Error('wrong bytes in the cache')
      }
      await house.hydrator.stop()
      await content.release()
      return true
    }),
    { numRuns: 60, seed: 7, endOnFailure: true },
  )
})
