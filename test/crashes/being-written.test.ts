// A file is written while it is being sent, the client dies before the answer: what went out is recognised as its own. The
// digest taken before the request does not tell, and the process that knew what it had read is dead (bitrix24-rest.md 6.6).
import t from 'tap'
import { watchDurableSteps } from './durable-steps.js'
import { Life } from './life.js'
import { look, Program } from './program.js'
import { Stage } from './stage.js'
import { shown } from './tree.js'

const unwatch = await watchDurableSteps()
t.teardown(unwatch)

for (const { name, path, before, request } of [
  { name: 'a new version', path: 'a.txt', before: { 'a.txt': 'base' }, request: 'request disk.file.uploadversion' },
  { name: 'a new file', path: 'n.txt', before: {}, request: 'request upload/' },
] as const) {
  await t.test(`${name}, written while it was being sent and once more, killed before the answer, is no conflict with itself`, async (t) => {
    const stage = await Stage.make()
    t.teardown(() => stage.end())
    await stage.prepare(before)
    const life = new Life(`after ${request}`)
    await stage.start(life)
    await stage.settle()
    life.begin()
    const { client } = stage
    const write = async (text: string): Promise<void> => {
      const program = new Program(client)
      await program.call({ do: (await client.has(path)) ? 'open' : 'create', path })
      await program.call({ do: 'write', path, at: 0, text })
      await program.call({ do: 'close', path })
    }
    stage.slow()
    await stage.hook('latency', { ms: 200 })
    const isSending = (): boolean => life.steps.at(-1)?.startsWith(`before ${request}`) === true
    life.beforeWork = async (what) => {
      if (what !== 'read' || !isSending()) return
      life.beforeWork = undefined
      await write('during')
      // Nothing of the file is read any more when this is written: the request is on its way.
      void stage.lives(() => write('latest'))
    }
    await stage.lives(() => write('before'))
    await life.died
    await stage.bury()
    await stage.hook('latency', { ms: 0 })
    const [sent] = [...(await stage.withBytes(await stage.tree())).values()]
    t.equal(sent?.text, 'during', 'the portal has what was read for the request')
    await stage.start(new Life(Infinity))
    await stage.settle()
    await stage.lives(async () => {
      t.same(shown(await look(stage.client)), [`${path}: "latest"`])
    })
    t.same(shown(await stage.withBytes(await stage.tree())), [`${path}: "latest"`])
  })
}
