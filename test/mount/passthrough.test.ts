// Cached files that the kernel reads and writes by itself: what is written past the daemon reaches the portal, survives its death, and is nobody's loss.
import { open, readFile, stat, unlink, writeFile } from 'node:fs/promises'
import t, { type Test } from 'tap'
import { skipWithout } from '../support/skip.js'
import { mapShared } from './mapping.js'
import { Playground, sha256, until, type PlaygroundOptions } from './playground.js'

const SIZE = 1_500_000 // above what is read through the daemon
const fuse = skipWithout('fuse')

t.setTimeout(300_000) // a loaded machine is slow, not wrong

interface EngineAnswer {
  readonly engine: { readonly passthrough: { readonly on: boolean; readonly why: string } }
}

/** Undefined, and the test is skipped with the reason, where the kernel takes no files. */
async function passing(t: Test, options: PlaygroundOptions = {}): Promise<Playground | undefined> {
  const ground = await Playground.start(t, { seed: `tree:1x1x${SIZE}`, ...options })
  const { engine } = await ground.json<EngineAnswer>('status')
  if (engine.passthrough.on) return ground
  t.pass(`passthrough is off: ${engine.passthrough.why}`)
  return undefined
}

async function theFile(ground: Playground): Promise<string> {
  const [name = ''] = (await ground.shell('find . -type f -printf "%P\\n"')).trim().split('\n')
  await readFile(ground.path(name))
  return name
}

const versionsOf = async (ground: Playground, name: string): Promise<number> => (await ground.item(name))?.version ?? 0

// [S-10]
await t.test('a file that is here whole is read by the kernel itself: a handle reads on when the daemon is dead', fuse, async (t) => {
  const ground = await passing(t)
  if (ground === undefined) return
  const name = await theFile(ground)
  const whole = await readFile(ground.path(name))
  const file = await open(ground.path(name), 'r')
  await ground.killDaemon()
  const piece = Buffer.alloc(4_096)
  await file.read(piece, 0, 4_096, 700_000)
  t.ok(whole.subarray(700_000, 704_096).equals(piece))
  await file.close()
})

await t.test('switched off, everything goes through the daemon, and says so', fuse, async (t) => {
  const ground = await Playground.start(t, { seed: `tree:1x1x${SIZE}`, mountArguments: ['--no-passthrough'] })
  t.match((await ground.json<EngineAnswer>('status')).engine.passthrough, { on: false, why: /switched off/ })
  const name = await theFile(ground)
  const file = await open(ground.path(name), 'r+')
  await ground.killDaemon()
  await t.rejects(file.write(Buffer.from('lost'), 0, 4, 0), /ENOTCONN/)
  await file.close().catch(() => undefined) // ENOTCONN as well
})

// [S-28]
await t.test('stores through a shared mapping reach the portal, those after close(2) too, and again after each upload', fuse, async (t) => {
  for (const mountArguments of [[], ['--no-passthrough']]) {
    const ground = await Playground.start(t, { seed: `tree:1x1x${SIZE}`, settings: { uploadDelay: '1' }, mountArguments })
    const name = await theFile(ground)
    const mapping = await mapShared(t, ground.path(name))
    for (const word of ['first', 'second', 'third']) {
      // The same page each time: after an upload its times alone must tell that it changed.
      await mapping.store(5_000, word.padEnd(8))
      if (mountArguments.length > 0) await mapping.end() // without passthrough the kernel writes pages when it likes, or at the end
      await until(`the portal has ${word}`, async () => (await ground.item(name))?.sha256 === (await sha256(ground.path(name))), 60_000)
      t.match((await readFile(ground.path(name))).subarray(5_000, 5_008).toString(), word)
      if (mountArguments.length > 0) break
    }
    await mapping.end()
    await ground.ok('sync', '--wait', '60')
    await until('it is nobody’s any more', async () => (await ground.stateOf(name)) === 'cached')
  }
})

await t.test('killed while files are open for writing: what was written before and after the kill is sent after the next mount', fuse, async (t) => {
  const ground = await passing(t, { settings: { uploadDelay: '1' } })
  if (ground === undefined) return
  const name = await theFile(ground)
  const before = await versionsOf(ground, name)
  const file = await open(ground.path(name), 'r+')
  await file.write(Buffer.from('before the kill'), 0, 15, 100)
  const fresh = await open(ground.path('fresh'), 'w')
  await fresh.write(Buffer.alloc(300_000, 7))
  await ground.killDaemon()
  await file.write(Buffer.from('after the kill'), 0, 14, 900_000)
  await ground.mount()
  const seen = await readFile(ground.path(name))
  t.equal(seen.subarray(100, 115).toString(), 'before the kill')
  t.equal(seen.subarray(900_000, 900_014).toString(), 'after the kill')
  await ground.ok('sync', '--wait', '60')
  t.equal((await ground.item(name))?.sha256, await sha256(ground.path(name)))
  t.equal((await ground.item('fresh'))?.size, 300_000)
  // The old handle still reaches the file, and is watched.
  await file.write(Buffer.from('long after it'), 0, 13, 1_200_000)
  await until('the portal has what came long after', async () => (await ground.item(name))?.sha256 === (await sha256(ground.path(name))) && (await readFile(ground.path(name))).includes('long after it'), 60_000)
  t.ok((await versionsOf(ground, name)) > before)
  await Promise.all([file.close(), fresh.close()].map((closing) => closing.catch(() => undefined))) // ENOTCONN: their mount is dead
})

