/**
 * What looking for changes costs and how soon it shows them in a drive of 20,000 folders and a million files on the basic
 * plan, by simulated hours; the bounds are those of src/watch/README.md. No step of the clock waits for anything real.
 */
import t from 'tap'
import { systemClock } from '../../src/base/clock.js'
import { asRemoteId } from '../../src/base/ids.js'
import type { Item } from '../../src/mirror/item.js'
import { FIRST_FREE_ID } from '../../src/portal/seeds/seed.js'
import { folderIno, knowTree } from './known-tree.js'
import { RestingClock } from './resting-clock.js'
import { setUp } from './scene.js'
import { TreeDrive } from './tree-drive.js'

const TREE = { folders: 20_000, filesEach: 50 }
const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const IN_USE_SHOWS_MS = 15_000
const SWEEP_MS = 20 * MINUTE_MS
const PASS_MS = 3.5 * HOUR_MS
const QUESTIONS = 2_000 // of a sweep: so many folders have subfolders
const SLOWEST_SWEEP_HOURS = 2
const LISTING_SECONDS = 0.12 // as if listings counted for `operating`; the portal's own take too little to count

const folderId = (number: number): number => FIRST_FREE_ID + number - 1
const fileId = (folder: number, file: number): number => FIRST_FREE_ID + TREE.folders + (folder - 1) * TREE.filesEach + file - 1

/** A change that somebody made, until it is seen. */
interface Change {
  readonly what: string
  readonly madeMs: number
  readonly id: number
  readonly isSeen: (row: Item | undefined) => boolean
}

t.setTimeout(280_000) // under a minute alone; a loaded machine takes its time

const clock = new RestingClock()
const drive = new TreeDrive({ clock, shape: { ...TREE, fileBytes: 1_000 }, madeSec: clock.nowMs() / 1000, listingSeconds: LISTING_SECONDS })
drive.skewMs = 7 * MINUTE_MS
const scene = await setUp(t, { seed: `tree:${TREE.folders}x${TREE.filesEach}`, watchClock: clock, clock: { ...systemClock, nowMs: () => clock.nowMs() }, watchDrive: drive })
await knowTree(scene, TREE, clock.nowMs())
await clock.advance(MINUTE_MS)

const changes: Change[] = []
/** How long each kind of change took to be seen at most. */
const slowest = new Map<string, number>()

function changed(what: string, id: number, isSeen: Change['isSeen']): void {
  changes.push({ what, madeMs: clock.monotonicMs(), id, isSeen })
}

const is = {
  added: (folder: number): void => { changed('added', drive.add(folderId(folder), `new-${drive.requests.length}-${folder}.txt`, 5), (row) => row !== undefined) },
  edited: (folder: number, file: number): void => {
    drive.edit(fileId(folder, file), 7)
    changed('edited', fileId(folder, file), (row) => row?.sizeBytes === 7)
  },
  renamed: (folder: number, file: number): void => {
    drive.rename(fileId(folder, file), `renamed-${file}`)
    changed('renamed', fileId(folder, file), (row) => row?.name === `renamed-${file}`)
  },
  movedIn: (folder: number, file: number, to: number): void => {
    drive.rename(fileId(folder, file), `moved-${folder}-${file}`)
    drive.move(fileId(folder, file), folderId(to))
    changed('moved in', fileId(folder, file), (row) => row?.parent === folderIno(to))
  },
  removed: (folder: number, file: number): void => {
    drive.trash(fileId(folder, file))
    changed('removed', fileId(folder, file), (row) => row === undefined)
  },
}

async function see(): Promise<void> {
  if (changes.length === 0) return
  const rows = await scene.mirror.byRemoteIds(changes.map(({ id }) => asRemoteId(String(id))))
  for (const change of changes.splice(0)) {
    if (change.isSeen(rows.get(asRemoteId(String(change.id))))) slowest.set(change.what, Math.max(slowest.get(change.what) ?? 0, clock.monotonicMs() - change.madeMs))
    else changes.push(change)
  }
}

/** The most requests that came within any hour since `sinceMs`. */
function busiestHour(sinceMs: number): number {
  const times = drive.requests.filter((atMs) => atMs >= sinceMs)
  let [most, first] = [0, 0]
  for (const [index, atMs] of times.entries()) {
    while (atMs - (times[first] ?? atMs) >= HOUR_MS) first += 1
    most = Math.max(most, index - first + 1)
  }
  return most
}

const seconds = (what: string): number => Math.round((slowest.get(what) ?? Infinity) / 1000)

await t.test('in cold folders additions and edits show within one sweep and removals within one pass, in idle hours of at most 300 requests', { timeout: 300_000 }, async (t) => {
  const startedMs = clock.monotonicMs()
  scene.watch.start()
  await clock.pass(MINUTE_MS)
  for (const file of [1, 2]) is.removed(TREE.folders, file) // all were listed at once: this folder's turn comes last
  await clock.pass(69 * MINUTE_MS, async () => { await see(); return false }) // what a start hurries by is more than an hour ago
  for (let round = 0; round < 6; round += 1) {
    for (const folder of [1, 199, 1_999, 2_000, 11_111 + round, 19_990 - round]) is.added(folder)
    is.edited(15_000 + round, 3)
    is.renamed(7 + round, 4)
    is.movedIn(3_000 + round, 2, 19_000 - round)
    await clock.pass(5 * MINUTE_MS, async () => { await see(); return false })
  }
  await clock.pass(startedMs + PASS_MS + 10 * MINUTE_MS - clock.monotonicMs(), async () => { await see(); return changes.length === 0 })
  t.same(changes, [], 'all was seen')
  for (const what of ['added', 'edited', 'renamed', 'moved in']) t.ok(seconds(what) * 1000 <= SWEEP_MS, `${what}: ${seconds(what)} s at most`)
  t.ok(seconds('removed') * 1000 <= PASS_MS, `removed: ${seconds('removed')} s at most`)
  const requests = busiestHour(startedMs)
  t.ok(requests > 200 && requests <= 300, `${requests} requests in the busiest hour`)
})

await t.test('an hour in which 50 large folders are in use costs at most 600 requests, and what changes in them shows within 15 seconds', { timeout: 300_000 }, async (t) => {
  const used = Array.from({ length: 50 }, (_, index) => index * 37 + 5)
  slowest.clear()
  const startedMs = clock.monotonicMs()
  const questions = drive.questions
  let [turns, round] = [0, 0]
  await clock.pass(HOUR_MS, async () => {
    await see()
    for (const folder of used) scene.watch.noteUse(folderIno(folder))
    turns += 1
    if (turns % 30 !== 1) return false
    const folder = used[round % 50]!
    const acts = [() => { is.added(folder) }, () => { is.edited(folder, 5) }, () => { is.renamed(folder, 6) }, () => { is.removed(folder, 7) }, () => { is.movedIn(9_000 + round, 8, folder) }]
    acts[round % acts.length]!()
    round += 1
    return false
  })
  for (const what of ['added', 'edited', 'renamed', 'moved in', 'removed']) t.ok(seconds(what) * 1000 <= IN_USE_SHOWS_MS, `${what}: ${seconds(what)} s at most`)
  const requests = busiestHour(startedMs)
  t.ok(requests > 500 && requests <= 600, `${requests} requests`)
  const asked = drive.questions - questions
  t.ok(asked * SLOWEST_SWEEP_HOURS >= QUESTIONS, `${asked} questions: the sweep goes on beside it`)
})
