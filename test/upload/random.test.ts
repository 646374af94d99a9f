/**
 * Random work on files, as the mount would record it, while the uploader runs, is killed and starts again: in the end the
 * portal has exactly what is shown here, each under the id that the mirror has. A failing seed becomes a test of its own.
 */
import t, { type Test } from 'tap'
import { seededRandom, type Random } from '../../src/base/random.js'
import { World } from './world.js'

const STEPS = 40

for (const seed of seeds()) {
  await t.test(`seed ${seed}: the portal ends with what is shown here`, (t) => play(t, seed, { work: workOnce, calm: false }))
}

for (const seed of seeds().slice(0, 2)) {
  await t.test(`seed ${seed} with a trash: what is in it is in the portal's trash, and all of it comes back`, async (t) => {
    const world = await play(t, seed, { work: workWithTrash, calm: true })
    const files = (await world.files.need('.Trash-0/files')).ino
    const inside = await world.on.mirror.childrenIn(world.on.store.read, files)
    for (const item of inside) t.equal(item.base?.trashed ?? true, true, `${item.name} is in the trash of both sides, or was never sent`)
    for (const { name } of inside) await world.files.untrash(name, `back ${name}`)
    await world.reboot()
    await world.upload.hurry()
    await isEven(t, world, `${inside.length} taken out of the trash`)
    const tree = await world.tree()
    // An emptied file is replaced (6a.7).
    for (const { name, base, sizeBytes } of inside) if (base !== null && sizeBytes > 0) t.equal(tree.get(`back ${name}`)?.id, base.id, `${name} is the same object`)
  })
}

function seeds(): readonly number[] {
  const chosen = process.env.UPLOAD_SEED
  return chosen === undefined ? [1, 2, 3, 4, 5, 6] : chosen.split(',').map(Number)
}

/** `calm`: the uploader works only while nobody else does. */
async function play(t: Test, seed: number, { work, calm }: { work: typeof workOnce; calm: boolean }): Promise<World> {
  const random = seededRandom(seed)
  const world = await World.make(t, { traits: { emptyMultipartFile: 'accepted' } })
  for (const path of ['p', 'q', 'p/r']) await world.act('mkdir', { path }, 'owner')
  for (const path of ['a', 'p/b', 'p/r/c', 'q/d', 'q/e']) await world.act('write', { path, content: path }, 'owner')
  await world.boot()
  if (!calm) world.upload.start()
  const done: string[] = []
  for (let step = 0; step < STEPS; step += 1) {
    done.push(await work(world, random, step))
    const chance = random.fraction()
    if (calm) {
      if (chance > 0.3) continue
      await world.sync()
      await world.reboot()
    } else if (chance < 0.1) {
      await world.reboot(random.fraction() < 0.5 ? { at: -1, when: 'before' } : { at: Math.floor(random.fraction() * 3), when: random.fraction() < 0.5 ? 'before' : 'after' })
      world.upload.start()
    } else if (chance < 0.3) await world.upload.hurry()
    else if (chance < 0.5) await letOthersRun()
  }
  await world.reboot()
  await world.upload.hurry()
  await isEven(t, world, done.join('\n'))
  return world
}

async function isEven(t: Test, world: World, story: string): Promise<void> {
  try {
    await world.sync()
  } catch (error) {
    const { mirror, store, upload } = world.on
    const rows = await Promise.all((await upload.queue()).map(async (entry) => ({ entry, item: await mirror.getIn(store.read, entry.ino) })))
    throw new Error(`${story}\nis not sent: ${JSON.stringify({ rows, errors: await upload.errors() }, null, 1)}`, { cause: error })
  }
  const here = await standing(world)
  const there = await world.tree()
  t.same([...there.keys()].sort(), [...here.keys()].sort(), story)
  for (const [path, row] of there) {
    const item = here.get(path)
    t.equal(item?.id, row.id, `${path} is the object the mirror knows`)
    if (row.type !== 'file' || item?.text === undefined) continue
    t.equal(await world.content(path), item.text, `${path} has its bytes`)
  }
  t.same(await world.on.journal.entries(), [])
  t.same(world.notices.filter(({ kind }) => kind !== 'replaced'), [], 'nobody else was there, so there is no conflict')
}

