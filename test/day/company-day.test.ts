/**
 * A working day of a company on a simulated clock: twenty colleagues on the web, one person on a laptop that loses its
 * network, is paused, meets sick answers, and whose clock is wrong by up to ten minutes. Nobody edits or trashes what another
 * edits, so that every conflict copy would be false. ELASTIC_DRIVE_SEED=n plays another day, ELASTIC_DRIVE_HOURS a longer one
 * (scripts/company-day).
 */
import t, { type Test } from 'tap'
import { seededRandom } from '../../src/base/random.js'
import { Dice } from '../mount/model-dice.js'
import { Colleague } from './colleague.js'
import { Company } from './company.js'
import { Expectations } from './expectations.js'
import { LaptopUser } from './laptop-user.js'
import { Timetable } from './timetable.js'

const SEED = Number(process.env.ELASTIC_DRIVE_SEED ?? 1)
const HOURS = Number(process.env.ELASTIC_DRIVE_HOURS ?? 2)
const COLLEAGUES = 20
const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const MEAN = { colleagueMs: 10 * MINUTE_MS, userMs: MINUTE_MS, outageMs: 40 * MINUTE_MS, pauseMs: 70 * MINUTE_MS, clockMs: 30 * MINUTE_MS }
const LONGEST_OUTAGE_MS = 12 * MINUTE_MS
const LONGEST_PAUSE_MS = 25 * MINUTE_MS
const SKEW_MS = 10 * MINUTE_MS
const EVENING_MS = HOUR_MS // a rolling pass over a drive of this size is over long before (src/watch/README.md)

const OUTAGES: readonly object[] = [
  { kind: 'reset' },
  { kind: 'status', status: 500 },
  { kind: 'status', status: 503, error: 'SERVICE_UNAVAILABLE' },
  { kind: 'html', status: 502 },
  { kind: 'html', status: 200 }, // the train's own page
  { kind: 'stall', ms: 2_000, bytes: 0 },
  { kind: 'empty' },
  { kind: 'half', total: 'kept' },
  { kind: 'half', total: 'short' },
  { kind: 'lost-answer' },
]

t.setTimeout(120_000 + HOURS * 120_000)

await t.test(`in ${HOURS} hours with ${COLLEAGUES} colleagues the mirror equals the portal at every quiet point (ELASTIC_DRIVE_SEED=${SEED})`, async (t) => {
  const dice = new Dice(seededRandom(SEED))
  const company = await Company.open(t, 'tree:40x5')
  const expected = new Expectations()
  await company.untilReachable(() => company.laptop.list())
  await company.listAll()
  for (const { id, path } of await company.there()) expected.made.set(id, path)
  const user = new LaptopUser({ company, dice, expected })
  const colleagues = Array.from({ length: COLLEAGUES }, (_, each) => new Colleague(`c${each + 1}`, { company, dice, expected }))
  const day = new Timetable(company, dice)
  const counts = { acts: 0, outages: 0, pauses: 0 }
  const trouble = new Set<'outage' | 'pause'>()
  for (const colleague of colleagues) {
    day.often(MEAN.colleagueMs, async () => {
      await colleague.actOnce()
      counts.acts += 1
    })
  }
  day.often(MEAN.userMs, () => user.workOnce())
  day.often(MEAN.outageMs, async () => {
    if (trouble.has('outage')) return
    trouble.add('outage')
    counts.outages += 1
    await company.breakAll(dice.pick(OUTAGES))
    day.once(dice.below(LONGEST_OUTAGE_MS), async () => {
      await company.mend()
      trouble.delete('outage')
    })
  })
  day.often(MEAN.pauseMs, async () => {
    if (trouble.has('pause')) return
    trouble.add('pause')
    counts.pauses += 1
    await company.laptop.core.setPaused(true)
    day.once(dice.below(LONGEST_PAUSE_MS), async () => {
      await company.laptop.core.setPaused(false)
      trouble.delete('pause')
    })
  })
  day.often(MEAN.clockMs, () => {
    company.skewMs = dice.below(2 * SKEW_MS) - SKEW_MS
    return Promise.resolve()
  })

  for (let hour = 1; hour <= HOURS; hour += 1) {
    await day.play(HOUR_MS)
    await day.untilOver(() => trouble.size === 0)
    if (dice.chance(0.5)) await company.settle()
    else await untilEqual(company)
    await company.listAll()
    await untilEqual(company) // what stands below a folder that was listed only now
    if (!(await isEqual(t, company, expected, `hour ${hour}`))) break
  }
  t.same(await company.laptop.failures(), [])
  for (let each = 0; each < COLLEAGUES; each += 1) await dice.pick(colleagues).actOnce()
  await untilEqual(company)
  await isEqual(t, company, expected, 'the evening, without being asked to look')
  const { total } = await company.requests()
  t.comment(`${counts.acts} acts, ${user.done} works, ${counts.outages} outages, ${counts.pauses} pauses, ${total} requests; not possible: ${[...user.refused].map(([code, count]) => `${code} ${count}`).join(', ')}`)
  t.ok(counts.acts > HOURS * 20 && user.done > HOURS * 3)
})

/** Nobody asks for it. */
async function untilEqual(company: Company): Promise<void> {
  const { clock } = company
  const endMs = clock.monotonicMs() + EVENING_MS
  while (clock.monotonicMs() < endMs && (await differences(company)).length > 0) await company.pass(MINUTE_MS)
  company.log.debug({ minutes: Math.round((EVENING_MS - endMs + clock.monotonicMs()) / MINUTE_MS), unequal: await differences(company) }, 'as much of the evening as it took')
}

/** Folders into which nobody has looked here are passed over. */
async function differences(company: Company): Promise<readonly string[]> {
  const known = await company.here()
  const unlisted = [...known].filter(([, { kind, listedMs }]) => kind === 'folder' && listedMs === null).map(([path]) => `${path}/`)
  const isKnown = (path: string): boolean => !unlisted.some((folder) => path.startsWith(folder)) // what moved into a new folder is known there before the rest
  const there = (await company.there({ hashes: false })).filter(({ path }) => isKnown(path)).map(({ path, id, type, size, version }) => `${path} ${type} ${id} ${type === 'file' ? `${size} bytes, version ${version}` : ''}`)
  const here = [...known].filter(([path]) => isKnown(path)).map(([path, { kind, base, sizeBytes }]) => `${path} ${kind} ${base?.id ?? 'none'} ${kind === 'file' ? `${sizeBytes} bytes, version ${base?.version ?? 0}` : ''}`)
  const [thereOnly, hereOnly] = [without(there, here), without(here, there)]
  return [...thereOnly.map((line) => `there: ${line}`), ...hereOnly.map((line) => `here: ${line}`)]
}

function without(lines: readonly string[], others: readonly string[]): readonly string[] {
  const known = new Set(others)
  return lines.filter((line) => !known.has(line))
}

async function isEqual(t: Test, company: Company, expected: Expectations, when: string): Promise<boolean> {
  const there = await company.there()
  const unequal = await differences(company)
  const faults = expected.faults(there)
  const lostRows = expected.lostRows(await company.here())
  const conflicts = expected.falseConflicts(there)
  t.same(unequal, [], `${when}: the mirror equals the portal, ${there.length} items`)
  t.same(faults, [], `${when}: nothing was deleted that nobody deleted, and every edit is there once`)
  t.same(conflicts, [], `${when}: no conflict that was none`)
  t.same(lostRows, [], `${when}: no row was given up and made anew`)
  return unequal.length + faults.length + conflicts.length + lostRows.length === 0
}
