/** Rows about many small files that eight readers want at once, against the fewest requests that can bring them. */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { must } from './child.js'
import { tell, work, type Bench, type RowGroup } from './bench.js'
import { Drive } from './drive.js'
import { CHECKOUT } from './person.js'
import { Portal } from './portal.js'
import { LATENCY_MS } from './sizes.js'
import { digits, ratios, spreadOf } from './spread.js'
import { filesOfDrive, unlimitedDrive } from './unlimited-drive.js'

const READERS = 8
const BATCH = 50
const FILE_BYTES = 10_000
const IDEAL = join(CHECKOUT, 'build', 'scripts', 'benchmarks', 'ideal-readers.js')
const NEAR_IDEAL = 1.2
const ROUNDS = 3

export const readersRows: RowGroup = {
  rows: ['readers-latency', 'readers-plan'],
  onlyFirstUser: true,
  measure: async (bench) => {
    if (bench.wants('readers-latency')) await byLatency(bench)
    if (bench.wants('readers-plan')) await byPlan(bench)
  },
}

/** Another folder each round, so that nothing is known of its files but their names. */
async function byLatency(bench: Bench): Promise<void> {
  const count = bench.sizes.readersFiles
  const { drive, portal } = await unlimitedDrive(bench, { name: 'readers', seed: `tree:${ROUNDS}x${count}x${FILE_BYTES}`, latencyMs: LATENCY_MS })
  const files = await filesOfDrive(bench, drive.folder)
  const ids = new Map((await portal.files()).map(({ id, path }) => [join(drive.folder, path), id]))
  const ours: number[] = []
  const ideal: number[] = []
  let requests = 0
  for (let round = 0; round < ROUNDS; round += 1) {
    const chosen = files.slice(round * count, (round + 1) * count)
    const input = chosen.map((path) => ids.get(path) ?? '').join('\n')
    ideal.push(secondsOf(await must(process.execPath, [IDEAL, portal.webhook], { signal: bench.signal, input })))
    await portal.clearRequests()
    ours.push(await work(bench, 'person', ['many', String(READERS)], chosen))
    requests = (await portal.requests()).total
  }
  tell(bench, {
    row: 'readers-latency',
    work: `${count.toLocaleString('en')} small files from the portal by ${READERS} readers, ${LATENCY_MS} ms latency, no limits`,
    measured: ratios(ours, ideal),
    unit: '× ideal time',
    goal: { atMost: NEAR_IDEAL },
    notes: [`drive ${digits(spreadOf(ours).median)} s and ${requests} requests; the ideal is measured too: ${digits(spreadOf(ideal).median)} s for ${count + Math.ceil(count / BATCH)} requests over ${READERS} connections`],
  })
}

/** At the plan's rate time is arithmetic: what the bucket still lets through at once, then so many a second. */
async function byPlan(bench: Bench): Promise<void> {
  const count = bench.sizes.planFiles
  const portal = await Portal.start({ seed: `tree:1x${count}x${FILE_BYTES}`, latencyMs: LATENCY_MS }, bench.tidy)
  const drive = new Drive({ ...bench, portal, name: 'plan' })
  await drive.connect()
  await drive.mount()
  const files = await filesOfDrive(bench, drive.folder)
  await sleep(2000, undefined, { signal: bench.signal }) // listing ahead has come to its end
  const { used, capacity, perSecond } = (await drive.status()).budget
  await portal.clearRequests()
  const seconds = await work(bench, 'person', ['many', String(READERS)], files)
  const { total, limited } = await portal.requests()
  const fewest = count + Math.ceil(count / BATCH)
  const idealSeconds = Math.max(0, used + fewest - capacity) / perSecond
  const notes = [
    `${digits(seconds)} s, ideal ${digits(idealSeconds)} s with ${used} of ${capacity} in the bucket at the start, ${perSecond} a second`,
    `${total} requests where ${fewest} are the fewest; ${limited} refused`,
    ...(count < 1000 ? [`${count} files instead of 1,000, which would take ${Math.round((1020 - capacity) / perSecond)} s at this rate`] : []),
  ]
  tell(bench, { row: 'readers-plan', work: `${count} small files from the portal by ${READERS} readers, at the plan's rate`, measured: spreadOf([seconds / idealSeconds]), unit: '× ideal time', goal: { atMost: NEAR_IDEAL }, notes })
}

function secondsOf(stdout: string): number {
  return Number(/^seconds (\S+)$/m.exec(stdout)?.[1])
}
