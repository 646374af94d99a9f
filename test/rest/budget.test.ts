/** The bucket: its numbers, its queue, its pauses, and the file that processes share. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { FakeClock, systemClock } from '../../src/base/clock.js'
import { silentLog, type Log } from '../../src/base/log.js'
import { seededRandom } from '../../src/base/random.js'
import { Budget } from '../../src/rest/budget.js'
import { drained, emptyBudget, limitedBudget, stepBudget, type BudgetState, type Priority } from '../../src/rest/budget-state.js'
import { FileBudgetStore, budgetPath, memoryBudgetStore } from '../../src/rest/budget-store.js'

const PORTAL = { capacity: 50, perSecond: 2 }

function fakeBudget(t: Test): { clock: FakeClock; budget: Budget } {
  const clock = new FakeClock()
  const budget = new Budget({ store: memoryBudgetStore(), clock, random: seededRandom(1) })
  t.teardown(() => budget.close())
  return { clock, budget }
}

/** Counts what was let go and when. */
function taker(budget: Budget, clock: FakeClock): { readonly take: (priority: Priority, count?: number) => void; readonly times: { priority: Priority; atMs: number }[] } {
  const times: { priority: Priority; atMs: number }[] = []
  return {
    times,
    take: (priority, count = 1) => {
      for (let each = 0; each < count; each += 1) {
        budget.take(priority).then(
          () => times.push({ priority, atMs: clock.monotonicMs() }),
          () => undefined,
        )
      }
    },
  }
}

t.test('each priority may fill its share of the bucket, and background leaves more than 20 of 50', (t) => {
  const share = (priority: Priority): number => stepBudget(emptyBudget(0), Array.from({ length: 60 }, () => ({ priority, aged: false })), 0).granted.filter(Boolean).length
  t.equal(share('interactive'), 48)
  t.equal(share('listing'), 44)
  t.equal(share('upload'), 38)
  t.equal(share('background'), 10)
  const filled: BudgetState = { ...emptyBudget(0), level: 28 }
  t.notOk(stepBudget(filled, [{ priority: 'background', aged: false }], 0).granted[0])
  t.ok(stepBudget(filled, [{ priority: 'upload', aged: false }], 0).granted[0])
  t.end()
})

t.test('whatever is asked, a portal with this plan never says 503', (t) => {
  const request = fc.record({ afterMs: fc.integer({ min: 0, max: 2_000 }), priority: fc.constantFrom<Priority>('interactive', 'listing', 'upload', 'background'), count: fc.integer({ min: 1, max: 70 }) })
  fc.assert(
    fc.property(fc.array(request, { maxLength: 60 }), (requests) => {
      let state = emptyBudget(0)
      let nowMs = 0
      const portal = { level: 0, atMs: 0 }
      for (const { afterMs, priority, count } of requests) {
        nowMs += afterMs
        const step = stepBudget(state, Array.from({ length: count }, () => ({ priority, aged: false })), nowMs)
        state = step.state
        portal.level = Math.max(0, portal.level - ((nowMs - portal.atMs) / 1000) * PORTAL.perSecond) + step.granted.filter(Boolean).length
        portal.atMs = nowMs
        if (portal.level > PORTAL.capacity - 2 + 1e-6) return false
      }
      return true
    }),
    { seed: 11, numRuns: 300 },
  )
  t.end()
})

t.test('refusals that come together are one pause, later ones grow, silence forgets them', (t) => {
  const first = limitedBudget(emptyBudget(0), 0, 0)
  t.equal(first.blockedUntilMs, 1_500)
  t.equal(first.level, 50)
  const echo = limitedBudget(first, 100, 0)
  t.equal(echo.blockedUntilMs, 1_500)
  t.equal(echo.streak, 1)
  t.equal(echo.limitedCount, 2)
  const second = limitedBudget(echo, 1_600, 0)
  t.equal(second.blockedUntilMs, 1_600 + 2_250)
  t.equal(drained(second, 60_000).streak, 0)
  t.ok(limitedBudget(emptyBudget(0), 0, 0.99).blockedUntilMs > 1_500, 'with jitter')
  t.end()
})

t.test('a clock set back neither drains the bucket nor blocks it for long', (t) => {
  const state = limitedBudget({ ...emptyBudget(1_000_000), level: 10 }, 1_000_000, 0)
  const back = drained(state, 0)
  t.equal(back.level, 50)
  t.equal(back.blockedUntilMs, 60_000)
  t.end()
})

t.test('a person goes before a listing, a listing before an upload, and background last', async (t) => {
  const { clock, budget } = fakeBudget(t)
  const { take, times } = taker(budget, clock)
  take('interactive', 48)
  await clock.advance(0)
  t.equal(times.length, 48, 'the burst is there at once')
  times.length = 0
  take('background')
  take('upload')
  take('listing')
  take('interactive', 2)
  await clock.advance(1_100)
  t.same(times.map(({ priority }) => priority), ['interactive', 'interactive'])
  await clock.advance(25_000)
  t.same(times.map(({ priority }) => priority).slice(2), ['listing', 'upload', 'background'])
})

