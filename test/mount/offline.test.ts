// Hours on a train, shortened: edits, renames, deletions and a new tree made while the portal cannot be reached arrive when
// it can, in an order that it accepts, at the basic plan's rate (the long one is upload/drain.test.ts on a simulated clock).
import t from 'tap'
import { skipWithout } from '../support/skip.js'
import { endsEqual } from './both-trees.js'
import { Playground, until } from './playground.js'

const RESETS = 1_000_000
const fuse = skipWithout('fuse')

t.setTimeout(180_000)

await t.test('what was done offline arrives in order when the portal is back, without a 503', fuse, async (t) => {
  const ground = await Playground.start(t, { seed: 'tree:3x12', portalArguments: ['--plan', 'basic'] })
  await ground.shell('find . > /dev/null; cat folder-1/* > /dev/null')
  const [first = '', second = '', third = '', fourth = '', fifth = ''] = (await ground.shell('ls folder-1')).split('\n')
  const before = new Map((await ground.tree()).map(({ path, id }) => [path, id]))
  await ground.fault({ method: '*', kind: 'reset', times: RESETS })
  await until('the portal is known to be away', async () => (await ground.json<{ connection: string }>('status')).connection === 'offline', 60_000)

  await ground.shell(`
    for each in 1 2 3; do echo "edit $each" > folder-1/${first}; done
    mv folder-1/${second} folder-2/renamed.txt; echo more >> folder-2/renamed.txt
    mv folder-1/${third} swap; mv folder-1/${fourth} folder-1/${third}; mv swap folder-1/${fourth}
    rm folder-1/${fifth}
    mkdir -p new/below/deep; echo a > new/a.txt; echo b > new/below/b.txt; echo c > new/below/deep/c.txt
    mv folder-3 'folder three'; echo d > 'folder three/d.txt'
    echo gone > never; rm never; mkdir nothing; rmdir nothing
    echo saved > folder-1/.save.tmp; mv folder-1/.save.tmp folder-1/${first}`)
  const { pendingUploads } = await ground.json<{ pendingUploads: number }>('status')
  t.ok(pendingUploads >= 10, `${pendingUploads} are named as unsent`)
  await ground.clearFaults()
  await ground.clearRequests()
  await ground.ok('sync', '--wait', '120')

  await endsEqual(t, ground)
  const { limited, methods } = await ground.requests()
  t.equal(limited, 0, 'no 503')
  t.notOk(Object.keys(methods).some((method) => method.includes('restore')))
  const after = new Map((await ground.tree()).map(({ path, id }) => [path, id]))
  const stayed = [[`folder-1/${first}`, `folder-1/${first}`], [`folder-1/${second}`, 'folder-2/renamed.txt'], [`folder-1/${third}`, `folder-1/${fourth}`], [`folder-1/${fourth}`, `folder-1/${third}`], ['folder-3', 'folder three']]
  for (const [was = '', is = ''] of stayed) t.equal(after.get(is), before.get(was), `${was} is ${is} and the same object`)
  t.same([...after.keys()].filter((path) => /conflict|never|nothing|tmp|swap/.test(path)), [])
  t.same((await ground.json<{ errors: readonly unknown[] }>('status')).errors, [])
})
