/** Rows about what comes from the portal: the first byte and the whole of a large file, and the first listing. */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { must } from './child.js'
import { tell, timed, work, type Bench, type RowGroup } from './bench.js'
import { Drive } from './drive.js'
import { Portal } from './portal.js'
import { LATENCY_MS } from './sizes.js'
import { digits, ratios, spreadOf } from './spread.js'
import { filesOfDrive, unlimitedDrive } from './unlimited-drive.js'

const MIB = 2 ** 20
const GIB = 2 ** 30

/** Long beside what a busy machine adds, so that exchanges can be counted by time. */
const FIRST_BYTE_LATENCY_MS = 200
/** Two exchanges, and half of one for everything else. A third would be seen. */
const FIRST_BYTE_EXCHANGES = 2.5
/** Until a read that was given up has stopped moving bytes. */
const SETTLE_MS = 2000
const COUNTED_MS = 5000

export const firstByteRows: RowGroup = {
  rows: ['first-byte'],
  onlyFirstUser: true,
  measure: async (bench) => {
    const { runs } = bench.sizes
    const { drive, portal } = await unlimitedDrive(bench, { name: 'first', seed: `tree:1x${runs + 1}x${GIB}`, latencyMs: FIRST_BYTE_LATENCY_MS })
    const [warm = '', ...fresh] = await filesOfDrive(bench, drive.folder)
    await work(bench, 'person', ['first-byte', warm]) // the connection is open from here on
    const seconds: number[] = []
    const requests: number[] = []
    const methods = new Set<string>()
    for (const path of fresh) {
      await sleep(SETTLE_MS, undefined, { signal: bench.signal })
      await portal.clearRequests()
      seconds.push(await work(bench, 'person', ['first-byte', path]))
      const report = await portal.requests()
      requests.push(report.total)
      for (const { method } of report.log) methods.add(method)
    }
    const inLatencies = spreadOf(seconds.map((value) => (value * 1000) / FIRST_BYTE_LATENCY_MS))
    const notes = [
      `${digits(spreadOf(seconds).median * 1000)} ms at ${FIRST_BYTE_LATENCY_MS} ms latency; two exchanges are two latencies, and a half is for everything else`,
      `${digits(spreadOf(requests).median)} requests until then: ${[...methods].sort().join(', ')}`,
    ]
    tell(bench, { row: 'first-byte', work: 'first byte of an uncached file of 1 GiB, warm connection', measured: inLatencies, unit: 'latencies', goal: { atMost: FIRST_BYTE_EXCHANGES }, notes })
  },
}

export const downloadRows: RowGroup = {
  rows: ['download'],
  onlyFirstUser: true,
  measure: async (bench) => {
    const { bigBytes, runs } = bench.sizes
    const { drive, portal } = await unlimitedDrive(bench, { name: 'download', seed: `tree:1x${runs}x${bigBytes}`, latencyMs: LATENCY_MS })
    const files = await portal.files()
    await filesOfDrive(bench, drive.folder) // the listing is known from here on
    const ours: number[] = []
    const curls: number[] = []
    // Another file each round: of one that was freed the kernel may still have the pages.
    for (const { id, path: name } of files) {
      const path = join(drive.folder, name)
      curls.push(await curl(bench, await portal.downloadUrl(id)))
      await portal.clearRequests()
      ours.push(await work(bench, 'person', ['read', path]))
      await cameFromPortal(bench, portal, bigBytes)
      await drive.ok('free', path)
    }
    const rate = (seconds: readonly number[]): string => `${digits(bigBytes / MIB / spreadOf(seconds).median)} MiB/s`
    tell(bench, {
      row: 'download',
      work: `download of a file of ${(bigBytes / MIB).toLocaleString('en')} MiB by reading it`,
      measured: ratios(curls, ours),
      unit: '× curl',
      goal: { atLeast: 0.95 },
      notes: [`curl of the same address into a file ${rate(curls)}, drive ${rate(ours)}, ${LATENCY_MS} ms latency`],
    })
  },
}

/** Else something else than a download was measured. The portal counts an answer when its connection is done with it. */
async function cameFromPortal(bench: Bench, portal: Portal, bytes: number): Promise<void> {
  const endMs = performance.now() + COUNTED_MS
  for (;;) {
    const { bytesDown } = await portal.requests()
    if (bytesDown >= bytes) return
    if (performance.now() > endMs) throw new Error(`only ${bytesDown} bytes of ${bytes} came from the portal`)
    await sleep(100, undefined, { signal: bench.signal })
  }
}

/** Into a file of the same disk, as the drive's cache does. */
async function curl(bench: Bench, url: string): Promise<number> {
  const target = join(bench.directory, 'curl.dat')
  const { stdout } = await timed(bench, 'root', 'curl', ['-sS', '--fail', '-o', target, '-w', '%{time_total}', url])
  await must('rm', [target], bench)
  return Number(stdout)
}

const LISTED = { folders: 500, filesEach: 20 }

export const firstListingRows: RowGroup = {
  rows: ['first-listing'],
  onlyFirstUser: true,
  measure: async (bench) => {
    const { folders, filesEach } = LISTED
    const portal = await Portal.start({ seed: `tree:${folders}x${filesEach}x2000`, latencyMs: LATENCY_MS }, bench.tidy)
    const drive = new Drive({ ...bench, portal, name: 'listing' })
    await portal.clearRequests()
    const startMs = performance.now()
    await drive.connect()
    await drive.mount()
    const files = await filesOfDrive(bench, drive.folder)
    const seconds = (performance.now() - startMs) / 1000
    const { total, limited, bytesDown } = await portal.requests()
    if (files.length !== folders * filesEach) throw new Error(`find saw ${files.length} files`)
    const work = `first listing of ${files.length.toLocaleString('en')} files in ${folders} folders, from before connect to the end of find`
    const notes = [`${digits(seconds)} s at ${LATENCY_MS} ms latency and the portal's limits`, `${bytesDown} bytes of content`]
    tell(bench, { row: 'first-listing', work, measured: spreadOf([total]), unit: 'requests', goal: { atMost: 25 }, notes })
    tell(bench, { row: 'first-listing', work: 'the same: requests that the portal refused (503)', measured: spreadOf([limited]), unit: 'requests', goal: { atMost: 0 }, notes: [] })
  },
}
