/** A mount that nobody uses takes no processor time. */
import { join } from 'node:path'
import t from 'tap'
import { clearDeadMount } from '../../src/engine/dead-mount.js'
import { skipWithout } from '../support/skip.js'
import { Child, python } from './children.js'
import { temporaryFolder } from './mounted.js'
import { idleTicks } from './process-use.js'

const DAEMON = join(import.meta.dirname, 'daemon-process.js')
const MOST_TICKS = 1 // of 10 ms each: the kernel's own rounding; a reader that spins would take a thousand

void t.test('an idle engine uses no measurable processor time', skipWithout('fuse'), async (t) => {
  const folder = await temporaryFolder(t)
  const daemon = new Child(t, '/usr/bin/env', ['-u', 'NODE_OPTIONS', process.execPath, DAEMON, folder])
  t.teardown(async () => {
    daemon.kill('SIGKILL')
    await daemon.ended
    await clearDeadMount(folder)
  })
  await daemon.said('mounted')
  await python(t, folder, "[(os.stat('f'), os.listdir('.'), open('f', 'rb').read(100_000)) for index in range(300)]")
  const used = await idleTicks(daemon.pid, MOST_TICKS)
  t.comment(`${used} ticks of 10 ms in ten seconds`)
  t.ok(used <= MOST_TICKS, `${used} ticks`)
})
