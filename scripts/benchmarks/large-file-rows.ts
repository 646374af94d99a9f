/** Rows about reading one large file that is in the cache. */
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { canDropCaches, dropCaches, tell, timed, work, type Bench, type RowGroup } from './bench.js'
import { filesBelow } from './disk-files.js'
import type { Goal } from './finding.js'
import { absolute, againstExt4, interleave, type Places } from './interleave.js'
import { peerFor } from './peer.js'
import { LATENCY_MS } from './sizes.js'
import { filesOfDrive, unlimitedDrive } from './unlimited-drive.js'

const MIB = 2 ** 20

/** One file in a place: how it is read, and where its bytes lie on this disk. */
interface Place {
  readonly by: 'person' | 'root'
  readonly path: string
  readonly backing: () => readonly string[]
}

interface Stage {
  readonly bench: Bench
  readonly ext4: Place
  readonly drive: Place
  readonly rclone: Place | undefined
}

export const largeFileRows: RowGroup = {
  rows: ['sequential-read', 'random-read', 'random-read-disk'],
  onlyFirstUser: false,
  measure: async (bench) => {
    if (!canDropCaches) return
    const stage = await prepare(bench)
    const ordinary = bench.person.name === 'ordinary'
    if (bench.wants('sequential-read')) await sequential(stage, { atLeast: ordinary ? 0.8 : 0.95 })
    if (bench.wants('random-read')) await random(stage, 'random-read', { atLeast: ordinary ? 0.03 : 0.9 })
    if (bench.wants('random-read-disk')) await random(stage, 'random-read-disk', { none: true })
  },
}

async function prepare(bench: Bench): Promise<Stage> {
  const { bigBytes } = bench.sizes
  const { drive } = await unlimitedDrive(bench, { name: 'large', seed: `tree:1x1x${bigBytes}` })
  const path = (await filesOfDrive(bench, drive.folder))[0] ?? ''
  await work(bench, 'person', ['read', path]) // from here on it is in the cache
  const compared = join(bench.directory, 'large')
  const same = join(compared, 'large.dat')
  if (!existsSync(compared)) {
    await mkdir(compared)
    // Incompressible, so that no disk takes a short way.
    await timed(bench, 'root', 'dd', ['if=/dev/urandom', `of=${same}`, 'bs=1M', `count=${Math.ceil(bigBytes / MIB)}`, 'status=none'])
  }
  const peer = await peerFor(bench, compared)
  const peerPath = join(peer?.folder ?? '', 'large.dat')
  if (peer !== undefined) {
    await work(bench, 'root', ['read', peerPath])
    peer.latencyMs = LATENCY_MS
  }
  return {
    bench,
    ext4: { by: 'person', path: same, backing: () => [same] },
    drive: { by: 'person', path, backing: () => filesBelow(join(drive.home, 'cache')) },
    rclone: peer === undefined ? undefined : { by: 'root', path: peerPath, backing: () => filesBelow(peer.cacheDirectory) },
  }
}

/** `counts`: how many units of work, so that rclone may do fewer. */
function places({ bench, ext4, drive, rclone }: Stage, order: string, counts: { all: number; rclone: number }, ready: (place: Place) => Promise<void>): Places {
  const place = (at: Place, count: number) => async () => {
    await ready(at)
    return (await work(bench, at.by, [order, at.path, String(count)])) / count
  }
  return { ext4: place(ext4, counts.all), drive: place(drive, counts.all), rclone: rclone === undefined ? undefined : place(rclone, counts.rclone) }
}

async function sequential(stage: Stage, goal: Goal): Promise<void> {
  const { bench } = stage
  const rounds = await interleave(bench.sizes.runs, places(stage, 'read', { all: 1, rclone: 1 }, () => dropCaches(bench)))
  const size = `${(bench.sizes.bigBytes / MIB).toLocaleString('en')} MiB`
  tell(bench, { row: 'sequential-read', work: `sequential read of a cached file of ${size}, page cache dropped`, ...againstExt4(rounds), unit: '× ext4', goal, notes: [absolute(rounds)] })
}

/**
 * `random-read` is what the way through the mount costs: every page is touched there for the first time, while the bytes
 * behind it are in memory. `random-read-disk` begins with nothing in memory, so it is mostly the disk.
 */
async function random(stage: Stage, row: 'random-read' | 'random-read-disk', goal: Goal): Promise<void> {
  const { bench } = stage
  const { pages, rclone, runs } = bench.sizes
  const ready = async ({ backing }: Place): Promise<void> => {
    await dropCaches(bench)
    if (row === 'random-read') for (const path of backing()) await work(bench, 'root', ['read', path])
  }
  const rounds = await interleave(runs, places(stage, 'pages', { all: pages, rclone: rclone.pages }, ready))
  const from = row === 'random-read' ? 'first touch, the bytes behind it in memory' : 'from the disk, page cache dropped'
  const notes = [absolute(rounds, 'µs each', 1e6), ...(stage.rclone === undefined ? [] : [`rclone: ${rclone.pages.toLocaleString('en')} reads`])]
  tell(bench, { row, work: `${pages.toLocaleString('en')} random 4k reads of a cached file, ${from}`, ...againstExt4(rounds), unit: '× ext4', goal, notes })
}
