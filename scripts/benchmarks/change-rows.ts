/** Rows about noticing what others change, and what that costs in requests. */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { tell, timed, work, type Bench, type RowGroup } from './bench.js'
import { Drive } from './drive.js'
import { Portal } from './portal.js'
import { LATENCY_MS } from './sizes.js'
import { spreadOf } from './spread.js'

const LONGEST_S = 60
const FOLDERS_IN_USE = 50
const SETTLE_MS = 30_000
/** A person at work looks into each folder so often. */
const USE_MS = 20_000

async function limitedDrive(bench: Bench, name: string, seed: string): Promise<{ drive: Drive; portal: Portal }> {
  const portal = await Portal.start({ seed, latencyMs: LATENCY_MS }, bench.tidy)
  const drive = new Drive({ ...bench, portal, name })
  await drive.connect()
  await drive.mount()
  await timed(bench, 'person', 'find', [drive.folder])
  return { drive, portal }
}

export const changeRows: RowGroup = {
  rows: ['remote-change'],
  onlyFirstUser: true,
  measure: async (bench) => {
    const { drive, portal } = await limitedDrive(bench, 'change', 'tree:3x5x100')
    const seconds: number[] = []
    for (let round = 0; round < bench.sizes.changes; round += 1) {
      await timed(bench, 'person', 'ls', [join(drive.folder, 'folder-1')])
      await portal.act({ op: 'write', path: `folder-1/change-${round}.txt`, content: 'made by a colleague' })
      seconds.push(await work(bench, 'person', ['appears', join(drive.folder, 'folder-1', `change-${round}.txt`), String(LONGEST_S)]))
    }
    // A change made right after a look waits longest, and all but the first are.
    const worst = spreadOf([Math.max(...seconds)])
    tell(bench, { row: 'remote-change', work: `a remote change in a folder in use is visible, worst of ${seconds.length}`, measured: worst, unit: 's', goal: { atMost: 15 }, notes: [] })
  },
}

export const hourRows: RowGroup = {
  rows: ['hour-requests'],
  onlyFirstUser: true,
  measure: async (bench) => {
    const minutes = bench.sizes.hourMinutes
    if (minutes === 0) {
      console.log('       hour-requests: only in the full run')
      return
    }
    const seed = 'tree:200x10x100'
    const used = await limitedDrive(bench, 'used', seed)
    const idle = await limitedDrive(bench, 'idle', seed)
    // Mounted anew, nobody has used the idle one within ten minutes.
    await idle.drive.unmount()
    await idle.drive.mount()
    await useFolders(bench, used.drive)
    await sleep(SETTLE_MS, undefined, { signal: bench.signal })
    await Promise.all([used.portal.clearRequests(), idle.portal.clearRequests()])
    const endMs = performance.now() + minutes * 60_000
    while (performance.now() < endMs) {
      await useFolders(bench, used.drive)
      await sleep(Math.max(0, Math.min(USE_MS, endMs - performance.now())), undefined, { signal: bench.signal })
    }
    const note = (total: number): readonly string[] => [`told from ${total} requests in ${minutes} minutes, after ${SETTLE_MS / 1000} s to settle`]
    const [inUse, inRest] = [(await used.portal.requests()).total, (await idle.portal.requests()).total]
    const anHour = (total: number) => spreadOf([Math.round((total * 60) / minutes)])
    tell(bench, { row: 'hour-requests', work: `requests of an hour of use of ${FOLDERS_IN_USE} folders`, measured: anHour(inUse), unit: 'requests', goal: { atMost: 600 }, notes: note(inUse) })
    tell(bench, { row: 'hour-requests', work: 'requests of an idle hour', measured: anHour(inRest), unit: 'requests', goal: { atMost: 300 }, notes: note(inRest) })
  },
}

async function useFolders(bench: Bench, drive: Drive): Promise<void> {
  const { stdout } = await timed(bench, 'person', 'find', [drive.folder, '-type', 'd'])
  await timed(bench, 'person', 'ls', stdout.trim().split('\n').slice(0, FOLDERS_IN_USE))
}
