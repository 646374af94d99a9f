import t, { type Test } from 'tap'
import { FakeClock } from '../../src/base/clock.js'
import { DriveError } from '../../src/base/errors.js'
import { silentLog, type Log } from '../../src/base/log.js'
import { ServiceLoop, type Turn } from '../../src/base/service.js'

/** A loop on a clock moved by hand that notes when each of its turns began. */
function loop(test: Test, turn: Turn, log: Log = silentLog): { service: ServiceLoop; clock: FakeClock; turnsAtMs: number[] } {
  const clock = new FakeClock()
  const turnsAtMs: number[] = []
  const noted: Turn = (signal) => {
    turnsAtMs.push(clock.monotonicMs())
    return turn(signal)
  }
  const service = new ServiceLoop({ name: 'test', clock, log, turn: noted })
  test.teardown(() => service.stop())
  return { service, clock, turnsAtMs }
}

await t.test('a turn begins at once and then after each rest', async (t) => {
  const { service, clock, turnsAtMs } = loop(t, () => Promise.resolve(100))
  service.start()
  await clock.advance(250)
  t.strictSame(turnsAtMs, [0, 100, 200])
})

await t.test('starting twice runs one loop', async (t) => {
  const { service, clock, turnsAtMs } = loop(t, () => Promise.resolve(100))
  service.start()
  service.start()
  await clock.advance(50)
  t.strictSame(turnsAtMs, [0])
})

await t.test('a wake cuts the rest short', async (t) => {
  const { service, clock, turnsAtMs } = loop(t, () => Promise.resolve(Infinity))
  service.start()
  await clock.advance(40)
  service.wake()
  await clock.advance(0)
  t.strictSame(turnsAtMs, [0, 40])
})

await t.test('a wake during a turn is not lost: the next turn follows without rest', async (t) => {
  let finish = (): void => undefined
  let turns = 0
  const { service, clock, turnsAtMs } = loop(t, async () => {
    turns += 1
    if (turns === 1) await new Promise<void>((resolve) => (finish = resolve))
    return Infinity
  })
  service.start()
  await clock.advance(10)
  service.wake()
  finish()
  await clock.advance(0)
  t.strictSame(turnsAtMs, [0, 10])
})

await t.test('a turn that fails is logged with its code and tried again after a growing rest', async (t) => {
  const logged: object[] = []
  const log: Log = { ...silentLog, error: (fields) => logged.push(fields) }
  const { service, clock, turnsAtMs } = loop(t, () => Promise.reject(new DriveError('offline', 'no network')), log)
  service.start()
  await clock.advance(200_000)
  t.strictSame(turnsAtMs, [0, 1_000, 3_000, 7_000, 15_000, 31_000, 63_000, 123_000, 183_000])
  t.match(logged[0], { service: 'test', code: 'offline', error: 'no network', restMs: 1_000 })
})

await t.test('the rest after a failure is short again once a turn has held', async (t) => {
  const outcomes = [false, false, true, false, true]
  const { service, clock, turnsAtMs } = loop(t, () => (outcomes.shift() === false ? Promise.reject(new Error('no')) : Promise.resolve(10_000)))
  service.start()
  await clock.advance(15_000)
  t.strictSame(turnsAtMs, [0, 1_000, 3_000, 13_000, 14_000])
})

await t.test('stop tells the running turn and waits for its end', async (t) => {
  const events: string[] = []
  let finish = (): void => undefined
  const { service, clock } = loop(t, async (signal) => {
    signal.addEventListener('abort', () => events.push('told'))
    await new Promise<void>((resolve) => (finish = resolve))
    events.push('turn ended')
    return 0
  })
  service.start()
  await clock.advance(0)
  const stopped = service.stop().then(() => events.push('stopped'))
  await clock.advance(0)
  t.strictSame(events, ['told'])
  finish()
  await stopped
  t.strictSame(events, ['told', 'turn ended', 'stopped'])
})

await t.test('stop ends a rest, and no turn follows whatever wakes the loop', async (t) => {
  const { service, clock, turnsAtMs } = loop(t, () => Promise.resolve(100))
  service.start()
  await clock.advance(50)
  await service.stop()
  service.wake()
  service.start()
  await clock.advance(1_000)
  t.strictSame(turnsAtMs, [0])
})

await t.test('a failure while stopping is not logged', async (t) => {
  const log: Log = { ...silentLog, error: () => t.fail('logged') }
  const { service, clock } = loop(
    t,
    (signal) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          reject(new DriveError('cancelled', 'stopping'))
        })
      }),
    log,
  )
  service.start()
  await clock.advance(0)
  await service.stop()
})

await t.test('stop is safe before start and twice, and a loop stopped before its start makes no turn', async (t) => {
  const { service, clock, turnsAtMs } = loop(t, () => Promise.resolve(100))
  await service.stop()
  await service.stop()
  service.start()
  await clock.advance(1_000)
  t.strictSame(turnsAtMs, [])
})
