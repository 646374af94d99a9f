/** The other process of the budget's test: takes what it gets for a second, counts, opens new buckets, or holds the lock until killed. */
import { once } from 'node:events'
import sqlite3 from 'sqlite3'
import { systemClock } from '../../src/base/clock.js'
import { silentLog } from '../../src/base/log.js'
import { seededRandom } from '../../src/base/random.js'
import { Budget } from '../../src/rest/budget.js'
import { emptyBudget } from '../../src/rest/budget-state.js'
import { FileBudgetStore, budgetPath } from '../../src/rest/budget-store.js'

const [directory = '', host = '', hold] = process.argv.slice(2)
const warnings: string[] = []
const store = new FileBudgetStore({ runtimeDirectory: directory, portalHost: host, log: { ...silentLog, warn: (_fields, message) => warnings.push(message) } })

if (hold === 'hold') {
  await store.update((state) => [state ?? emptyBudget(0), undefined])
  const database = new sqlite3.Database(budgetPath(directory, host))
  database.exec('BEGIN IMMEDIATE', () => process.send?.('held'))
} else if (hold === 'count') {
  for (let each = 0; each < 300; each += 1) await store.update((state) => [{ ...(state ?? emptyBudget(0)), level: (state?.level ?? 0) + 1 }, undefined])
  await store.close()
  process.send?.(warnings, () => {
    process.disconnect()
  })
} else if (hold === 'open') {
  process.on('message', (portalHost: string) => {
    const first = new FileBudgetStore({ runtimeDirectory: directory, portalHost, log: silentLog })
    void first
      .update((state) => [{ ...(state ?? emptyBudget(0)), level: (state?.level ?? 0) + 1 }, undefined])
      .then(() => first.close())
      .then(() => process.send?.('counted'))
  })
  process.send?.('ready')
} else {
  const budget = new Budget({ store, clock: systemClock, random: seededRandom(2) })
  process.send?.('ready') // a process takes long to start on a loaded machine: both begin at once
  await once(process, 'message')
  let taken = 0
  const takes = Array.from({ length: 40 }, () =>
    budget.take('interactive').then(
      () => (taken += 1),
      () => undefined,
    ),
  )
  systemClock.setTimer(1_500, () => {
    void budget.close().then(async () => {
      await Promise.all(takes)
      process.send?.(taken, () => {
        process.disconnect()
      })
    })
  })
}
