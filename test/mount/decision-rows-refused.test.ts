/** Rows of the decision table in which an edit waits until somebody else does something; see decision-rows.test.ts. */
import t from 'tap'
import { skipWithout } from '../support/skip.js'
import { Playground, until } from './playground.js'
import { COMPANY } from './row-play.js'

const fuse = skipWithout('fuse')

t.setTimeout(180_000) // a loaded machine is slow, not wrong

// [S-47]
await t.test('C25: what a colleague has locked waits with its reason, and is sent when it is unlocked', fuse, async (t) => {
  const ground = await Playground.start(t, { settings: { uploadDelay: '3600' } })
  for (const path of ['cached.txt', 'listed.txt']) await ground.act({ op: 'write', path, content: 'base' })
  await ground.ok('sync', '--wait', '60')
  await ground.shell('cat cached.txt')
  const before = await ground.tree()
  await ground.ok('pause')
  await ground.shell('printf mine > cached.txt; printf mine > listed.txt')
  for (const { path } of before) await ground.act({ op: 'lock', path })
  await ground.ok('resume')
  t.match(await ground.cli('sync', '--wait', '1', '--json'), { code: 1, stdout: /"pendingUploads":2/u })
  const errors = await until('status names both', () => problems(ground, 2))
  t.same(errors, before.map(({ path }) => [ground.path(path), 'locked']).sort())
  t.same(await ground.tree(), before, 'nothing is written over the lock')
  t.equal(await ground.shell('cat cached.txt listed.txt'), 'minemine')
  for (const { path } of before) await ground.act({ op: 'unlock', path })
  await ground.ok('sync', '--wait', '60')
  for (const { path, id, version } of before) t.match(await ground.item(path), { id, version: version + 1, size: 4 })
  t.match(await ground.json('status'), { pendingUploads: 0, errors: [] })
})

await t.test('C24: what is new in a read-only folder waits here with its reason, and is sent when the right is given', fuse, async (t) => {
  const ground = await Playground.start(t, { settings: { uploadDelay: '0' } })
  await ground.act({ storage: COMPANY, op: 'mkdir', path: 'Shared' })
  await ground.act({ storage: COMPANY, op: 'connect', path: 'Shared' })
  await ground.act({ storage: COMPANY, op: 'rights', path: 'Shared', level: 'read' })
  await ground.ok('sync', '--wait', '60')
  await ground.shell('printf mine > Shared/new.txt; mkdir Shared/made')
  t.same(await until('status names both', () => problems(ground, 2)), ['made', 'new.txt'].map((name) => [ground.path('Shared', name), 'forbidden']))
  t.same((await ground.tree({ storage: COMPANY })).map(({ path }) => path), ['Shared'])
  t.equal(await ground.shell('ls Shared; cat Shared/new.txt'), 'made\nnew.txt\nmine')
  await ground.act({ storage: COMPANY, op: 'rights', path: 'Shared', level: 'edit' })
  await ground.ok('sync', '--wait', '60')
  t.same((await ground.tree({ storage: COMPANY })).map(({ path }) => path).sort(), ['Shared', 'Shared/made', 'Shared/new.txt'])
  t.match(await ground.json('status'), { pendingUploads: 0, errors: [] })
})

/** What `status` tells of paths, once it tells of `count`. */
async function problems(ground: Playground, count: number): Promise<readonly (readonly [string, string])[] | undefined> {
  const { errors } = await ground.json<{ errors: readonly { path: string; code: string }[] }>('status')
  return errors.length < count ? undefined : errors.map(({ path, code }) => [path, code] as const).sort()
}

await t.test('C24: what a read-only folder refused is told by status, with where the edit is now', fuse, async (t) => {
  const ground = await Playground.start(t, { settings: { uploadDelay: '0' } })
  for (const path of ['Shared/edited.txt', 'Shared/deleted.txt']) await ground.act({ op: 'write', path, content: 'theirs' })
  await ground.act({ op: 'rights', path: 'Shared', level: 'read' })
  await ground.ok('sync', '--wait', '60')
  await ground.shell('printf mine > Shared/edited.txt; rm Shared/deleted.txt')
  await ground.ok('sync', '--wait', '60')
  const { notices } = await ground.json<{ notices: readonly { path: string; message: string; at: string }[] }>('status')
  const told = new Map(notices.map(({ path, message }) => [path, message]))
  t.match(told.get(ground.path('Recovered edits', 'edited.txt')), /you may not change it on the portal.*kept as "edited\.txt"/u)
  t.match(told.get(ground.path('Shared', 'deleted.txt')), /you may not delete it on the portal/u)
  t.equal(notices.length, 2)
  t.match(await ground.ok('status'), /Notice +\S.*edited\.txt/u)
})
