/** Execution time per method, and whether the portal answers: the two watches by hand-moved time. */
import t from 'tap'
import { FakeClock } from '../../src/base/clock.js'
import { ConnectionWatch } from '../../src/rest/connection-state.js'
import type { AnswerTime } from '../../src/rest/envelope.js'
import { OperatingWatch } from '../../src/rest/operating-watch.js'

const time = (operatingSeconds: number | undefined, operatingResetInMs?: number): AnswerTime => ({ operatingSeconds, operatingResetInMs, serverMs: undefined })

t.test('a method is free below 80 % of its execution time and spread out above', async (t) => {
  const clock = new FakeClock()
  const watch = new OperatingWatch(clock)
  watch.note('a', time(370, 100_000))
  t.equal(watch.waitMs('a'), 0)
  watch.note('a', time(390, 100_000)) // 20 s a call, 90 s left: four more in 100 s
  t.ok(watch.waitMs('a') > 15_000 && watch.waitMs('a') <= 30_000, String(watch.waitMs('a')))
  t.equal(watch.isRefused('a'), false)
  t.equal(watch.waitMs('b'), 0, 'others are not concerned')
  await clock.advance(30_000)
  t.equal(watch.waitMs('a'), 0)
  watch.note('a', time(100, 600_000))
  t.equal(watch.waitMs('a'), 0, 'the window has moved on')
  watch.note('a', undefined)
  watch.note('a', time(undefined))
  t.equal(watch.waitMs('a'), 0, 'a portal that does not count')
})

t.test('a refused method rests until the portal forgets, ten seconds at least', async (t) => {
  const clock = new FakeClock()
  const watch = new OperatingWatch(clock)
  watch.refused('a', 120_000)
  t.equal(watch.waitMs('a'), 120_000)
  t.equal(watch.isRefused('a'), true)
  watch.note('a', time(479, 1_000))
  t.ok(watch.waitMs('a') >= 120_000, 'an answer that was under way does not shorten it')
  watch.refused('b', undefined)
  t.equal(watch.waitMs('b'), 10_000)
  watch.refused('b', 500)
  t.equal(watch.waitMs('b'), 10_000)
  await clock.advance(10_000)
  t.equal(watch.waitMs('b'), 0)
  t.equal(watch.isRefused('b'), false)
})

t.test('one broken answer is nothing, three in a row or a refused connection is offline, any answer is online', (t) => {
  const clock = new FakeClock()
  const watch = new ConnectionWatch(clock)
  const told: boolean[] = []
  const stop = watch.onChange(({ online }) => told.push(online))
  watch.broken()
  watch.broken()
  watch.answered()
  watch.broken()
  watch.broken()
  t.same(told, [])
  watch.broken()
  t.same(told, [false])
  watch.unreachable('ECONNREFUSED')
  watch.broken()
  t.same(told, [false], 'told once')
  watch.answered()
  watch.unreachable('ECONNREFUSED')
  t.same(told, [false, true, false])
  t.match(watch.state, { online: false, lastSuccessMs: clock.nowMs(), lastFailureMs: clock.nowMs() })
  stop()
  watch.answered()
  t.equal(told.length, 3)
  t.end()
})
