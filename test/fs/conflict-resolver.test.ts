/** What becomes of the two files of a conflict, by what a person decides and how the two stand at that moment. */
import t from 'tap'
import type { Keep } from '../../src/fs/conflict-resolver.js'
import { ROOT_NODE, type NodeId } from '../../src/fs/operations.js'
import { isConflictName } from '../../src/mirror/conflict-name.js'
import { countConflicts } from '../../src/mirror/conflicts.js'
import { WholeClient, type PortalRow } from '../support/whole-client.js'

class Scene {
  readonly client: WholeClient

  constructor(client: WholeClient) {
    this.client = client
  }

  /** `name` here and on the portal has other bytes than before, and what came of it is settled. Answers the copy's name. */
  async conflict(name: string, settled = true): Promise<string> {
    const { client } = this
    await client.act('write', { path: name, content: `${name} of before` })
    await client.settle()
    await client.core.setPaused(true)
    await client.write(name, `my ${name}`)
    await client.act('write', { path: name, content: `their ${name}` })
    await client.core.setPaused(false)
    if (settled) await client.settle()
    else await client.until('it is kept twice', async () => (await this.copies(name)).length > 0)
    return (await this.copies(name))[0]!
  }

  async copies(name: string): Promise<readonly string[]> {
    return (await this.client.list()).filter((found) => found.startsWith(`${name.replace(/\..*$/, '')} (`) && isConflictName(found))
  }

  async decide(name: string, keep: Keep): Promise<void> {
    const { core } = this.client
    const item = await core.mirror.find([name])
    if (item === undefined) throw new Error(`there is no ${name}`)
    for (const conflict of await core.conflicts.find(item, keep)) await core.conflicts.resolve(conflict, keep, AbortSignal.timeout(20_000))
  }

  count(): Promise<number> {
    return countConflicts(this.client.core.store.read)
  }

  async portal(name: string): Promise<PortalRow | undefined> {
    return (await this.client.tree()).get(name)
  }
}

await t.test('mine: the file keeps its id and gets a version; the copy goes, whether it was sent, is a placeholder, or is still only here', async (t) => {
  const client = await WholeClient.start(t)
  const scene = new Scene(client)
  for (const copyIs of ['sent', 'placeholder', 'unsent'] as const) {
    const name = `${copyIs}.txt`
    if (copyIs === 'unsent') await client.hook('faults', { method: 'disk.folder.uploadfile', kind: 'status', status: 403, error: 'ACCESS_DENIED' })
    const copy = await scene.conflict(name, copyIs !== 'unsent')
    if (copyIs === 'unsent') await client.until('the copy was refused', async () => (await client.failures()).length > 0)
    t.equal((await scene.portal(copy)) !== undefined, copyIs !== 'unsent')
    const { id, version } = (await scene.portal(name))!
    if (copyIs === 'placeholder') {
      const item = (await client.core.mirror.find([copy]))!
      t.equal(await client.core.keeper.free(item), 'freed')
      await client.hook('faults', { method: '*', kind: 'reset', times: 100 })
      await t.rejects(scene.decide(copy, 'mine'), { code: 'offline' })
      await fetch(`${client.portal.hooks}/faults`, { method: 'DELETE' })
      t.equal(await scene.count(), 1, 'nothing changed')
      await client.core.drive.rest.probe()
    }
    await scene.decide(copy, 'mine')
    t.equal(await client.text(name), `my ${name}`, `${copyIs}: shown at once`)
    await client.settle()
    t.match(await scene.portal(name), { id, version: version! + 1 }, copyIs)
    t.equal((await client.remote(id)).toString(), `my ${name}`, copyIs)
    t.equal(await scene.portal(copy), undefined, copyIs)
    t.same(await scene.copies(name), [], copyIs)
    t.equal(await scene.count(), 0, copyIs)
  }
})

