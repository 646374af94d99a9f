/** Rows about a walk over many known files, and what the daemon holds in memory after it. */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { canDropCaches, dropCaches, tell, timed, type Bench, type RowGroup } from './bench.js'
import { makeTree } from './disk-files.js'
import type { Drive } from './drive.js'
import { absolute, againstExt4, interleave, type Places } from './interleave.js'
import { peerFor } from './peer.js'
import { LATENCY_MS } from './sizes.js'
import { spreadOf } from './spread.js'
import { unlimitedDrive } from './unlimited-drive.js'

const FILE_BYTES = 1000

export const listingRows: RowGroup = {
  rows: ['find-cold', 'find-warm', 'memory-100k'],
  onlyFirstUser: false,
  measure: async (bench) => {
    const { folders, filesEach } = bench.sizes.walk
    const count = folders * filesEach
    const { drive } = await unlimitedDrive(bench, { name: 'walk', seed: `tree:${folders}x${filesEach}x${FILE_BYTES}` })
    await walk(bench, 'person', drive.folder, count) // from here on every item is known

    const compared = join(bench.directory, 'walk')
    makeTree(compared, bench.sizes.walk, 'holes', FILE_BYTES)
    const peer = await peerFor(bench, compared)
    if (peer !== undefined) {
      await walk(bench, 'root', peer.folder, count)
      peer.latencyMs = LATENCY_MS
    }
    const places = (prepare: () => Promise<void>): Places => {
      const place = (by: 'person' | 'root', folder: string) => async () => {
        await prepare()
        return walk(bench, by, folder, count)
      }
      return { ext4: place('person', compared), drive: place('person', drive.folder), rclone: peer === undefined ? undefined : place('root', peer.folder) }
    }
    const work = `find -printf %s over ${count.toLocaleString('en')} known files`

    if (bench.wants('find-cold') && canDropCaches) {
      const rounds = await interleave(bench.sizes.runs, places(() => dropCaches(bench)))
      tell(bench, { row: 'find-cold', work: `${work}, kernel caches dropped`, ...againstExt4(rounds), unit: '× ext4', goal: { atLeast: 1 }, notes: [absolute(rounds)] })
    }
    if (bench.wants('find-warm')) {
      const rounds = await interleave(bench.sizes.runs, places(() => Promise.resolve()))
      tell(bench, { row: 'find-warm', work: `${work}, warm`, ...againstExt4(rounds), unit: '× ext4', goal: { atLeast: 1 }, notes: [absolute(rounds)] })
    }
    if (bench.wants('memory-100k') && bench.isFirstUser) await rest(bench, drive, count)
  },
}

async function walk(bench: Bench, by: 'person' | 'root', folder: string, count: number): Promise<number> {
  const { seconds, stdout } = await timed(bench, by, 'find', [folder, '-type', 'f', '-printf', '%s\n'])
  const seen = stdout.split('\n').length - 1
  if (seen !== count) throw new Error(`find saw ${seen} of ${count} files in ${folder}`)
  return seconds
}

async function rest(bench: Bench, drive: Drive, count: number): Promise<void> {
  const { idleSeconds } = bench.sizes
  await walk(bench, 'person', drive.folder, count)
  const walkedMB = await drive.residentMB()
  await sleep(idleSeconds * 1000, undefined, { signal: bench.signal })
  tell(bench, {
    row: 'memory-100k',
    work: `resident memory, ${count.toLocaleString('en')} known items, after a full find and ${idleSeconds} s idle`,
    measured: spreadOf([await drive.residentMB()]),
    unit: 'MB',
    goal: { atMost: 150 },
    notes: [`${Math.round(walkedMB)} MB right after the walk`],
  })
}