/** What is shown outside the trash. */
async function standing(world: World): ReturnType<World['files']['tree']> {
  return new Map([...(await world.files.tree())].filter(([path]) => !path.startsWith('.Trash-0')))
}

/** One step in three is about the trash. */
async function workWithTrash(world: World, random: Random, step: number): Promise<string> {
  if (random.fraction() < 0.66) return workOnce(world, random, step)
  const all = [...(await world.files.tree()).keys()]
  const kept = '.Trash-0/files/'
  const thrown = all.filter((path) => path.startsWith(kept)).map((path) => path.slice(kept.length))
  const here = all.filter((path) => !path.startsWith('.Trash-0'))
  const pick = (from: readonly string[]): string => from[Math.floor(random.fraction() * from.length)] ?? ''
  const chance = random.fraction()
  if (chance < 0.5) {
    const path = pick(here)
    if (path === '') return 'nothing'
    const under = `${path.split('/').at(-1) ?? ''} ${step}`
    await world.files.trash(path, under)
    return `trash ${path} as ${under}`
  }
  const path = pick(thrown)
  if (path === '') return 'nothing'
  // A part of a folder that is removed here comes back with the folder: the portal's trash was not touched.
  if (chance < 0.6 && !path.includes('/')) {
    await world.files.removeTree(kept + path)
    return `remove ${path} from the trash`
  }
  // Where it was, or where its name is free.
  const to = path.split('/').at(-1)?.replace(/ .*/, '') ?? ''
  if (here.includes(to)) return 'nothing'
  await world.files.untrash(path, to)
  return `untrash ${path} to ${to}`
}

/** The uploader gets on with its work, however far. */
async function letOthersRun(): Promise<void> {
  for (let turn = 0; turn < 200; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}

async function workOnce(world: World, random: Random, step: number): Promise<string> {
  const here = await standing(world)
  const all = [...here.entries()]
  const folders = ['', ...all.filter(([, { kind }]) => kind === 'folder').map(([path]) => path)]
  const files = all.filter(([, { kind }]) => kind === 'file').map(([path]) => path)
  const pick = (from: readonly string[]): string => from[Math.floor(random.fraction() * from.length)] ?? ''
  const inside = (folder: string, name: string): string => (folder === '' ? name : `${folder}/${name}`)
  const name = pick(['a', 'b', 'c', 'd', 'e', 'p', 'q', 'r', 's'])
  const target = inside(pick(folders), name)
  const text = random.fraction() < 0.1 ? '' : `text ${step}`
  switch (Math.floor(random.fraction() * 8)) {
    case 0:
    case 1: {
      if (here.get(target)?.kind === 'folder') return 'nothing'
      await world.files.write(target, text)
      return `write ${target} "${text}"`
    }
    case 2: {
      const file = pick(files)
      if (file === '') return 'nothing'
      await world.files.write(file, text)
      return `write ${file} "${text}"`
    }
    case 3: {
      if (here.has(target)) return 'nothing'
      await world.files.mkdir(target)
      return `mkdir ${target}`
    }
    case 4: {
      const file = pick(files)
      if (file === '') return 'nothing'
      await world.files.remove(file)
      return `remove ${file}`
    }
    case 5: {
      const folder = pick(folders.slice(1))
      if (folder === '' || random.fraction() < 0.6) return 'nothing'
      await world.files.removeTree(folder)
      return `removeTree ${folder}`
    }
    case 6: {
      const file = pick(files)
      if (file === '' || file === target || here.get(target)?.kind === 'folder') return 'nothing'
      await world.files.rename(file, target)
      return `rename ${file} ${target}`
    }
    default: {
      const folder = pick(folders.slice(1))
      if (folder === '' || here.has(target) || `${target}/`.startsWith(`${folder}/`)) return 'nothing'
      await world.files.rename(folder, target)
      return `rename ${folder} ${target}`
    }
  }
}
