import t from 'tap'
import { FakeClock, systemClock } from '../../src/base/clock.js'
import { asRemoteId } from '../../src/base/ids.js'
import type { ItemState, ListPage, ListPageRequest, Outcome, RemoteItem } from '../../src/drive/drive.js'
import { FIRST_FREE_ID, OWNER_STORAGE_ID, STORAGES } from '../../src/portal/seeds/seed.js'
import { folderPath, fileName, knowTree } from './known-tree.js'
import { setUp } from './scene.js'
import { TreeDrive } from './tree-drive.js'

const TREE = { folders: 120, filesEach: 55 }
const call = { priority: 'listing' } as const

const folderId = (number: number): number => FIRST_FREE_ID + number - 1
const fileId = (folder: number, file: number): number => FIRST_FREE_ID + TREE.folders + (folder - 1) * TREE.filesEach + file - 1
const remote = (id: number) => asRemoteId(String(id))
const ROOT = STORAGES.find(({ id }) => id === OWNER_STORAGE_ID)!.rootId

/** Without the addresses, which carry secrets of the portal. */
function bare<T extends RemoteItem>(item: T): T {
  return { ...item, detailUrl: null, ...(item.kind === 'file' ? { downloadUrl: '' } : {}) }
}

function barePage(outcome: Outcome<ListPage>): unknown {
  if (!outcome.ok) return 'failed'
  const { folder, items, ...rest } = outcome.value
  return { ...rest, items: items.map(bare), ...(folder === undefined ? {} : { folder: bare(folder) }) }
}

function bareState(state: ItemState): unknown {
  return state.state === 'live' || state.state === 'trashed' ? { ...state, item: bare(state.item) } : state.state
}

await t.test('the stand-in answers the same requests as the portal does, before and after colleagues have worked', async (t) => {
  const clock = new FakeClock()
  const standIn = new TreeDrive({ clock, shape: { ...TREE, fileBytes: 1_000 }, madeSec: clock.nowMs() / 1000 })
  const traits = { totalCounts: 'visible', renameSetsUpdateTime: true, listOperators: 'ignored', nameCollation: 'mysql', missingRight: 'denied', unheardOfFields: 'none' } as const
  const scene = await setUp(t, { seed: `tree:${TREE.folders}x${TREE.filesEach}`, traits, watchClock: clock, clock: { ...systemClock, nowMs: () => clock.nowMs() } })
  const path = (folder: number, name: string): string => `${folderPath(TREE, folder)}/${name}`
  const madeMs = clock.nowMs()

  const same = async (when: string): Promise<void> => {
    const sinceMs = madeMs + 60_000
    const requests: ListPageRequest[] = [ROOT, ...[1, 2, 7, 11, 12, 119, 120].map(folderId)].flatMap((id): ListPageRequest[] => [
      { folderId: remote(id), start: 0, order: 'id' },
      { folderId: remote(id), start: 50, order: 'id' },
      { folderId: remote(id), start: 0, order: 'newest', withFolder: true },
      { folderId: remote(id), start: 0, order: 'id', changedFolders: { sinceMs, after: undefined } },
      { folderId: remote(id), start: 0, order: 'id', changedFolders: { sinceMs, after: remote(folderId(11)) } },
    ])
    for (let from = 0; from < requests.length; from += 25) {
      const part = requests.slice(from, from + 25)
      const [theirs, ours] = [await scene.drive.listPages(part, call), await standIn.listPages(part)]
      t.same(ours.map(barePage), theirs.map(barePage), `pages ${when}`)
    }
    const ids = [...[ROOT, folderId(1), folderId(12)].map((id) => ({ id: remote(id), kind: 'folder' as const })), ...[1, 2, 3, 4].map((file) => ({ id: remote(fileId(12, file)), kind: 'file' as const })), { id: remote(999_999), kind: 'file' as const }]
    t.same((await standIn.itemStates(ids)).map(bareState), (await scene.drive.itemStates(ids, call)).map(bareState), `states ${when}`)
  }

  await same('of the seed')
  await clock.advance(60_000)
  t.equal(Number((await scene.act('write', { path: path(12, 'new.txt'), content: 'hello' })).id), standIn.add(folderId(12), 'new.txt', 5))
  await scene.act('write', { path: path(12, fileName(TREE, 1)), content: 'edited!' })
  standIn.edit(fileId(12, 1), 7)
  await clock.advance(2_000)
  await scene.act('rename', { path: path(2, fileName(TREE, 2)), name: 'renamed.txt' })
  standIn.rename(fileId(2, 2), 'renamed.txt')
  await scene.act('trash', { path: path(12, fileName(TREE, 3)) })
  standIn.trash(fileId(12, 3))
  await scene.act('rename', { path: path(7, fileName(TREE, 4)), name: 'guest.txt' })
  standIn.rename(fileId(7, 4), 'guest.txt')
  await clock.advance(2_000)
  await scene.act('move', { path: path(7, 'guest.txt'), to: folderPath(TREE, 11) })
  standIn.move(fileId(7, 4), folderId(11))
  await same('after changes')
})

await t.test('a mirror that was made to know a tree agrees with a listing of the whole of it', async (t) => {
  const clock = new FakeClock()
  const scene = await setUp(t, { seed: 'tree:120x55', watchClock: clock, clock: { ...systemClock, nowMs: () => clock.nowMs() } })
  await knowTree(scene, TREE, clock.nowMs())
  const before = await scene.store.read.all('SELECT * FROM items WHERE ino > 1 ORDER BY ino')
  await clock.advance(120_000)
  await scene.watch.syncAll(scene.signal)
  const withoutListing = (rows: readonly object[]): readonly object[] => rows.map((row) => ({ ...row, listed_ms: null }))
  t.same(scene.deltas, [])
  t.same(withoutListing(await scene.store.read.all('SELECT * FROM items WHERE ino > 1 ORDER BY ino')), withoutListing(before))
  t.equal(before.length, 120 * 56)
})
