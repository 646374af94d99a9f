// Somebody in the mount and a colleague on the portal edit, rename, move and delete the same items, nobody waiting for the
// other, while the network goes and comes. What either side completed is there in the end: as the file, as a version, or
// as a conflict copy, except what its own side wrote over with it before its eyes. Where only one side edits, there is no conflict copy.
// ELASTIC_DRIVE_SEED=n plays with the same choices again (the moments differ); ELASTIC_DRIVE_SECONDS says how long, scripts/two-actors does five minutes.
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { seededRandom } from '../../src/base/random.js'
import { skipWithout } from '../support/skip.js'
import { endsEqual } from './both-trees.js'
import { Dice } from './model-dice.js'
import { compileRunner, RunnerProcess } from './model-process.js'
import { Playground } from './playground.js'
import { Contest } from './storm-contest.js'
import { contestEnds } from './storm-ends.js'

const SEED = Number(process.env.ELASTIC_DRIVE_SEED ?? 1)
const SECONDS = Number(process.env.ELASTIC_DRIVE_SECONDS ?? 9)

const FOLDER = 'contested'
const ITEMS = 50
const OUR_PACE_MS = 60
const THEIR_PACE_MS = 250
const ONLINE_MS = { least: 2_000, most: 6_000 }
const AWAY_MS = { least: 300, most: 3_000 }
const RESETS = 1_000_000

const fuse = skipWithout('fuse')

t.setTimeout(120_000 + SECONDS * 3_000)

await t.test(`two actors on ${ITEMS} items for ${SECONDS} s with outages: nothing that either completed is lost (ELASTIC_DRIVE_SEED=${SEED})`, fuse, (t) => play(t, { colleagueEdits: true }))
await t.test(`one actor alone for ${SECONDS} s with outages: no conflict copy, every last edit is on the portal (ELASTIC_DRIVE_SEED=${SEED})`, fuse, (t) => play(t, { colleagueEdits: false }))

async function play(t: Test, { colleagueEdits }: { readonly colleagueEdits: boolean }): Promise<void> {
  const ground = await Playground.start(t, { portalArguments: ['--plan', 'self-hosted'] })
  const dice = (number: number): Dice => new Dice(seededRandom(SEED * 100 + number))
  for (const [key, value] of [['uploadDelay', '1'], ['stallDeadline', '3']] as const) await ground.ok('settings', key, value)
  const contest = new Contest({ ground, runner: new RunnerProcess(t, await compileRunner(ground.directory), ground.folder), folder: FOLDER, names: ITEMS, dice: dice(1), theirDice: dice(2) })
  await contest.begin()
  await ground.ok('sync', '--wait', '60')
  await ground.shell('find . > /dev/null')

  const endMs = performance.now() + SECONDS * 1_000
  const paced = async (ms: number, act: () => Promise<void>): Promise<number> => {
    let acts = 0
    for (; performance.now() < endMs; acts += 1) {
      await act()
      await pause(ms)
    }
    return acts
  }
  const [ours, theirs, outages] = await Promise.all([
    paced(OUR_PACE_MS, () => contest.ours()),
    colleagueEdits ? paced(THEIR_PACE_MS, () => contest.theirs()) : Promise.resolve(0),
    comeAndGo(ground, dice(3), endMs),
  ])
  await ground.syncAllowing('--wait', '120') // somebody who was away for a while may have deleted enough for the brake
  await ground.syncAllowing('--wait', '60') // what the first brought may have made conflict copies to be sent
  await endsEqual(t, ground)
  const contested = await contestEnds(t, ground, { contest, folder: FOLDER, modelled: [], label: colleagueEdits ? 'both edit' : 'one edits' })
  const copies = contested.filter(({ path }) => path.includes('(conflict'))
  if (!colleagueEdits) t.same(copies.map(({ path }) => path), [], 'nobody else edits, so nothing conflicts')
  t.ok(ours > SECONDS * 3 && outages > 0, `${ours} acts of ours, ${theirs} of theirs, ${outages} outages, ${contest.edits.size} edits, ${copies.length} conflict copies`)
}

/** The network goes and comes; it is there at the end. Answers how often it went. */
async function comeAndGo(ground: Playground, dice: Dice, endMs: number): Promise<number> {
  const between = ({ least, most }: typeof AWAY_MS): number => least + dice.below(most - least)
  let outages = 0
  for (;;) {
    await pause(Math.min(between(ONLINE_MS), Math.max(0, endMs - performance.now())))
    if (performance.now() >= endMs) return outages
    outages += 1
    await ground.fault({ method: '*', kind: 'reset', times: RESETS })
    await pause(between(AWAY_MS))
    await ground.clearFaults()
  }
}