t.test('background passes at most one a second in the long run', async (t) => {
  const { clock, budget } = fakeBudget(t)
  const { take, times } = taker(budget, clock)
  take('background', 200)
  await clock.advance(60_000)
  t.ok(times.length <= 10 + 60 + 15, `${times.length} in a minute`) // burst, rate, and those that aged
  t.ok(times.length >= 60)
})

t.test('nobody starves while people keep the bucket full', async (t) => {
  const { clock, budget } = fakeBudget(t)
  const { take, times } = taker(budget, clock)
  take('interactive', 48)
  take('background', 3)
  for (let second = 0; second < 60; second += 1) {
    take('interactive', 3)
    await clock.advance(1_000)
  }
  t.equal(times.filter(({ priority }) => priority === 'background').length, 3)
  t.ok(times.filter(({ priority }) => priority === 'interactive').length >= 48 + 110, 'and people hardly notice')
})

t.test('a wait can be cancelled, and the place in the bucket stays free', async (t) => {
  const { clock, budget } = fakeBudget(t)
  const { take } = taker(budget, clock)
  take('interactive', 48)
  await clock.advance(0)
  const abort = new AbortController()
  const waiting = budget.take('interactive', abort.signal)
  await clock.advance(10)
  abort.abort()
  await t.rejects(waiting, { code: 'cancelled' })
  await t.rejects(budget.take('interactive', abort.signal), { code: 'cancelled' })
  await clock.advance(100_000)
  t.equal(budget.snapshot().used, 0)
})

t.test('a pause refuses those nobody waits for, also in the queue, and lets people through', async (t) => {
  const { clock, budget } = fakeBudget(t)
  const { take } = taker(budget, clock)
  take('interactive', 48)
  await clock.advance(0)
  const upload = budget.take('upload')
  const person = budget.take('interactive')
  const refused = t.rejects(upload, { code: 'paused' })
  budget.setPaused(true, ['listing', 'upload', 'background'])
  await refused
  await t.rejects(budget.take('background'), { code: 'paused' })
  await t.rejects(budget.take('listing'), { code: 'paused' })
  await clock.advance(2_000)
  await person
  budget.setPaused(false, [])
  const resumed = budget.take('upload')
  await clock.advance(60_000)
  await resumed
})

t.test('closing refuses those who wait', async (t) => {
  const { clock, budget } = fakeBudget(t)
  const { take } = taker(budget, clock)
  take('interactive', 48)
  await clock.advance(0)
  const refused = t.rejects(budget.take('interactive'), { code: 'cancelled' })
  await budget.close()
  await refused
  await t.rejects(budget.take('interactive'), { code: 'cancelled' })
})

t.test('a portal that counts nothing is not slowed down, until it says 503 after all', async (t) => {
  const { clock, budget } = fakeBudget(t)
  const { take, times } = taker(budget, clock)
  take('interactive', 60)
  await clock.advance(0)
  budget.uncounted()
  await clock.advance(0)
  t.equal(times.length, 60)
  await budget.limited()
  take('interactive', 1)
  await clock.advance(1_000)
  t.equal(times.length, 60)
  budget.uncounted()
  await clock.advance(20_000)
  t.equal(times.length, 61)
  t.match(budget.snapshot(), { counted: true, limited: 1, capacity: 50, perSecond: 2 })
})

t.test('after a 503 everybody waits, then goes at the plan\'s rate', async (t) => {
  const { clock, budget } = fakeBudget(t)
  const { take, times } = taker(budget, clock)
  await budget.limited()
  take('interactive', 10)
  await clock.advance(1_400)
  t.equal(times.length, 0)
  await clock.advance(4_600)
  t.ok(times.length >= 9 && times.length <= 12, `${times.length} after 6 s`)
})

async function temporary(t: Test): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'elastic-drive-rest-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  return directory
}

