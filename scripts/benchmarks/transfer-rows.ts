/** Rows about what comes from the portal first: the first byte of a large file, and the first listing. */
import { setTimeout as sleep } from 'node:timers/promises'
import { tell, work, type RowGroup } from './bench.js'
import { Drive } from './drive.js'
import { Portal } from './portal.js'
import { LATENCY_MS } from './sizes.js'
import { digits, spreadOf } from './spread.js'
import { filesOfDrive, unlimitedDrive } from './unlimited-drive.js'

const GIB = 2 ** 30

/** Long beside what a busy machine adds, so that exchanges can be counted by time. */
const FIRST_BYTE_LATENCY_MS = 200
/** Two exchanges, and half of one for everything else. A third would be seen. */
const FIRST_BYTE_EXCHANGES = 2.5
/** Until a read that was given up has stopped moving bytes. */
const SETTLE_MS = 2000

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
