// R12: what both sides changed is kept twice, named by `conflicts`, and decided about by it.
import { basename } from 'node:path'
import t from 'tap'
import { skipWithout } from '../support/skip.js'
import { Playground } from './playground.js'

const fuse = skipWithout('fuse')

t.setTimeout(120_000)

interface Listed {
  readonly copy: string
  readonly original: string | null
  readonly copyHolds: string
  readonly why: string
}

const list = async (ground: Playground): Promise<readonly Listed[]> => (await ground.json<{ conflicts: readonly Listed[] }>('conflicts')).conflicts

/** Versions that the portal keeps of the file. */
async function history(ground: Playground, id: string): Promise<readonly number[]> {
  const { result } = (await (await fetch(`${ground.portal.webhook}disk.file.getversions?id=${id}`)).json()) as { result: { GLOBAL_CONTENT_VERSION: unknown }[] }
  return result.map(({ GLOBAL_CONTENT_VERSION }) => Number(GLOBAL_CONTENT_VERSION))
}

await t.test('a colleague edits what is edited here: listed, told by status and xattr, and settled as wished, over kill -9', fuse, async (t) => {
  const ground = await Playground.start(t, { settings: { uploadDelay: '3600' } })
  const names = ['both.txt', 'mine.txt', 'theirs.txt']
  for (const path of names) await ground.act({ as: 'owner', op: 'write', path, content: 'base' })
  await ground.ok('sync', '--wait', '30')
  await ground.shell('for name in *.txt; do echo "my $name" > $name; done')
  for (const path of names) await ground.act({ op: 'write', path, content: `their ${path}` })
  await ground.ok('sync', '--wait', '30')

  const listed = await list(ground)
  const copyOf = (name: string): string => basename(listed.find(({ original }) => original === ground.path(name))?.copy ?? 'none')
  t.same(listed.map(({ original, copyHolds, why }) => [original, copyHolds, why]).sort(), names.map((name) => [ground.path(name), 'mine', 'edited-on-both-sides']))
  t.match(await ground.json('status'), { conflicts: 3 })
  for (const name of ['mine.txt', copyOf('mine.txt')]) t.equal(await ground.shell(`getfattr --only-values -n user.elastic-drive.state '${name}'`), 'conflict')
  const before = new Map((await ground.tree()).map((item) => [item.path, item]))

  const settled = await ground.json('conflicts', 'mine', ground.path('mine.txt'), ground.path(copyOf('mine.txt')))
  t.same(settled, { results: [{ path: ground.path('mine.txt'), kept: 'mine' }, { path: ground.path(copyOf('mine.txt')), kept: 'mine' }] })
  t.equal(await ground.shell(`test ! -e '${copyOf('mine.txt')}'; cat mine.txt`), 'my mine.txt\n', 'the window shows it at once')
  await ground.killDaemon()
  await ground.mount()
  await ground.ok('conflicts', 'theirs', ground.path(copyOf('theirs.txt')))
  await ground.ok('conflicts', 'both', ground.path('both.txt'))
  await ground.ok('sync', '--wait', '30')

  t.equal(await ground.shell('cat mine.txt theirs.txt both.txt'), 'my mine.txt\ntheir theirs.txttheir both.txt')
  t.same((await ground.shell('ls')).trim().split('\n').sort(), [...names, copyOf('both.txt')].sort())
  const after = new Map((await ground.tree()).map((item) => [item.path, item]))
  t.same([...after.keys()].filter((path) => path !== '').sort(), [...names, copyOf('both.txt')].sort(), 'the copies are in the trash')
  const { id, version } = before.get('mine.txt')!
  t.match(after.get('mine.txt'), { id, version: version + 1 })
  t.ok((await history(ground, id)).includes(version), 'what the colleague saved is in the history')
  t.same(after.get('theirs.txt'), before.get('theirs.txt'))

  const none = await ground.cli('conflicts', 'mine', ground.path('both.txt'), ground.path('nope'), '--json')
  t.equal(none.code, 1)
  t.match(JSON.parse(none.stdout), { results: [{ error: { code: 'invalid' } }, { error: { code: 'not-found' } }] })
})
