import t from 'tap'
import { delay, FakeClock, systemClock } from '../../src/base/clock.js'

await t.test('timers fire in the order of their time, each seeing its own time', async (t) => {
  const clock = new FakeClock(1_000)
  const fired: [string, number, number][] = []
  const note = (name: string) => () => fired.push([name, clock.monotonicMs(), clock.nowMs()])
  clock.setTimer(30, note('c'))
  clock.setTimer(10, note('a'))
  clock.setTimer(20, note('b'))
  await clock.advance(25)
  t.strictSame(fired, [['a', 10, 1_010], ['b', 20, 1_020]])
  t.equal(clock.monotonicMs(), 25)
  await clock.advance(5)
  t.equal(fired.length, 3)
})

await t.test('a timer that a timer sets fires in the same advance when it falls due', async (t) => {
  const clock = new FakeClock()
  const firedAtMs: number[] = []
  const again = (): void => {
    firedAtMs.push(clock.monotonicMs())
    clock.setTimer(10, again)
  }
  clock.setTimer(10, again)
  await clock.advance(35)
  t.strictSame(firedAtMs, [10, 20, 30])
})

await t.test('work that is already due runs before time moves', async (t) => {
  const clock = new FakeClock()
  let wokenAtMs: number | undefined
  const work = Promise.resolve()
    .then(() => delay(clock, 10))
    .then(() => {
      wokenAtMs = clock.monotonicMs()
    })
  await clock.advance(10)
  t.equal(wokenAtMs, 10)
  await work
})

await t.test('a cancelled timer never fires', async (t) => {
  const clock = new FakeClock()
  clock.setTimer(10, () => t.fail('fired'))()
  await clock.advance(100)
  t.equal(clock.monotonicMs(), 100)
})

await t.test('a delay ends when its time has come, and not before', async (t) => {
  const clock = new FakeClock()
  let ended = false
  const waiting = delay(clock, 100).then(() => {
    ended = true
  })
  await clock.advance(99)
  t.notOk(ended)
  await clock.advance(1)
  t.ok(ended)
  await waiting
})

await t.test('a delay is cut short by its signal, also by one that has aborted before', async (t) => {
  const clock = new FakeClock()
  const stop = new AbortController()
  const waiting = delay(clock, 100, stop.signal)
  stop.abort()
  await t.rejects(waiting, { code: 'cancelled' })
  await t.rejects(delay(clock, 100, stop.signal), { code: 'cancelled' })
})

await t.test('the real clock fires at once for a delay of nothing, and not for one longer than a timer holds', async (t) => {
  const cancel = systemClock.setTimer(Infinity, () => t.fail('fired'))
  await new Promise<void>((resolve) => systemClock.setTimer(-5, resolve))
  cancel()
  t.ok(systemClock.monotonicMs() > 0)
})