t.test('two processes share one bucket', async (t) => {
  const directory = await temporary(t)
  const store = new FileBudgetStore({ runtimeDirectory: directory, portalHost: 'acme.example', log: silentLog })
  const budget = new Budget({ store, clock: systemClock, random: seededRandom(1) })
  t.teardown(() => budget.close())
  const child = fork(fileURLToPath(new URL('./budget-child.js', import.meta.url)), [directory, 'acme.example'], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  t.teardown(() => child.kill('SIGKILL'))
  await once(child, 'message')
  child.send('go')
  const startMs = performance.now()
  let mine = 0
  // Neither can empty the bucket of 48 alone, whoever runs first; two buckets would give 80.
  const takes = Array.from({ length: 40 }, () =>
    budget.take('interactive').then(
      () => (mine += 1),
      () => undefined,
    ),
  )
  const [theirs] = (await once(child, 'message')) as [number]
  const seconds = (performance.now() - startMs) / 1000
  const together = mine + theirs
  t.ok(theirs > 0 && mine > 0, `${mine} here, ${theirs} there`)
  t.ok(together <= 48 + Math.ceil(seconds * 2) + 1, `${together} together in ${seconds} s`)
  t.equal((await stat(budgetPath(directory, 'acme.example'))).isFile(), true)
  await budget.close()
  await Promise.all(takes)
})

t.test('two processes that open a new bucket at the same moment share it', async (t) => {
  const directory = await temporary(t)
  const child = fork(fileURLToPath(new URL('./budget-child.js', import.meta.url)), [directory, 'acme.example', 'open'], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  t.teardown(() => child.kill('SIGKILL'))
  await once(child, 'message')
  const levels: number[] = []
  for (let each = 0; each < 100; each += 1) {
    const portalHost = `acme-${each}.example`
    const counted = once(child, 'message')
    child.send(portalHost)
    const store = new FileBudgetStore({ runtimeDirectory: directory, portalHost, log: silentLog })
    await store.update((state) => [{ ...(state ?? emptyBudget(0)), level: (state?.level ?? 0) + 1 }, undefined])
    await counted
    levels.push(await store.update((state) => [state ?? emptyBudget(0), state?.level ?? 0]))
    await store.close()
  }
  t.same(levels, Array.from({ length: 100 }, () => 2))
})

t.test('no count of one process is lost to another', async (t) => {
  const directory = await temporary(t)
  const warnings: string[] = []
  const store = new FileBudgetStore({ runtimeDirectory: directory, portalHost: 'acme.example', log: { ...silentLog, warn: (_fields, message) => warnings.push(message) } })
  t.teardown(() => store.close())
  const child = fork(fileURLToPath(new URL('./budget-child.js', import.meta.url)), [directory, 'acme.example', 'count'], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  t.teardown(() => child.kill('SIGKILL'))
  const counted = once(child, 'message')
  let mine = 0
  const over = new AbortController()
  void counted.then(() => {
    over.abort()
  })
  while (!over.signal.aborted) {
    await store.update((state) => [{ ...(state ?? emptyBudget(0)), level: (state?.level ?? 0) + 1 }, undefined])
    mine += 1
  }
  t.equal(await store.update((state) => [state ?? emptyBudget(0), state?.level]), mine + 300)
  const [theirWarnings] = (await counted) as [readonly string[]]
  t.same([...warnings, ...theirWarnings], [])
})

t.test('a 503 met by one process makes the others wait', async (t) => {
  const directory = await temporary(t)
  const budgets = [1, 2].map((seed) => new Budget({ store: new FileBudgetStore({ runtimeDirectory: directory, portalHost: 'acme.example', log: silentLog }), clock: systemClock, random: seededRandom(seed) }))
  t.teardown(() => Promise.all(budgets.map((budget) => budget.close())))
  const [first, second] = budgets
  await first?.limited()
  const startMs = performance.now()
  await second?.take('interactive')
  t.ok(performance.now() - startMs >= 1_400)
  t.equal(second?.snapshot().limited, 1)
})

t.test('a process that dies with the lock held leaves nothing behind', async (t) => {
  const directory = await temporary(t)
  const child = fork(fileURLToPath(new URL('./budget-child.js', import.meta.url)), [directory, 'acme.example', 'hold'], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  t.teardown(() => child.kill('SIGKILL'))
  await once(child, 'message')
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
  const store = new FileBudgetStore({ runtimeDirectory: directory, portalHost: 'acme.example', log: silentLog })
  t.teardown(() => store.close())
  t.equal(await store.update((state) => [state ?? emptyBudget(0), 'went through']), 'went through')
})

t.test('a damaged file is made anew, and what cannot be used at all is done without', async (t) => {
  const directory = await temporary(t)
  const warnings: string[] = []
  const log: Log = { ...silentLog, warn: (_fields, message) => warnings.push(message) }
  await writeFile(budgetPath(directory, 'acme.example'), 'this is no database, it is far too much text for one to be read from it'.repeat(100))
  const store = new FileBudgetStore({ runtimeDirectory: directory, portalHost: 'acme.example', log })
  t.equal(await store.update((state) => [state ?? { ...emptyBudget(0), level: 5 }, 1]), 1)
  t.equal(await store.update((state) => [state ?? emptyBudget(0), state?.level]), undefined, 'the new file is empty')
  await store.close()
  t.equal(warnings.length, 1)
  await writeFile(join(directory, 'a-file'), '')
  const nowhere = new FileBudgetStore({ runtimeDirectory: join(directory, 'a-file', 'below'), portalHost: 'acme.example', log })
  t.equal(await nowhere.update(() => [{ ...emptyBudget(0), level: 7 }, 1]), 1)
  t.equal(await nowhere.update((state) => [state ?? emptyBudget(0), state?.level]), 7, 'counted alone')
  await nowhere.close()
})

t.test('the file\'s name says which portal without saying it', (t) => {
  t.notOk(budgetPath('/run', 'acme.example').includes('acme'))
  t.equal(budgetPath('/run', 'ACME.example'), budgetPath('/run', 'acme.example'))
  t.not(budgetPath('/run', 'acme.example'), budgetPath('/run', 'other.example'))
  t.end()
})
