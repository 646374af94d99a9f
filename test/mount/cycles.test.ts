// Pause, resume, full synchronization, disconnect and connect again and again while people work on both sides, with kill -9 at random moments:
// nothing is lost, and nothing is there that the C- and F-rows do not allow. The test command plays a few cycles,
// scripts/cycles fifty. ELASTIC_DRIVE_SEED=n plays others, ELASTIC_DRIVE_CYCLES says how many.
import t from 'tap'
import { seededRandom } from '../../src/base/random.js'
import { skipWithout } from '../support/skip.js'
import { endsEqual } from './both-trees.js'
import { CyclesPlay, FOLDERS } from './cycles-play.js'
import { Dice } from './model-dice.js'
import { Playground } from './playground.js'

const SEED = Number(process.env.ELASTIC_DRIVE_SEED ?? 1)
const CYCLES = Number(process.env.ELASTIC_DRIVE_CYCLES ?? 3)
const fuse = skipWithout('fuse')

t.setTimeout(120_000 + CYCLES * 60_000)

await t.test(`${CYCLES} times paused, resumed, disconnected and connected with crashes between, nothing is lost or doubled (ELASTIC_DRIVE_SEED=${SEED})`, fuse, async (t) => {
  const ground = await Playground.start(t, { settings: { uploadDelay: '1' }, portalArguments: ['--plan', 'self-hosted'] })
  const dice = new Dice(seededRandom(SEED))
  const cycles = new CyclesPlay(ground, dice)
  for (const path of FOLDERS) await ground.act({ op: 'mkdir', path })
  await cycles.sync()
  for (let cycle = 0; cycle < CYCLES; cycle += 1) {
    await cycles.work()
    await ground.ok('pause')
    await cycles.workOrCrash()
    await ground.ok('resume')
    await cycles.workOrCrash()
    if (dice.chance(0.4)) await cycles.sync()
    else if (dice.chance(0.5)) await cycles.syncInFull()
    await cycles.workOrCrash()
    await cycles.disconnect()
    await cycles.work()
    await cycles.connect()
    await cycles.workOrCrash()
    await cycles.sync()
    const faults = cycles.ledger.faults(await cycles.contents())
    t.same(faults, [], `cycle ${cycle + 1}`)
    if (faults.length > 0) break
  }
  await endsEqual(t, ground)
  t.same((await ground.json<{ errors: readonly unknown[] }>('status')).errors, [])
  t.comment(JSON.stringify(cycles.counts))
  t.ok(cycles.counts.works > CYCLES * 10)
})
