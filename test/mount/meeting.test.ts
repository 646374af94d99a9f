// What programs do here while a colleague does something to the same items there: nothing gets lost without a word.
import { open } from 'node:fs/promises'
import t from 'tap'
import { skipWithout } from '../support/skip.js'
import { Playground, until } from './playground.js'

const STALE = { errno: -116, message: /116/ } // ESTALE, which Node has no name for

const fuse = skipWithout('fuse')

t.setTimeout(300_000) // a loaded machine is slow, not wrong

// [S-26]
await t.test('a descriptor from before a remote change can neither be cut nor written: it says so', fuse, async (t) => {
  // By passthrough nobody can be refused: passthrough.test.ts.
  const ground = await Playground.start(t, { settings: { uploadDelay: '0' }, mountArguments: ['--no-passthrough'] })
  await ground.act({ op: 'write', path: 'a.txt', content: 'base' })
  await ground.ok('sync', '--wait', '30') // a desktop may have looked into the new mount before
  t.equal(await ground.shell('cat a.txt'), 'base')
  const file = await open(ground.path('a.txt'), 'r+')
  await ground.act({ op: 'write', path: 'a.txt', content: 'changed there' })
  await ground.ok('sync', '--wait', '30')
  await t.rejects(file.truncate(0), STALE)
  await t.rejects(file.write('mine'), STALE)
  await file.close()
  t.equal(await ground.shell('cat a.txt'), 'changed there')
})

await t.test('a folder that comes back is whole again, also while a process still has it open', fuse, async (t) => {
  const ground = await Playground.start(t, { settings: { uploadDelay: '600' } })
  await ground.act({ op: 'mkdir', path: 'F' })
  await ground.ok('sync', '--wait', '30')
  await ground.shell('ls F')
  const directory = await open(ground.path('F'), 'r') // the kernel keeps it, as it does for a shell that stands in it
  t.teardown(() => directory.close())
  await ground.shell('rmdir F')
  await ground.act({ op: 'write', path: 'F/new.txt', content: 'nobody here has seen it' })
  await ground.ok('sync', '--wait', '30')
  await until('the folder is back', async () => (await ground.shell('ls')) === 'F\n')
  t.equal(await ground.shell('ls F; cat F/new.txt; echo more > F/mine.txt; ls F'), 'new.txt\nnobody here has seen itmine.txt\nnew.txt\n')
})

await t.test('a file that gets a name of programs while it is uploaded does not stay on the portal', fuse, async (t) => {
  const ground = await Playground.start(t, { settings: { uploadDelay: '0' } })
  await ground.fault({ method: 'upload', kind: 'stall', ms: 2_000, times: 1 })
  await ground.shell('echo one > one.txt')
  await until('it is being uploaded', async () => (await ground.stateOf('one.txt')) === 'uploading')
  await ground.shell('mv one.txt .one.txt.swp')
  await ground.ok('sync', '--wait', '30')
  t.same(await ground.tree(), [])
  t.equal(await ground.shell('cat .one.txt.swp'), 'one\n')
})

await t.test('in a folder that both sides made, what the other side put there can be opened by name', fuse, async (t) => {
  const ground = await Playground.start(t, { settings: { uploadDelay: '600' } })
  await ground.shell('mkdir F; test ! -e F/theirs.txt')
  await ground.act({ op: 'write', path: 'F/theirs.txt', content: 'theirs' })
  await ground.ok('sync', '--wait', '30')
  t.equal(await ground.shell('cat F/theirs.txt'), 'theirs', 'though it was found missing before')
  t.same((await ground.tree()).map(({ path }) => path), ['F', 'F/theirs.txt'])
})
