// The two power losses of each story of named-stories.ts at every moment of it: nothing reached the disk that was not synced, and
// the same with all names made and removed (a removed file is gone while the row that replaced it is not there yet).
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { Limiter } from '../../src/base/limiter.js'
import type { Random } from '../../src/base/random.js'
import { firstMoment, judgeImage, recordNamed } from './images.js'
import { STORIES } from './named-stories.js'
import { compileRecorder } from './recording.js'

const AT_ONCE = 8 // most of the time a client waits
const MOST_MOMENTS = 8 // of the end of a story, where it happens

t.setTimeout(300_000) // a loaded machine is slow, not wrong

/** First what `Disk.crash` asks for its names, then nothing but zeros: no bytes that were not synced. */
function rolls(...first: readonly number[]): () => Random {
  return () => {
    const left = [...first]
    return { ...noRandom, fraction: () => left.shift() ?? 0 }
  }
}

const noRandom: Omit<Random, 'fraction'> = {
  hex: () => {
    throw new Error('a crash asks for fractions only')
  },
}

const LOSSES = { 'names and bytes': rolls(0, 0), bytes: rolls(1, 1) } as const

const directory = await mkdtemp(join(tmpdir(), 'elastic-power-'))
t.teardown(() => rm(directory, { recursive: true, force: true }))
const library = await compileRecorder(directory)

for (const story of STORIES) {
  await t.test(`the power fails while ${story}`, async (t) => {
    const recording = await recordNamed(library, story)
    const limiter = new Limiter(AT_ONCE)
    const moments = Array.from({ length: MOST_MOMENTS }, (_, back) => recording.length - back).filter((moment) => moment >= firstMoment(recording))
    await Promise.all(
      Object.entries(LOSSES).flatMap(([lost, dice]) =>
        moments.map(async (moment) => {
          const faults = await limiter.run(() => judgeImage(recording, moment, dice()))
          t.same(faults, [], `${lost} lost after ${moment} of ${recording.length} events`)
        }),
      ),
    )
  })
}
