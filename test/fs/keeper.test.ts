// What is kept here though nobody reads it: pins, and placeholders that were renamed.
import t, { type Test } from 'tap'
import { WholeClient } from '../support/whole-client.js'
import type { Ino } from '../../src/base/ids.js'
import type { Item } from '../../src/mirror/item.js'

const NOT_ABORTED = new AbortController().signal

t.setTimeout(120_000)

async function start(t: Test): Promise<WholeClient> {
  const client = await WholeClient.start(t)
  for (const path of ['Docs/a.txt', 'Docs/b.txt', 'Docs/Open/d.txt', 'Docs/Open/Deep/e.txt', 'Other/f.txt']) await client.act('write', { path, content: path })
  await client.list('Docs')
  return client
}

async function item(client: WholeClient, ...names: readonly string[]): Promise<Item> {
  const found = await client.core.mirror.find(names)
  if (found === undefined) throw new Error(`${names.join('/')} is not known here`)
  return found
}

async function presentBytes(client: WholeClient, ...names: readonly string[]): Promise<number> {
  return client.core.presentBytes(await item(client, ...names))
}

/** The first failure that is told of the file. */
async function failure(client: WholeClient, ino: Ino, isIt: (nextTryMs: number, sinceMs: number) => boolean = () => true): Promise<{ readonly code: string; readonly sinceMs: number; readonly nextTryMs: number }> {
  const { fetches } = client.core.keeper
  const found = (): ReturnType<typeof fetches.failures.get> => fetches.failures.get(ino)
  await client.until('the failure is told', () => Promise.resolve(((failed) => failed !== undefined && isIt(failed.nextTryMs, failed.sinceMs))(found())))
  return found()!
}

const REFUSAL = { method: 'disk.folder.getchildren', kind: 'status', status: 403, error: 'ACCESS_DENIED' }

await t.test('a folder that the portal refuses to list keeps nobody from the others, nobody waits for it, and it comes when it may', async (t) => {
  const client = await WholeClient.start(t)
  for (const path of ['Docs/a.txt', 'Other/f.txt']) await client.act('write', { path, content: path })
  await client.list()
  const { keeper } = client.core
  await client.hook('faults', { ...REFUSAL, times: 1_000_000 })
  for (const name of ['Docs', 'Other']) await t.rejects(keeper.pin(await item(client, name)), { code: 'forbidden' }, 'whoever pins is told')
  await keeper.waitUntilHere(NOT_ABORTED)
  await fetch(`${client.portal.hooks}/faults`, { method: 'DELETE' })
  await client.hook('faults', { ...REFUSAL, times: 1 })
  await keeper.waitUntilHere(NOT_ABORTED)
  t.equal(await presentBytes(client, 'Other', 'f.txt'), 'Other/f.txt'.length, 'beside one that is refused')
  await keeper.waitUntilHere(NOT_ABORTED)
  t.equal(await presentBytes(client, 'Docs', 'a.txt'), 'Docs/a.txt'.length)
})

await t.test('a listing that fails for the moment is waited for', async (t) => {
  const client = await WholeClient.start(t)
  await client.act('write', { path: 'Docs/a.txt', content: 'a' })
  await client.list()
  await client.hook('faults', { method: 'disk.folder.getchildren', kind: 'html', times: 8 })
  await t.rejects(client.core.keeper.pin(await item(client, 'Docs')))
  await client.core.keeper.waitUntilHere(NOT_ABORTED)
  t.equal(await presentBytes(client, 'Docs', 'a.txt'), 1)
})

await t.test('a pinned file that cannot be fetched is tried again ever more rarely, at once when somebody waits, and never after unpin', async (t) => {
  const client = await start(t)
  const file = await item(client, 'Docs', 'a.txt')
  const { keeper } = client.core
  await client.hook('faults', { method: 'download', kind: 'status', status: 403, times: 1_000_000 })
  await keeper.pin(file)
  const first = await failure(client, file.ino)
  t.equal(first.nextTryMs - first.sinceMs, 30_000)
  const second = await failure(client, file.ino, (nextTryMs) => nextTryMs !== first.nextTryMs)
  t.ok(second.nextTryMs - first.nextTryMs >= 60_000, 'a minute after the second attempt')
  t.equal(second.sinceMs, first.sinceMs)
  keeper.hurry()
  const hurried = await failure(client, file.ino, (nextTryMs) => nextTryMs !== second.nextTryMs)
  t.ok(hurried.nextTryMs < second.nextTryMs + 30_000, 'not a minute more')
  const waiting = keeper.waitUntilHere(NOT_ABORTED)
  await keeper.unpin(file)
  await waiting
  t.equal(keeper.fetches.pending, 0)
  t.equal(keeper.fetches.failures.size, 0)
})

await t.test('what was only renamed is given up where it cannot be fetched', async (t) => {
  const client = await start(t)
  await client.hook('faults', { method: 'download', kind: 'status', status: 403, times: 1_000_000 })
  await client.rename('Docs/a.txt', 'Docs/renamed.txt')
  t.equal(client.core.keeper.fetches.pending, 1)
  await client.core.keeper.waitUntilHere(NOT_ABORTED)
  t.equal(await presentBytes(client, 'Docs', 'renamed.txt'), 0)
})

await t.test('who waits is told when the client stops, or when nobody is to wait any more', async (t) => {
  const client = await start(t)
  await client.hook('faults', { method: 'download', kind: 'status', status: 403, times: 1_000_000 })
  const file = await item(client, 'Docs', 'a.txt')
  await client.core.keeper.pin(file)
  const over = new AbortController()
  const first = t.rejects(client.core.keeper.waitUntilHere(over.signal), { code: 'cancelled' })
  const second = t.rejects(client.core.keeper.waitUntilHere(NOT_ABORTED), { code: 'cancelled' })
  await failure(client, file.ino)
  over.abort()
  await first
  await client.core.keeper.stop()
  await second
})
