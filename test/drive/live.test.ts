// "doctor --live" (DESIGN.md R21) at the portal under every trait: it finds each value, and leaves nothing but its scratch folder in the trash.
import { setImmediate } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { Limiter } from '../../src/base/limiter.js'
import { systemClock } from '../../src/base/clock.js'
import { systemRandom } from '../../src/base/random.js'
import { checkLive, PROBES, UNTRIED, type LiveFindings } from '../../src/drive/live/live-check.js'
import { DEFAULT_TRAITS, TRAIT_SPECS, type TraitName, type Traits } from '../../src/portal/traits.js'
import { driveFor, type DriveUnderTest } from './portal-drive.js'

const NAMES = Object.keys(TRAIT_SPECS) as TraitName[]
const TRIED = NAMES.filter((name) => PROBES.some(({ trait }) => trait === name))
const AT_ONCE = 6

t.setTimeout(180_000)

t.test('every trait of the portal is tried, or is named with the reason why not', (t) => {
  const named = [...PROBES, ...UNTRIED].map(({ trait, item }) => `${trait} ${item}`).sort()
  t.same(named, NAMES.map((name) => `${name} ${TRAIT_SPECS[name].item}`).sort())
  t.end()
})

await t.test('with the default traits, each flipped alone and all flipped it finds what the portal does', async (t) => {
  const cases: readonly Partial<Traits>[] = [{}, flippedAll(), ...TRIED.flatMap((name) => TRAIT_SPECS[name].values.slice(1).map((value) => ({ [name]: value })))]
  const limiter = new Limiter(AT_ONCE)
  await Promise.all(
    cases.map((traits) =>
      limiter.run(async () => {
        const drive = await portalWith(t, traits)
        const { found } = await check(drive)
        const expected: Record<string, unknown> = Object.fromEntries(TRIED.map((name) => [name, { ...DEFAULT_TRAITS, ...traits }[name]]))
        // Where the plan keeps no versions, nobody can see whether they are joined.
        if (traits.fileHistory === false) expected.versionsAreJoined = null
        if (traits.envelopeTime === 'absent') expected.uploadAnswerHasTime = false
        // Only nginx gives validators (E-53).
        if (expected.rangeMode !== 'A') expected.downloadValidators = 'none'
        t.same(Object.fromEntries(found.map(({ trait, value }) => [trait, value])), expected, JSON.stringify(traits))
      }),
    ),
  )
})

await t.test('nothing stays but the scratch folder, in the trash, and nothing else was touched', async (t) => {
  const drive = await portalWith(t, {}, 'tree:3x4x100')
  const before = await drive.hook('tree')
  const { folder } = await check(drive)
  t.same(await drive.hook('tree'), before)
  t.match(folder, /^Elastic Drive check \d{4}-\d\d-\d\d \d\d\.\d\d [0-9a-f]{6}$/u)
})

await t.test('also when it is interrupted on the way', async (t) => {
  const drive = await portalWith(t, {})
  const before = await drive.hook('tree')
  const stop = new AbortController()
  await t.rejects(check(drive, { signal: stop.signal, onProgress: (done) => { if (done === 3) stop.abort() } }), { code: 'cancelled' })
  t.same(await drive.hook('tree'), before)
})

await t.test('a fact that cannot be tried is told, and the others are found all the same', async (t) => {
  const drive = await portalWith(t, {})
  await drive.fault({ method: 'disk.file.uploadversion', kind: 'status', status: 400, error: 'DISK_FILE_22002', times: 10 })
  const { found } = await check(drive)
  const [untold, ...others] = found.filter(({ problem }) => problem !== null)
  t.match(untold, { trait: 'versionsAreJoined', value: null, problem: String })
  t.same(others, [])
})

await t.test('a folder that was made and not told of is found by its name, used and trashed', async (t) => {
  const drive = await portalWith(t, {})
  const before = await drive.hook('tree')
  await drive.fault({ method: 'disk.folder.addsubfolder', kind: 'lost-answer' })
  const { found } = await check(drive)
  t.same(found.filter(({ problem }) => problem !== null), [])
  t.same(await drive.hook('tree'), before)
})

await t.test('nor does one stay that was asked for when somebody had seen enough', async (t) => {
  const drive = await portalWith(t, {})
  const before = await drive.hook('tree')
  await drive.hook('latency', { ms: 500 })
  const stop = new AbortController()
  const ended = t.rejects(check(drive, { signal: stop.signal }), { code: 'cancelled' })
  while (JSON.stringify(await drive.hook('tree')) === JSON.stringify(before)) await setImmediate()
  stop.abort() // it is there, and its id is still on the way
  await drive.hook('latency', { ms: 0 })
  await ended
  t.same(await drive.hook('tree'), before)
})

await t.test('a folder that cannot be trashed is named, with what to do', async (t) => {
  const drive = await portalWith(t, {})
  for (const kind of ['status', 'result-false']) {
    const stop = new AbortController()
    await drive.fault({ method: 'disk.folder.markdeleted', kind, status: 403, error: 'ACCESS_DENIED' })
    await t.rejects(check(drive, { signal: stop.signal, onProgress: () => { stop.abort() } }), { message: /"Elastic Drive check .+" could not be put into the trash.+delete it/u }, kind)
  }
})

await t.test('a page of a front end is no answer to a fact', async (t) => {
  const drive = await portalWith(t, {})
  await drive.fault({ method: 'disk.storage.get', kind: 'html', status: 502 })
  const { found } = await check(drive)
  t.match(found.find(({ trait }) => trait === 'nonNumericStorageId'), { value: null, problem: String })
})

function flippedAll(): Partial<Traits> {
  return Object.fromEntries(NAMES.map((name) => [name, TRAIT_SPECS[name].values[1]]))
}

async function portalWith(t: Test, traits: Partial<Traits>, seed = 'empty'): Promise<DriveUnderTest> {
  const drive = await driveFor(t, { traits, seed })
  await drive.hook('limits', { off: true })
  return drive
}

function check({ rest, drive, rootId }: DriveUnderTest, more: { signal?: AbortSignal; onProgress?: (done: number) => void } = {}): Promise<LiveFindings> {
  return checkLive({ rest, drive, clock: systemClock, random: systemRandom, rootId, signal: more.signal ?? new AbortController().signal, onProgress: (done) => more.onProgress?.(done) })
}

