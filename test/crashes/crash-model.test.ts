/**
 * The crash model: seeded histories on the whole client, which dies before or after a step that lasts (life.ts,
 * durable-steps.ts) and starts again on what it left, now and then to die once more: nothing acknowledged is lost, nothing
 * is done twice. ELASTIC_DRIVE_SEED plays one seed with a death at each of its steps, ELASTIC_DRIVE_HISTORIES more seeds.
 */
import t from 'tap'
import { seededRandom } from '../../src/base/random.js'
import { watchDurableSteps } from './durable-steps.js'
import { NO_CRASH, play, type Crash, type Outcome } from './play.js'

const FIRST_SEED = Number(process.env.ELASTIC_DRIVE_SEED ?? 1)
const HISTORIES = Number(process.env.ELASTIC_DRIVE_HISTORIES ?? (process.env.ELASTIC_DRIVE_SEED === undefined ? 40 : 0)) // 0: every step of the one seed
const DEATHS_OF_EACH = 10 // of the hundred or two hundred steps of a history
const SECOND_DEATH = 0.3
const STEPS_OF_A_RESTART = 120
const AT_ONCE = 3 // while one waits for its disk or its portal, another goes on

t.setTimeout(120_000 + HISTORIES * 1_000) // a loaded machine is slow, not wrong
const unwatch = await watchDurableSteps()
t.teardown(unwatch)

await t.test(`the client dies at steps of histories from ELASTIC_DRIVE_SEED=${FIRST_SEED} on, and nothing is lost or done twice`, async (t) => {
  const beganMs = performance.now()
  let [played, died, diedAgain, seed] = [0, 0, 0, FIRST_SEED]
  const lastSeed = FIRST_SEED + Math.max(1, Math.ceil(HISTORIES / DEATHS_OF_EACH)) - 1
  const told = (label: string, { faults, deaths, story }: Outcome): void => {
    if (faults.length > 0) t.fail(`${label}:\n${faults.join('\n')}\n${deaths.join(', then ')}\n${story.join('\n')}`)
  }
  const playSeeds = async (): Promise<void> => {
    while (seed <= lastSeed) {
      const mine = seed
      seed += 1
      const whole = await play(mine, NO_CRASH)
      told(`seed ${mine}, stopped at the end`, whole)
      for (const crash of crashes(mine, whole.steps.length)) {
        const outcome = await play(mine, crash)
        told(`seed ${mine}, steps ${crash.at.join(' and ')}`, outcome)
        played += 1
        died += Number(outcome.deaths[0] !== 'at the end')
        diedAgain += Number(outcome.deaths.length > 1)
      }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, playSeeds))
  t.ok(died > played / 2, `${played} histories of seeds ${FIRST_SEED} to ${lastSeed}: ${died} died on the way, ${diedAgain} twice; ${Math.round(performance.now() - beganMs)} ms`)
})

function* crashes(seed: number, steps: number): Generator<Crash> {
  const random = seededRandom(seed * 7919)
  const count = HISTORIES === 0 ? steps : DEATHS_OF_EACH
  for (let death = 0; death < count; death += 1) {
    const first = Math.floor(((death + (HISTORIES === 0 ? 0 : random.fraction())) * steps) / count)
    yield { at: [first, random.fraction() < SECOND_DEATH ? Math.floor(random.fraction() * STEPS_OF_A_RESTART) : Infinity] }
  }
}