await t.test('theirs: the copy goes as by unlink and the file is not touched; both: only the record goes', async (t) => {
  const client = await WholeClient.start(t)
  const scene = new Scene(client)
  const [one, two] = [await scene.conflict('one.txt'), await scene.conflict('two.txt')]
  t.equal(await client.core.stateOf((await client.core.mirror.find([two]))!), 'conflict')
  await scene.decide('one.txt', 'theirs')
  await scene.decide(two, 'both')
  t.not(await client.core.stateOf((await client.core.mirror.find([two]))!), 'conflict')
  await client.settle()
  t.same(await client.list(), ['one.txt', two, 'two.txt'].sort())
  t.match(await scene.portal('one.txt'), { version: 2 })
  t.equal(await client.text('one.txt'), 'their one.txt')
  t.equal(await scene.portal(one), undefined)
  await t.rejects(scene.decide('one.txt', 'mine'), { code: 'invalid' })
  await t.rejects(scene.decide(two, 'theirs'), { code: 'invalid' })
})

await t.test('unsent edits of the file itself are never dropped for its copy; sent they are in the history', async (t) => {
  const client = await WholeClient.start(t)
  const scene = new Scene(client)
  const copy = await scene.conflict('a.txt')
  await client.core.setPaused(true)
  await client.write('a.txt', 'edited after')
  await t.rejects(scene.decide(copy, 'mine'), { code: 'would-lose-data' })
  t.equal(await client.text('a.txt'), 'edited after')
  await client.core.setPaused(false)
  await client.settle()
  await scene.decide(copy, 'mine')
  await client.settle()
  t.match(await scene.portal('a.txt'), { version: 4 })
  t.equal(await client.text('a.txt'), 'my a.txt')
})

await t.test('what a program is writing to does not go; what stays may be written on', async (t) => {
  const client = await WholeClient.start(t)
  const scene = new Scene(client)
  const copy = await scene.conflict('a.txt')
  const caller = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, pid: process.pid, signal: new AbortController().signal }
  const { fileSystem } = client.core
  const { node } = await fileSystem.lookup(ROOT_NODE, copy, caller)
  const { handle } = await fileSystem.open(node as NodeId, { read: true, write: true, append: false, truncate: false, exclusive: false }, caller)
  await t.rejects(scene.decide(copy, 'theirs'), { code: 'busy' })
  await scene.decide(copy, 'mine')
  await fileSystem.write(node as NodeId, handle, 0, Buffer.from('MY'), false, caller)
  await fileSystem.flush(node as NodeId, handle)
  await fileSystem.release(node as NodeId, handle)
  t.equal(await client.text('a.txt'), 'MY a.txt')
  await client.settle()
  t.equal((await client.remote((await scene.portal('a.txt'))!.id)).toString(), 'MY a.txt')
})

await t.test('with two copies the one that is meant must be named, and the other stays beside the file', async (t) => {
  const client = await WholeClient.start(t)
  const scene = new Scene(client)
  await scene.conflict('a.txt')
  await client.core.setPaused(true)
  await client.write('a.txt', 'my second')
  await client.act('write', { path: 'a.txt', content: 'their second' })
  await client.core.setPaused(false)
  await client.settle()
  t.equal(await scene.count(), 2)
  await t.rejects(scene.decide('a.txt', 'mine'), { code: 'invalid' })
  const texts = await Promise.all((await scene.copies('a.txt')).map(async (name) => [name, await client.text(name)] as const))
  await scene.decide(texts.find(([, text]) => text === 'my second')![0], 'mine')
  t.equal(await client.text('a.txt'), 'my second')
  await scene.decide('a.txt', 'theirs')
  await client.settle()
  t.same(await client.list(), ['a.txt'])
})

await t.test('a file and a folder that wanted one name: what would go must be empty, what stays takes the name', async (t) => {
  const client = await WholeClient.start(t)
  const scene = new Scene(client)
  for (const name of ['full', 'empty']) {
    await client.core.setPaused(true)
    await client.mkdir(name)
    if (name === 'full') await client.write('full/inside.txt', 'precious')
    await client.act('write', { path: name, content: 'a file' })
    await client.core.setPaused(false)
    await client.settle()
  }
  await t.rejects(scene.decide('full', 'theirs'), { code: 'would-lose-data' })
  await scene.decide('empty', 'theirs')
  await scene.decide('full', 'mine')
  await client.settle()
  t.same(await client.list(), ['empty', 'full'])
  t.equal(await client.text('full/inside.txt'), 'precious')
  t.same([...(await client.tree()).keys()].filter((path) => path !== '').sort(), ['empty', 'full', 'full/inside.txt'])
  t.equal((await scene.portal('empty'))?.type, 'file')
  t.equal(await scene.count(), 0)
})