await t.test('opened for writing and not written, a file is neither sent nor held', fuse, async (t) => {
  const ground = await passing(t, { settings: { uploadDelay: '0' } })
  if (ground === undefined) return
  const name = await theFile(ground)
  const before = await versionsOf(ground, name)
  const file = await open(ground.path(name), 'r+')
  t.equal(await ground.stateOf(name), 'cached')
  await file.close()
  await until('it can be freed', async () => (await ground.cli('free', ground.path(name))).code === 0 && (await ground.stateOf(name)) === 'placeholder')
  await ground.ok('sync', '--wait', '30')
  t.equal(await versionsOf(ground, name), before)
})

await t.test('a file that was written this moment and is sent can be freed at once', fuse, async (t) => {
  const ground = await passing(t, { settings: { uploadDelay: '0' } })
  if (ground === undefined) return
  await writeFile(ground.path('fresh.bin'), Buffer.alloc(400_000, 1))
  await ground.ok('sync', '--wait', '30')
  await ground.ok('free', ground.path('fresh.bin'))
  t.equal(await ground.stateOf('fresh.bin'), 'placeholder')
})

// [S-27]
await t.test('a file that the portal replaces or removes while it is written here is kept beside, not lost', fuse, async (t) => {
  const ground = await passing(t, { settings: { uploadDelay: '1' } })
  if (ground === undefined) return
  const name = await theFile(ground)
  await ground.shell('echo old > other.txt')
  await ground.ok('sync', '--wait', '30')
  const replaced = await open(ground.path(name), 'r+')
  const removed = await open(ground.path('other.txt'), 'r+')
  await ground.act({ as: 'colleague', op: 'write', path: name, content: 'theirs' })
  await ground.act({ as: 'colleague', op: 'trash', path: 'other.txt' })
  await ground.ok('sync', '--wait', '30')
  await replaced.write(Buffer.from('mine'), 0, 4, 0)
  await removed.write(Buffer.from('new'), 0, 3, 0)
  await replaced.close()
  await removed.close()
  t.equal((await readFile(ground.path(name))).toString(), 'theirs')
  await ground.ok('sync', '--wait', '60')
  const tree = await ground.tree()
  const copy = tree.find(({ path }) => path.includes('(conflict '))
  t.equal(copy?.size, SIZE)
  t.match(await ground.json('conflicts'), { conflicts: [{ copy: ground.path(copy?.path ?? ''), original: ground.path(name), copyHolds: 'mine', why: 'edited-on-both-sides' }] })
  t.equal(await sha256(ground.path(copy?.path ?? '')), copy?.sha256)
  t.equal((await readFile(ground.path('other.txt'))).toString(), 'new\n')
  t.ok(tree.some(({ path }) => path === 'other.txt'))
})

await t.test('a reader that the kernel serves does not keep others from writing where there is no room for unseen writes', fuse, async (t) => {
  const ground = await passing(t)
  if (ground === undefined) return
  const name = await theFile(ground)
  const reader = await open(ground.path(name), 'r')
  await reader.read(Buffer.alloc(10), 0, 10, 0)
  await ground.ok('settings', 'cacheLimit', '100MB') // less than what a write that nobody sees may need
  const writer = await open(ground.path(name), 'r+')
  await writer.write(Buffer.from('written'), 0, 7, 1_000)
  const seen = Buffer.alloc(7)
  await reader.read(seen, 0, 7, 1_000)
  t.equal(seen.toString(), 'written', 'who had it open sees it')
  await writer.close()
  await reader.close()
  await ground.ok('sync', '--wait', '60')
  t.equal((await ground.item(name))?.sha256, await sha256(ground.path(name)))
})

await t.test('a handle from before the file was here whole, and one from after, read the same, and a mapping with them', fuse, async (t) => {
  const ground = await passing(t)
  if (ground === undefined) return
  const [name = ''] = (await ground.shell('find . -type f -printf "%P\\n"')).trim().split('\n')
  const before = await open(ground.path(name), 'r')
  await before.read(Buffer.alloc(10), 0, 10, 0)
  const whole = await readFile(ground.path(name))
  const after = await open(ground.path(name), 'r')
  for (const handle of [before, after]) {
    const piece = Buffer.alloc(1_000)
    await handle.read(piece, 0, 1_000, 1_234_567)
    t.ok(whole.subarray(1_234_567, 1_235_567).equals(piece))
  }
  await before.close()
  await after.close()
  // Nobody has it open now: from here on the kernel has the file.
  const kernels = await open(ground.path(name), 'r')
  await ground.act({ as: 'colleague', op: 'write', path: name, content: 'a newer version' })
  await ground.ok('sync', '--wait', '30')
  t.equal((await readFile(ground.path(name))).toString(), 'a newer version')
  const old = Buffer.alloc(1_000)
  await kernels.read(old, 0, 1_000, 1_234_567)
  t.ok(whole.subarray(1_234_567, 1_235_567).equals(old), 'a handle from before a remote change keeps the old bytes')
  await unlink(ground.path(name))
  await writeFile(ground.path(name), 'a third one')
  await kernels.read(old, 0, 1_000, 1_234_567)
  t.ok(whole.subarray(1_234_567, 1_235_567).equals(old))
  await kernels.close()
  t.equal((await stat(ground.path(name))).size, 11)
})
