/**
 * An idle daemon: nobody uses the mount, nothing happens on the portal. It still asks the portal now and then whether
 * something has changed, and that is all it may cost.
 */
import t from 'tap'
import { idleTicks } from '../engine/process-use.js'
import { skipWithout } from '../support/skip.js'
import { Playground } from './playground.js'

// Of 10 ms each: 1 % of one processor. The engine's own share is nothing (engine/idle.test.ts).
const MOST_TICKS = 10

void t.test('an idle daemon takes less than one percent of a processor', skipWithout('fuse'), async (t) => {
  const playground = await Playground.start(t, { seed: 'tree:50x10' })
  await playground.shell('find . > /dev/null')
  const used = await idleTicks(await playground.daemonPid(), MOST_TICKS)
  t.comment(`${used} ticks of 10 ms in ten seconds`)
  t.ok(used <= MOST_TICKS, `${used} ticks`)
})
