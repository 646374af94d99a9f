/**
 * Rows about the whole of a large file, read through the mount and fetched by curl: as fast as this machine moves bytes
 * between its own processes, and over lines as people have them.
 */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { must } from './child.js'
import { tell, timed, work, type Bench, type RowGroup } from './bench.js'
import type { Drive } from './drive.js'
import type { Portal } from './portal.js'
import { LATENCY_MS } from './sizes.js'
import { digits, ratios, spreadOf } from './spread.js'
import { filesOfDrive, unlimitedDrive } from './unlimited-drive.js'

const MIB = 2 ** 20
const COUNTED_MS = 5000

interface Line {
  readonly row: string
  readonly over: string
  /** 0: as fast as it goes. */
  readonly bytesPerSecond: number
  /** The file's size is this part of the size of large files, so that no line takes minutes. */
  readonly part: number
}

const LINES: readonly Line[] = [
  { row: 'download', over: 'loopback', bytesPerSecond: 0, part: 1 },
  { row: 'download-1gbit', over: 'a line of 1 Gbit/s', bytesPerSecond: 125e6, part: 1 },
  { row: 'download-100mbit', over: 'a line of 100 Mbit/s', bytesPerSecond: 12.5e6, part: 1 / 8 },
]

export const downloadRows: RowGroup = {
  rows: LINES.map(({ row }) => row),
  onlyFirstUser: true,
  measure: async (bench) => {
    for (const line of LINES) if (bench.wants(line.row)) await measureLine(bench, line)
  },
}

async function measureLine(bench: Bench, { row, over, bytesPerSecond, part }: Line): Promise<void> {
  const { runs } = bench.sizes
  const sizeBytes = bench.sizes.bigBytes * part
  const { drive, portal } = await unlimitedDrive(bench, { name: row, seed: `tree:1x${runs}x${sizeBytes}`, latencyMs: LATENCY_MS })
  const files = await portal.files()
  await filesOfDrive(bench, drive.folder) // the listing is known from here on
  await portal.setRate(bytesPerSecond)
  const ours: number[] = []
  const curls: number[] = []
  // Another file each round: of one that was freed the kernel may still have the pages.
  for (const { id, path } of files) {
    curls.push(await curl(bench, await portal.downloadUrl(id)))
    ours.push(await readAndFree(bench, drive, portal, path, sizeBytes))
  }
  const rate = (seconds: readonly number[]): string => `${digits(sizeBytes / MIB / spreadOf(seconds).median)} MiB/s`
  tell(bench, {
    row,
    work: `download of a file of ${(sizeBytes / MIB).toLocaleString('en')} MiB by reading it, over ${over}`,
    measured: ratios(curls, ours),
    unit: '× curl',
    goal: { atLeast: 0.95 },
    notes: [`curl of the same address into a file ${rate(curls)}, drive ${rate(ours)}, ${LATENCY_MS} ms latency`],
  })
}

async function readAndFree(bench: Bench, drive: Drive, portal: Portal, name: string, sizeBytes: number): Promise<number> {
  const path = join(drive.folder, name)
  await portal.clearRequests()
  const seconds = await work(bench, 'person', ['read', path])
  await cameFromPortal(bench, portal, sizeBytes)
  await drive.ok('free', path)
  return seconds
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
