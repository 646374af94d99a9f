import t from 'tap'
import { FakeClock } from '../../src/base/clock.js'
import { DriveError } from '../../src/base/errors.js'
import { silentLog } from '../../src/base/log.js'
import { DatabaseCheck } from '../../src/daemon/database-check.js'

await t.test('the first look waits until the rush of the start is over, and is the only one', async (t) => {
  const clock = new FakeClock()
  let looks = 0
  const check = new DatabaseCheck({
    store: () => ({
      check: () => {
        looks += 1
        return Promise.resolve()
      },
    }),
    clock,
    log: silentLog,
  })
  check.start()
  await clock.advance(14_000)
  t.equal(looks, 0)
  await clock.advance(3_600_000)
  t.equal(looks, 1)
  t.equal(check.damage, undefined)
  await check.stop()
})

await t.test('damage stays to be told with the time of the first, whoever met it', async (t) => {
  const clock = new FakeClock(1_000)
  const check = new DatabaseCheck({ store: () => ({ check: () => Promise.resolve() }), clock, log: silentLog })
  const first = new DriveError('database-damaged', 'first')
  check.met(first)
  await clock.advance(1_000)
  check.met(new DriveError('database-damaged', 'second'))
  t.same(check.damage, { error: first, sinceMs: 1_000 })
  await check.stop()
})

await t.test('a daemon that ends while the look waits or runs does not wait for it', async (t) => {
  const clock = new FakeClock()
  const ends = (signal: AbortSignal): Promise<void> =>
    new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => {
        reject(new DriveError('cancelled', 'ends'))
      })
    })
  const check = new DatabaseCheck({ store: () => ({ check: ends }), clock, log: silentLog })
  check.start()
  await clock.advance(20_000)
  await check.stop()
  t.pass('it ended')
})
