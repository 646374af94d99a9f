/**
 * Requests that the portal carried out and whose answer was lost, through a whole mount: each ends as exactly one effect,
 * also when the next answer is lost too, and when the daemon dies before it can look what became of them.
 */
import t, { type Test } from 'tap'
import { skipWithout } from '../support/skip.js'
import { mountTree, portalTree } from './both-trees.js'
import { Playground, until } from './playground.js'

interface Change {
  readonly name: string
  readonly method: string
  /** To say where an item shall be, or that it shall be gone, may be said again; to make something may not. */
  readonly mayBeRepeated: boolean
  /** What the owner has before, written on the web. */
  readonly before: readonly string[]
  readonly script: string
  /** Every path after, with `id of` an earlier path where it keeps the id, and its version. */
  readonly after: readonly (readonly [path: string, idOf: string | null, version?: number])[]
}

const CHANGES: readonly Change[] = [
  { name: 'upload of a new file', method: 'upload', mayBeRepeated: false, before: [], script: 'echo new > new.txt', after: [['new.txt', null, 1]] },
  { name: 'new version', method: 'disk.file.uploadversion', mayBeRepeated: false, before: ['a.txt'], script: 'echo more >> a.txt', after: [['a.txt', 'a.txt', 2]] },
  { name: 'mkdir', method: 'disk.folder.addsubfolder', mayBeRepeated: false, before: [], script: 'mkdir made', after: [['made', null]] },
  { name: 'rename of a file', method: 'disk.file.rename', mayBeRepeated: true, before: ['a.txt'], script: 'mv a.txt b.txt', after: [['b.txt', 'a.txt', 1]] },
  { name: 'rename of a folder', method: 'disk.folder.rename', mayBeRepeated: true, before: ['d/a.txt'], script: 'mv d e', after: [['e', 'd'], ['e/a.txt', 'd/a.txt', 1]] },
  { name: 'move of a file', method: 'disk.file.moveto', mayBeRepeated: true, before: ['a.txt', 'd/x.txt'], script: 'mv a.txt d', after: [['d', 'd'], ['d/a.txt', 'a.txt', 1], ['d/x.txt', 'd/x.txt', 1]] },
  { name: 'move of a folder', method: 'disk.folder.moveto', mayBeRepeated: true, before: ['d/a.txt', 'e/x.txt'], script: 'mv d e', after: [['e', 'e'], ['e/d', 'd'], ['e/d/a.txt', 'd/a.txt', 1], ['e/x.txt', 'e/x.txt', 1]] },
  { name: 'trash of a file', method: 'disk.file.markdeleted', mayBeRepeated: true, before: ['a.txt', 'b.txt'], script: 'rm a.txt', after: [['b.txt', 'b.txt', 1]] },
  { name: 'trash of a folder', method: 'disk.folder.markdeleted', mayBeRepeated: true, before: ['d/a.txt', 'b.txt'], script: 'rm -r d', after: [['b.txt', 'b.txt', 1]] },
]

const fuse = skipWithout('fuse')

t.setTimeout(240_000) // a loaded machine is slow, not wrong

/** An empty drive, then what the change needs; answers the ids. */
async function prepare(ground: Playground, { before }: Change): Promise<ReadonlyMap<string, string>> {
  await ground.shell('rm -rf -- *')
  await ground.ok('sync', '--wait', '60')
  for (const path of before) await ground.act({ as: 'owner', op: 'write', path, content: `base of ${path}\n` })
  await ground.ok('sync', '--wait', '60')
  await ground.clearRequests()
  return new Map((await ground.tree()).map(({ path, id }) => [path, id]))
}

async function answerIsLost(ground: Playground, method: string): Promise<void> {
  await until(`the answer to ${method} is lost`, async () => (await ground.faults()).every((fault) => fault.method !== method))
}

/** The portal has what was asked, once, and the mount has the same; what may not be repeated was asked once. */
async function endsAsOne(t: Test, ground: Playground, { method, mayBeRepeated, after }: Change, ids: ReadonlyMap<string, string>): Promise<void> {
  await ground.ok('sync', '--wait', '60')
  const tree = await ground.tree()
  t.same(tree.map(({ path }) => path).sort(), after.map(([path]) => path).sort(), 'no item too many, none missing')
  const byPath = new Map(tree.map((item) => [item.path, item]))
  for (const [path, idOf, version] of after) {
    if (idOf !== null) t.equal(byPath.get(path)?.id, ids.get(idOf), `${path} keeps the id`)
    if (version !== undefined) t.equal(byPath.get(path)?.version, version, `version of ${path}`)
  }
  t.same(await mountTree(ground), portalTree(tree), 'the mount shows the same')
  if (!mayBeRepeated) t.equal((await ground.requests()).methods[method], 1, `${method} was asked once`)
  t.same((await ground.json<{ errors: readonly unknown[] }>('status')).errors, [])
}

