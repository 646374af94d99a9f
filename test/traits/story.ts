/**
 * A day's work with the whole client, to be told on a portal of any traits: listing, reading, writing, saving through
 * temporary names, renaming, moving, deleting, restoring, links, conflicts. What depends on a trait asks the trait.
 */
import type { Test } from 'tap'
import type { Traits } from '../../src/portal/traits.js'
import type { WholeClient } from '../support/whole-client.js'

const COMPANY = '13'
const LARGE_BYTES = 9_000_000 // above what the client takes whole at once
/** 245 characters: more than the trash of some portals can name. */
const LONG_NAME = `${'long '.repeat(48)}x.txt`

export async function dayOfWork(t: Test, client: WholeClient, traits: Traits): Promise<void> {
  await client.act('write', { path: 'Projects/plan.txt', content: 'plan' })
  await client.act('write', { path: 'Projects/old.txt', content: 'old' })
  await client.act('write', { path: `Projects/${LONG_NAME}`, content: 'long' })
  await client.act('write', { path: 'Projects/Deep/deep.txt', content: 'deep' })
  await client.act('write', { path: 'Projects/large.bin', contentBase64: large().toString('base64') })
  await client.act('write', { storage: COMPANY, path: 'Sales/price.txt', content: 'price' })
  await client.act('connect', { storage: COMPANY, path: 'Sales' })

  await reading(t, client)
  await writing(t, client, traits)
  await moving(t, client)
  await deleting(t, client, traits)
  await remoteChanges(t, client)
  await conflict(t, client)
  await links(t, client, traits)
  await everythingIsTheSame(t, client)
}

async function reading(t: Test, client: WholeClient): Promise<void> {
  t.same(await client.list(), ['Projects', 'Sales'])
  t.same(await client.list('Projects'), ['Deep', 'large.bin', LONG_NAME, 'old.txt', 'plan.txt'].sort())
  t.same(await client.list('Sales'), ['price.txt'])
  t.equal(await client.text('Projects/plan.txt'), 'plan')
  t.equal(await client.text('Sales/price.txt'), 'price')
  t.ok((await client.read('Projects/large.bin', 5_000_000, 70_000)).equals(large().subarray(5_000_000, 5_070_000)), 'a part of a large file')
  t.ok((await client.read('Projects/large.bin', LARGE_BYTES - 10, 100)).equals(large().subarray(-10)), 'its end')
  t.ok((await client.read('Projects/large.bin')).equals(large()), 'all of it')
}

async function writing(t: Test, client: WholeClient, traits: Traits): Promise<void> {
  const before = (await client.tree()).get('Projects/plan.txt')
  await client.write('Projects/plan.txt', 'plan 2')
  await client.mkdir('Made')
  await client.write('Made/new.txt', 'new')
  await client.write('Made/🙂.txt', 'a smile')
  await client.settle()
  await client.write('Made/.new.txt.tmp', 'newer')
  await client.rename('Made/.new.txt.tmp', 'Made/new.txt')
  await client.settle()
  const after = await client.tree()
  const plan = after.get('Projects/plan.txt')
  t.equal(plan?.id, before?.id, 'an edit keeps the id')
  t.equal(plan?.version, 2)
  t.equal((await client.remote(plan!.id)).toString(), 'plan 2')
  t.equal(after.get('Made/new.txt')?.version, 2, 'a save through a temporary name is a version')
  t.equal((await client.remote(after.get('Made/new.txt')!.id)).toString(), 'newer')
  t.equal([...after.keys()].filter((path) => path.startsWith('Made/')).length, 2)

  await client.write('Made/empty.txt', '')
  if (traits.emptyMultipartFile === 'accepted') {
    await client.settle()
    t.equal((await client.tree()).get('Made/empty.txt')?.size, 0)
  } else {
    await client.until('the empty file is told to be refused', async () => (await client.failures()).some((failure) => failure.startsWith('empty.txt')))
    t.ok(await client.has('Made/empty.txt'), 'it stays here')
    await client.write('Made/empty.txt', 'no more')
    await client.settle()
    t.equal((await client.tree()).get('Made/empty.txt')?.size, 7)
  }
}

async function moving(t: Test, client: WholeClient): Promise<void> {
  const id = (await client.tree()).get('Made/new.txt')?.id
  await client.rename('Made/new.txt', 'Made/renamed.txt')
  await client.settle()
  await client.rename('Made/renamed.txt', 'Projects/moved.txt')
  await client.rename('Projects/Deep', 'Made/Deeper')
  await client.settle()
  await client.rename('Made/Deeper', 'Made/deeper')
  await client.settle()
  const tree = await client.tree()
  t.equal(tree.get('Projects/moved.txt')?.id, id)
  t.ok(tree.has('Made/deeper/deep.txt'))
  t.notOk(tree.has('Projects/Deep'))
}

