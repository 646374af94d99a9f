import { once } from 'node:events'
import { createInterface } from 'node:readline'
import t, { type Test } from 'tap'
import type { ChildProcess } from 'node:child_process'
import { Home } from './run-program.js'

async function firstLine(test: Test, child: ChildProcess): Promise<Readonly<Record<string, unknown>>> {
  test.teardown(() => child.kill('SIGKILL'))
  if (child.stdout === null) throw new Error('no output')
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  return JSON.parse(line) as Readonly<Record<string, unknown>>
}

await t.test('the portal tells its address in its first line and ends cleanly at SIGTERM', async (t) => {
  const home = await Home.make(t)
  const child = home.start(['portal', '--seed', 'tree:3x5'])
  const address = await firstLine(t, child)
  t.same(Object.keys(address), ['url', 'webhook', 'hooks', 'storage', 'pid'])
  t.equal(address.pid, child.pid)
  const tree = (await (await fetch(`${String(address.hooks)}/tree?sha256=0`)).json()) as readonly { type: string; storage: string }[]
  t.equal(tree.filter(({ type, storage }) => type === 'file' && storage === address.storage).length, 15)
  child.kill('SIGTERM')
  t.same(await once(child, 'close'), [0, null])
})

await t.test('a port that is taken is told in one sentence', async (t) => {
  const home = await Home.make(t)
  const first = home.start(['portal'])
  const { url } = await firstLine(t, first)
  const { code, stderr, stdout } = await home.run(['portal', '--port', new URL(String(url)).port])
  t.equal(code, 1)
  t.equal(stdout, '')
  t.match(stderr, /^elastic-drive: the portal cannot start: port \d+/)
  first.kill('SIGTERM')
  await once(first, 'close')
})

await t.test('a trait is set by its name, and a wrong one is told with what there is', async (t) => {
  const home = await Home.make(t)
  const child = home.start(['portal', '--trait', 'rangeMode=B', '--trait', 'fileHistory=false', '--trait', 'zoneMinutes=0'])
  const { hooks } = await firstLine(t, child)
  const { traits } = (await (await fetch(`${String(hooks)}/traits`)).json()) as { traits: object }
  t.match(traits, { rangeMode: 'B', fileHistory: false, zoneMinutes: 0, dotNames: 'accepted' })
  child.kill('SIGTERM')
  await once(child, 'close')
  const wrong = await home.run(['portal', '--trait', 'rangeMode=Z'])
  t.equal(wrong.code, 2)
  t.match(wrong.stderr, /trait rangeMode takes "A", "B", "C", "D"/)
  t.match((await home.run(['portal', '--trait', 'rangeMode'])).stderr, /NAME=VALUE/)
})
