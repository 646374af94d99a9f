/**
 * Random operations against a model of what must be true, with kills (everything abandoned without close) and reboots in
 * between. Written bytes survive every kill; clean bytes may go, but are never wrong. A failing seed becomes a named test.
 */
import t, { type Test } from 'tap'
import { seededRandom, type Random } from '../../src/base/random.js'
import type { ContentId } from '../../src/base/ids.js'
import type { Content } from '../../src/cache/content.js'
import { kill, ORIGIN, openWorld, pattern, temporaryDirectory, type World } from './fixture.js'

interface Model {
  /** The remote bytes, or for a local content what was written. */
  bytes: Buffer
  dirty: boolean
  pinned: boolean
}

const LIMIT = 400_000
const STEPS = 300

for (const seed of [1, 2, 3, 4, 5, 6]) {
  await t.test(`nothing written is lost and nothing read is wrong under random operations, seed ${seed}`, (t) => play(t, seed))
}

async function play(test: Test, seed: number): Promise<void> {
  const random = seededRandom(seed)
  const root = await temporaryDirectory(test)
  let bootId = 'boot-0'
  let world = await openWorld(test, root, { limitBytes: LIMIT, bootId })
  const models = new Map<ContentId, Model>()
  const held = new Map<ContentId, Content>()
  const contentOf = async (id: ContentId): Promise<Content> => {
    const content = held.get(id) ?? (await world.cache.acquire(id))
    held.set(id, content)
    return content
  }
  for (let step = 0; step < STEPS; step += 1) {
    const dice = random.fraction()
    const id = pick(random, [...models.keys()])
    const model = id === undefined ? undefined : models.get(id)
    if (dice < 0.08 || id === undefined || model === undefined) {
      await make(world, models, random, step)
    } else if (dice < 0.3) {
      await fill(await contentOf(id), model, random)
    } else if (dice < 0.5) {
      await write(await contentOf(id), model, random, step)
    } else if (dice < 0.56) {
      await truncate(await contentOf(id), model, random)
    } else if (dice < 0.72) {
      await check(test, await contentOf(id), model)
    } else if (dice < 0.8) {
      await held.get(id)?.release()
      held.delete(id)
    } else if (dice < 0.84) {
      await send(world, await contentOf(id), model)
    } else if (dice < 0.87) {
      const content = await contentOf(id)
      if (random.fraction() < 0.5) await content.sync()
      await world.store.transact((tx) => content.persist(tx))
    } else if (dice < 0.9) {
      const freed = await world.cache.evict(id)
      if (freed && (model.dirty || held.has(id))) test.fail('evicted what must stay')
    } else if (dice < 0.93) {
      model.pinned = !model.pinned
      await world.store.transact((tx) => world.cache.setPinned(tx, [id], model.pinned))
    } else if (dice < 0.95) {
      await world.store.transact((tx) => world.cache.drop(tx, id))
      models.delete(id)
      await held.get(id)?.release()
      held.delete(id)
    } else {
      const reboots = random.fraction() < 0.3
      if (reboots) bootId = `boot-${step}`
      await kill(world, held.values())
      held.clear()
      world = await openWorld(test, root, { limitBytes: LIMIT, bootId })
      await checkAll(test, world, models, reboots)
    }
    const { usedBytes, dirtyBytes, pinnedBytes } = world.cache.usage()
    if (usedBytes > LIMIT) test.fail(`used ${usedBytes} of ${LIMIT} (dirty ${dirtyBytes}, pinned ${pinnedBytes}) at step ${step}`)
  }
  for (const content of held.values()) await content.release()
  held.clear()
  await checkAll(test, world, models, false)
  test.pass('every check held')
}

async function make(world: World, models: Map<ContentId, Model>, random: Random, step: number): Promise<void> {
  if (models.size > 12) return
  const bytes = pattern(Math.floor(random.fraction() * 60_000), step)
  if (random.fraction() < 0.6) {
    models.set(await world.store.transact((tx) => world.cache.createPlaceholder(tx, bytes.length, ORIGIN)), { bytes, dirty: false, pinned: false })
  } else {
    models.set(await world.store.transact((tx) => world.cache.createLocal(tx)), { bytes: Buffer.alloc(0), dirty: true, pinned: false })
  }
}

async function fill(content: Content, model: Model, random: Random): Promise<void> {
  if (model.dirty) return
  const start = random.fraction() < 0.5 ? 0 : Math.floor(random.fraction() * model.bytes.length)
  const end = random.fraction() < 0.5 ? model.bytes.length : start + Math.floor(random.fraction() * 20_000)
  await content.fill(start, model.bytes.subarray(start, end))
}

async function write(content: Content, model: Model, random: Random, step: number): Promise<void> {
  if (!content.isComplete) return
  const offset = Math.floor(random.fraction() * (model.bytes.length + 5_000))
  const bytes = pattern(1 + Math.floor(random.fraction() * 8_000), step)
  model.dirty = true
  try {
    await content.write(offset, bytes)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'cache-full') return
    throw error
  }
  const next = Buffer.alloc(Math.max(model.bytes.length, offset + bytes.length))
  model.bytes.copy(next)
  bytes.copy(next, offset)
  model.bytes = next
}

async function truncate(content: Content, model: Model, random: Random): Promise<void> {
  if (!content.isComplete) return
  const sizeBytes = random.fraction() < 0.3 ? 0 : Math.floor(random.fraction() * (model.bytes.length + 3_000))
  await content.truncate(sizeBytes)
  model.dirty = true
  const next = Buffer.alloc(sizeBytes)
  model.bytes.copy(next)
  model.bytes = next
}

async function send(world: World, content: Content, model: Model): Promise<void> {
  if (!content.isComplete || content.isSuspect) return
  const snapshot = await content.snapshot()
  const clean = await world.store.transact((tx) => content.markClean(tx, snapshot.writeSequence, ORIGIN))
  await snapshot.dispose()
  if (clean) model.dirty = false
}

async function check(test: Test, content: Content, model: Model): Promise<void> {
  if (content.sizeBytes !== model.bytes.length) test.fail(`content ${content.id} has ${content.sizeBytes} bytes, not ${model.bytes.length}`)
  if (model.dirty && !content.isDirty) test.fail(`content ${content.id} lost its dirty mark`)
  if (model.dirty && !content.isComplete) test.fail(`content ${content.id} lost written bytes`)
  for (const { start, end } of content.ranges.ranges) {
    if (!Buffer.from(await content.read(start, end - start)).equals(model.bytes.subarray(start, end))) test.fail(`content ${content.id} has wrong bytes in [${start}, ${end})`)
  }
}

async function checkAll(test: Test, world: World, models: ReadonlyMap<ContentId, Model>, reboots: boolean): Promise<void> {
  for (const [id, model] of models) {
    const content = await world.cache.acquire(id)
    await check(test, content, model)
    if (content.isSuspect && !model.dirty) test.fail('a clean content is suspect')
    if (!reboots && content.isPinned !== model.pinned) test.fail('a pin was lost')
    await content.release()
  }
}

function pick<T>(random: Random, from: readonly T[]): T | undefined {
  return from[Math.floor(random.fraction() * from.length)]
}