await t.test('a change whose answer is lost is one effect', fuse, async (t) => {
  const ground = await Playground.start(t, { settings: { uploadDelay: '0' }, portalArguments: ['--plan', 'self-hosted'] })
  for (const change of CHANGES) {
    await t.test(change.name, async (t) => {
      const ids = await prepare(ground, change)
      await ground.fault({ method: change.method, kind: 'lost-answer' })
      await ground.shell(change.script)
      await answerIsLost(ground, change.method)
      await endsAsOne(t, ground, change, ids)
    })
  }
})

await t.test('a change of which two answers in a row are lost is one effect', fuse, async (t) => {
  const ground = await Playground.start(t, { settings: { uploadDelay: '0' }, portalArguments: ['--plan', 'self-hosted'] })
  for (const change of CHANGES) {
    await t.test(change.name, async (t) => {
      const ids = await prepare(ground, change)
      await ground.fault({ method: change.method, kind: 'lost-answer', times: change.mayBeRepeated ? 2 : 1 })
      await ground.shell(change.script)
      await answerIsLost(ground, change.method)
      if (!change.mayBeRepeated) {
        await ground.fault({ method: '*', kind: 'lost-answer' }) // met by the look at what became of it
        await answerIsLost(ground, '*')
      }
      await endsAsOne(t, ground, change, ids)
    })
  }
})

await t.test('a change whose answers are lost until the daemon dies is one effect', fuse, async (t) => {
  const ground = await Playground.start(t, { settings: { uploadDelay: '0' }, portalArguments: ['--plan', 'self-hosted'] })
  for (const change of CHANGES) {
    await t.test(change.name, async (t) => {
      const ids = await prepare(ground, change)
      await ground.fault({ method: change.method, kind: 'lost-answer', times: 100 })
      const pid = await ground.daemonPid()
      await ground.shell(change.script)
      await until('the portal has carried it out', async () => (await ground.requests()).methods[change.method] !== undefined)
      process.kill(pid, 'SIGKILL') // a new look comes a second after the loss at the soonest
      await ground.clearFaults()
      await ground.mount()
      await endsAsOne(t, ground, change, ids)
    })
  }
})

await t.test('two changes of one item in a row, both answers lost, are two effects and no more', fuse, async (t) => {
  const ground = await Playground.start(t, { settings: { uploadDelay: '0' }, portalArguments: ['--plan', 'self-hosted'] })
  await ground.act({ as: 'owner', op: 'write', path: 'a.txt', content: 'base\n' })
  await ground.ok('sync', '--wait', '60')
  const before = await ground.item('a.txt')
  await ground.clearRequests()
  for (const [method, script] of [
    ['disk.file.uploadversion', 'echo one >> a.txt'],
    ['disk.file.uploadversion', 'echo two >> a.txt'],
    ['disk.file.rename', 'mv a.txt one.txt'],
    ['disk.file.rename', 'mv one.txt two.txt'],
  ] as const) {
    await ground.fault({ method, kind: 'lost-answer' })
    await ground.shell(script)
    await answerIsLost(ground, method)
  }
  await ground.ok('sync', '--wait', '60')
  const tree = await ground.tree()
  t.same(tree.map(({ path }) => path), ['two.txt'])
  t.match(tree[0], { id: before?.id, version: 3 })
  t.equal(await ground.shell('cat two.txt'), 'base\none\ntwo\n')
  t.same(await mountTree(ground), portalTree(tree))
  t.equal((await ground.requests()).methods['disk.file.uploadversion'], 2)
})

await t.test('6a.7: a restore whose answer is lost, after an upload that never arrived, leaves one file', fuse, async (t) => {
  const ground = await Playground.start(t, { settings: { uploadDelay: '0' }, portalArguments: ['--plan', 'self-hosted'] })
  await ground.act({ as: 'owner', op: 'write', path: 'a.txt', content: 'full\n' })
  await ground.ok('sync', '--wait', '60')
  await ground.clearRequests()
  // Empty content cannot be a version: the old file is trashed, and comes back because the new one does not get there.
  await ground.fault({ method: 'upload', kind: 'reset' })
  await ground.fault({ method: 'disk.file.restore', kind: 'lost-answer' })
  await ground.shell(': > a.txt')
  await answerIsLost(ground, 'disk.file.restore')
  await ground.ok('sync', '--wait', '60')
  const tree = await ground.tree()
  t.same(tree.map(({ path, size }) => [path, size]), [['a.txt', 0]])
  t.same(await mountTree(ground), portalTree(tree))
  t.match((await ground.requests()).methods, { 'disk.file.restore': 1, 'disk.file.markdeleted': 2 })
  t.same((await ground.json<{ errors: readonly unknown[] }>('status')).errors, [])
})
