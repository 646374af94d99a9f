// Random operations of several processes in a mount, compared with a model in memory, while contents come from the portal,
// go back to it, are evicted, and are changed by a colleague. ELASTIC_DRIVE_SEED=n plays a seed again: the same operations
// in each stream; what the daemon does meanwhile is up to the moment. ELASTIC_DRIVE_OPERATIONS says how many (50,000).
import t from 'tap'
import { seededRandom } from '../../src/base/random.js'
import { skipWithout } from '../support/skip.js'
import { endsEqual } from './both-trees.js'
import { Inodes } from './model-check.js'
import { Colleague } from './model-colleague.js'
import { Dice } from './model-dice.js'
import { seededTree, walksAsModel, withoutProgramsNames } from './model-drive.js'
import { play } from './model-play.js'
import { compileRunner, RunnerProcess } from './model-process.js'
import { steps } from './model-stream.js'
import { Playground } from './playground.js'

const SEED = Number(process.env.ELASTIC_DRIVE_SEED ?? 1)
const OPERATIONS = Number(process.env.ELASTIC_DRIVE_OPERATIONS ?? 50_000)

const FOLDERS = 9
const FILES_EACH = 80
const FILE_BYTES = 40_000
const PROCESSES = [0, 1, 2] as const
const SHARED = 'folder-4'
const COLLEAGUES = 'folder-5'
const LIBRARY = ['folder-6', 'folder-7', 'folder-8', 'folder-9'] as const
const DEPTH = 24
const CACHE_LIMIT_BYTES = 12_000_000 // what is written fits; what is read besides pushes out what is clean
const SHARES = { own: 0.26, shared: 0.1, library: 0.03 } // of all operations, for each stream

const fuse = skipWithout('fuse')

t.setTimeout(290_000) // a loaded machine is slow, not wrong

// [S-11]
await t.test(`${OPERATIONS} random operations of seed ${SEED} answer as the model says (ELASTIC_DRIVE_SEED=${SEED})`, fuse, async (t) => {
  const ground = await Playground.start(t, {
    seed: `tree:${FOLDERS}x${FILES_EACH}x${FILE_BYTES}`,
    portalArguments: ['--plan', 'self-hosted'],
    settings: { uploadDelay: '1', cacheLimit: `${CACHE_LIMIT_BYTES / 10 ** 6}MB`, freeSpaceFloor: '0' },
  })
  const tree = await seededTree(ground)
  const program = await compileRunner(ground.directory)
  const runners = PROCESSES.map(() => new RunnerProcess(t, program, ground.folder))
  const inodes = new Inodes()
  const stop = new AbortController()
  const beganMs = performance.now()

  const own = PROCESSES.map((runner) => ({ name: `folder-${runner + 1}`, share: SHARES.own, depth: DEPTH, runners: [runner], folder: `folder-${runner + 1}` }))
  const library = LIBRARY.map((folder, index) => ({ name: `reading ${folder}`, share: SHARES.library, depth: 1, runners: [PROCESSES[index % PROCESSES.length] ?? 0], folder, readsOnly: true }))
  const streams = [...own, { name: 'the shared folder', share: SHARES.shared, depth: 1, runners: PROCESSES, folder: SHARED }, ...library]
  const playing = streams.map(({ name, share, depth, ...where }, index) => {
    const next = steps({ ...where, tree, random: seededRandom(SEED * 1_000 + index), firstSlot: index * 1_000_000 }, Math.ceil(OPERATIONS * share))
    return play({ name, next, depth, runners, inodes, signal: stop.signal })
  })
  const allPlayed = Promise.all(playing)
  const [first] = runners as [RunnerProcess]
  const colleague = new Colleague({ ground, runner: first, tree, folder: COLLEAGUES, dice: new Dice(seededRandom(SEED * 1_000 + 999)) })
  try {
    const [counts, changes] = await Promise.all([allPlayed, goOnUntil(allPlayed, () => colleague.round())])
    const played = counts.reduce((sum, count) => sum + count, 0)
    t.ok(played >= OPERATIONS, `${played} operations and ${changes} changes of a colleague in ${Math.round(performance.now() - beganMs)} ms`)
  } finally {
    stop.abort()
    await Promise.allSettled(playing)
  }

  await walksAsModel(ground, tree, colleague)
  await withoutProgramsNames(ground)
  await endsEqual(t, ground)
  const { bytesDown, bytesUp } = await ground.requests()
  t.ok(bytesDown > CACHE_LIMIT_BYTES * 1.5, `${bytesDown} bytes came and ${bytesUp} went: clean contents had to leave`)
  const { cache, errors } = await ground.json<{ cache: { usedBytes: number }; errors: readonly unknown[] }>('status')
  t.ok(cache.usedBytes <= CACHE_LIMIT_BYTES, `${cache.usedBytes} bytes are here`)
  t.same(errors, [])
})

/** Round after round, at least one. */
async function goOnUntil(end: Promise<unknown>, round: () => Promise<number>): Promise<number> {
  const state = { isOver: false }
  const over = (): void => {
    state.isOver = true
  }
  end.then(over, over)
  let sum = 0
  do sum += await round()
  while (!state.isOver)
  return sum
}
