// Power loss (DESIGN.md 6a.3): what a client did to its disk is recorded, and the disk loses power at moments between. After the next
// start nothing is lost that fsync answered for, and what was torn is never a version. ELASTIC_DRIVE_SEED=n gives the
// same workload and moments again, ELASTIC_DRIVE_IMAGES=n more of them; threads and clocks differ a little from run to run.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { Limiter } from '../../src/base/limiter.js'
import { seededRandom } from '../../src/base/random.js'
import { firstMoment, judgeImage, recordWorkload } from './images.js'
import { compileRecorder } from './recording.js'

const seed = Number(process.env.ELASTIC_DRIVE_SEED ?? 1)
const images = Number(process.env.ELASTIC_DRIVE_IMAGES ?? 50)
const IMAGES_OF_ONE = 25
const AT_ONCE = 8 // most of the time a client waits

t.setTimeout(300_000 + images * 1_000) // a loaded machine is slow, not wrong

// [S-17]
await t.test('after a power loss at any moment what fsync answered for is on the portal, and nothing torn is a version', async (t) => {
  t.comment(`ELASTIC_DRIVE_SEED=${seed}`)
  const directory = await mkdtemp(join(tmpdir(), 'elastic-power-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const library = await compileRecorder(directory)
  const limiter = new Limiter(AT_ONCE)
  for (let done = 0; done < images; done += IMAGES_OF_ONE) {
    const workload = (seed + done) % 2 ** 31
    const recording = await recordWorkload(library, workload)
    const first = firstMoment(recording)
    const random = seededRandom(workload)
    const moments = Array.from({ length: Math.min(IMAGES_OF_ONE, images - done) }, () => first + Math.floor(random.fraction() * (recording.length - first + 1)))
    const judged = await Promise.all(moments.map((moment, image) => limiter.run(() => judgeImage(recording, moment, seededRandom(workload + image)))))
    for (const [image, faults] of judged.entries()) t.same(faults, [], `seed ${workload}, moment ${String(moments[image])} of ${recording.length}, image ${image}`)
  }
})