async function deleting(t: Test, client: WholeClient, traits: Traits): Promise<void> {
  const { id } = (await client.tree()).get('Projects/old.txt')!
  await client.unlink('Projects/old.txt')
  await client.unlink('Made/deeper/deep.txt')
  await client.rmdir('Made/deeper')
  await client.settle()
  const tree = await client.tree()
  for (const path of ['Projects/old.txt', 'Made/deeper']) t.notOk(tree.has(path), path)
  await client.act('restore', { id })
  await client.settle()
  t.ok(await client.has('Projects/old.txt'), 'what was restored on the web is here again')
  t.equal(await client.text('Projects/old.txt'), 'old')

  await client.unlink(`Projects/${LONG_NAME}`)
  if (traits.trashOfLongNames === 'works') {
    await client.settle()
    t.notOk((await client.tree()).has(`Projects/${LONG_NAME}`))
  } else {
    await client.until('the deletion is told to be refused', async () => (await client.failures()).length > 0)
    t.ok((await client.tree()).has(`Projects/${LONG_NAME}`))
    await client.act('trash', { path: `Projects/${LONG_NAME}` })
    await client.settle()
    t.same(await client.failures(), [], 'deleted there too, it is no failure any more')
  }
}

async function remoteChanges(t: Test, client: WholeClient): Promise<void> {
  await client.act('rename', { path: 'Projects/old.txt', name: 'older.txt' })
  await client.act('write', { path: 'Projects/plan.txt', content: 'plan of a colleague' })
  await client.act('mkdir', { path: 'Archive' })
  await client.act('move', { path: 'Projects/moved.txt', to: 'Archive' })
  const trashed = await client.act('write', { path: 'Projects/fleeting.txt', content: 'fleeting' })
  await client.settle()
  t.same(await client.list('Projects'), ['fleeting.txt', 'large.bin', 'older.txt', 'plan.txt'])
  t.equal(await client.text('Projects/plan.txt'), 'plan of a colleague')
  t.same(await client.list('Archive'), ['moved.txt'])
  await client.act('trash', { id: trashed.id })
  await client.settle()
  t.notOk(await client.has('Projects/fleeting.txt'), 'a deletion on the web')
}

async function conflict(t: Test, client: WholeClient): Promise<void> {
  await client.core.setPaused(true)
  await client.write('Projects/plan.txt', 'mine')
  await client.act('write', { path: 'Projects/plan.txt', content: 'theirs' })
  await client.core.setPaused(false)
  await client.settle()
  const tree = await client.tree()
  const plans = [...tree.values()].filter(({ path }) => path.startsWith('Projects/plan'))
  const contents = await Promise.all(plans.map(({ id }) => client.remote(id)))
  t.same(contents.map(String).sort(), ['mine', 'theirs'], 'both are kept on the portal')
}

async function links(t: Test, client: WholeClient, traits: Traits): Promise<void> {
  await client.write('Sales/price.txt', 'new price')
  await client.write('Sales/offer.txt', 'offer')
  await client.settle()
  const sales = await client.tree(COMPANY)
  t.equal((await client.remote(sales.get('Sales/price.txt')!.id)).toString(), 'new price')
  t.ok(sales.has('Sales/offer.txt'))

  await client.rename('Sales', 'Our sales')
  await client.settle()
  t.equal((await client.tree()).get('Our sales')?.type, 'link')
  t.ok((await client.tree(COMPANY)).has('Sales/offer.txt'), 'the real folder keeps its name')
  if (traits.moveOfLink === 'moves') {
    await client.rename('Our sales', 'Archive/Our sales')
    await client.settle()
    t.equal((await client.tree()).get('Archive/Our sales')?.type, 'link')
    await client.rename('Archive/Our sales', 'Our sales')
    await client.settle()
  }
  // Across drives the portal moves nothing: a program copies and deletes.
  await t.rejects(client.rename('Projects/older.txt', 'Our sales/older.txt'), { code: 'cross-storage' })

  await client.unlink('Our sales/offer.txt')
  await client.settle()
  t.notOk((await client.tree(COMPANY)).has('Sales/offer.txt'))
  await client.act('rights', { storage: COMPANY, path: 'Sales', level: 'none' })
  await client.settle()
  t.notOk(await client.has('Our sales'), 'without the right the link is gone')
  t.ok((await client.tree(COMPANY)).has('Sales/price.txt'), 'and nothing of it is deleted')
}

async function everythingIsTheSame(t: Test, client: WholeClient): Promise<void> {
  t.same(await client.failures(), [])
  const remote = [...(await client.tree()).values()].filter(({ type }) => type !== 'link')
  const here: string[] = []
  const folders = ['']
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const name of await client.list(folder)) {
      const path = folder === '' ? name : `${folder}/${name}`
      here.push(path)
      const row = remote.find((each) => each.path === path)
      if (row?.type === 'folder') folders.push(path)
      else if (row !== undefined) t.ok((await client.read(path)).equals(await client.remote(row.id)), path)
    }
  }
  t.same(here.sort(), remote.map(({ path }) => path).sort())
}

let bytes: Buffer | undefined
function large(): Buffer {
  bytes ??= Buffer.from(Uint32Array.from({ length: LARGE_BYTES / 4 }, (_each, index) => Math.imul(index + 1, 0x9e3779b1)).buffer)
  return bytes
}
