/**
 * Long offline: edits, renames, moves, deletions and new trees by the thousand, then the portal is back. All of it arrives
 * in an order that the portal accepts at once, at the rate of the plan, and never faster (bitrix24-rest.md section 2.2).
 * ELASTIC_DRIVE_SEED=n plays other work; ELASTIC_DRIVE_OPERATIONS says how much, scripts/drain does 5,000.
 */
import t from 'tap'
import { seededRandom } from '../../src/base/random.js'
import { OfflinePerson } from './offline-person.js'
import { World } from './world.js'

const SEED = Number(process.env.ELASTIC_DRIVE_SEED ?? 1)
const OPERATIONS = Number(process.env.ELASTIC_DRIVE_OPERATIONS ?? 500)
const FOLDERS = 30
const FILES = 600
const BASIC_PLAN = { burst: 50, perSecond: 2 }
const PATIENCE_MS = 240_000

t.setTimeout(300_000)

await t.test(`${OPERATIONS} edits, renames, deletions and new trees made offline arrive in order and at the plan's rate (ELASTIC_DRIVE_SEED=${SEED})`, async (t) => {
  const world = await World.make(t, { seed: `tree:${FOLDERS}x${FILES / FOLDERS}`, traits: { emptyMultipartFile: 'accepted' } }, { rates: true })
  await world.boot()
  world.upload.setOnline(false)
  world.upload.start()
  const person = new OfflinePerson(world.files, seededRandom(SEED), [...(await world.tree()).values()])
  for (let each = 0; each < OPERATIONS; each += 1) await person.workOnce()
  const queued = (await world.on.journal.entries()).length
  await world.requests()
  const startMs = world.clock.monotonicMs()
  world.upload.setOnline(true)
  await world.upload.hurry()
  await world.upload.waitUntilIdle(AbortSignal.timeout(PATIENCE_MS))
  const heldDeletions = await world.upload.allowDeletions() // so many deletions are not believed at once (6a.12)
  await world.upload.waitUntilIdle(AbortSignal.timeout(PATIENCE_MS))
  const seconds = (world.clock.monotonicMs() - startMs) / 1_000

  const { total, limited, peakPerSecond } = (await world.hook('requests')) as { total: number; limited: number; peakPerSecond: number }
  t.ok(queued > OPERATIONS / 5, `${queued} entries were queued, ${heldDeletions} deletions held by the brake`)
  t.same(world.failed, [], 'nothing had to be tried a second time')
  t.same(world.notices.filter(({ kind }) => kind !== 'replaced'), [], 'nobody else was there, so nothing conflicts')
  t.equal(limited, 0, 'no 503')
  t.ok(peakPerSecond <= BASIC_PLAN.burst + BASIC_PLAN.perSecond, `at most ${peakPerSecond} requests in a second`)
  t.ok(total <= BASIC_PLAN.burst + seconds * BASIC_PLAN.perSecond + 1, `${total} requests in ${Math.round(seconds)} s, not faster than the plan`)
  t.ok(seconds <= (total / BASIC_PLAN.perSecond) * 1.2, 'and hardly slower')

  const there = await world.tree()
  t.same([...there.keys()].sort(), person.paths())
  t.same(await world.on.journal.entries(), [])
  const here = await world.files.tree()
  t.same([...there].filter(([path, { id }]) => here.get(path)?.id !== id).map(([path]) => path), [], 'every item is the object that the mirror knows')
  t.same([...there.values()].filter(({ path, type, size }) => type === 'file' && person.sizeOf(path) !== undefined && person.sizeOf(path) !== size).map(({ path }) => path), [], 'every edit is there')
})
