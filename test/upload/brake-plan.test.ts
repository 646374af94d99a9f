/** When the brake pulls, by tables: how many of what storage within which time, and what belongs to one deletion. */
import t from 'tap'
import { asContentId, asIno, asRemoteId, asStorageId, ROOT_INO, type Ino, type StorageId } from '../../src/base/ids.js'
import { countsNeeded, planBrake, type Deletion, type Gone } from '../../src/brake/brake-plan.js'
import type { BrakeMark } from '../../src/brake/brake-rows.js'
import type { Item } from '../../src/mirror/item.js'
import { groupDeletions, type Surroundings } from '../../src/upload/deletion-groups.js'
import { isKnown, type KnownItem } from '../../src/upload/sending.js'

const OWN = asStorageId('11')
const OTHER = asStorageId('13')
const MINUTE_MS = 60_000

function deletion(ino: number, items: number, change: Partial<Deletion> = {}): Deletion {
  return { ino: asIno(ino), storageId: OWN, atMs: 0, items, isHeld: false, ...change }
}

function gone(items: number, change: Partial<Gone> = {}): Gone {
  return { storageId: OWN, atMs: 0, items, ...change }
}

type Row = readonly [what: string, deletions: readonly Deletion[], went: readonly Gone[], knownItems: number, held: readonly number[]]

const TABLE: readonly Row[] = [
  ['100 of 100 go', [deletion(2, 100)], [], 100, []],
  ['101 of 200 are held', [deletion(2, 101)], [], 200, [2]],
  ['150 of 750, which is 20 %, go', [deletion(2, 150)], [], 750, []],
  ['151 of 750 are held', [deletion(2, 151)], [], 750, [2]],
  ['many small ones are added up', [deletion(2, 50), deletion(3, 50), deletion(4, 1)], [], 300, [2, 3, 4]],
  ['exactly a minute apart is within a minute', [deletion(2, 60), deletion(3, 60, { atMs: MINUTE_MS })], [], 300, [2, 3]],
  ['more than a minute apart is not', [deletion(2, 60), deletion(3, 60, { atMs: MINUTE_MS + 1 })], [], 300, []],
  ['the minute slides', [deletion(2, 60), deletion(3, 60, { atMs: MINUTE_MS + 1 }), deletion(4, 60, { atMs: 2 * MINUTE_MS })], [], 300, [3, 4]],
  ['the order they come in does not matter', [deletion(4, 60, { atMs: 2 * MINUTE_MS }), deletion(2, 60), deletion(3, 60, { atMs: MINUTE_MS + 1 })], [], 300, [3, 4]],
  ['what is held stays held, however little it is', [deletion(2, 1, { isHeld: true })], [], 300, [2]],
  ['one more in the minute of what is held is held', [deletion(2, 101, { isHeld: true }), deletion(3, 1, { atMs: 30_000 })], [], 300, [2, 3]],
  ['one more afterwards goes', [deletion(2, 101, { isHeld: true }), deletion(3, 1, { atMs: MINUTE_MS + 1 })], [], 300, [2]],
  ['what was sent in the minute counts', [deletion(2, 1)], [gone(100)], 200, [2]],
  ['what was sent was part of the storage: 101 of 506', [deletion(2, 1)], [gone(100)], 406, []],
  ['what was sent before the minute does not count', [deletion(2, 1, { atMs: MINUTE_MS + 1 })], [gone(100)], 200, []],
  ['what went alone holds nothing', [], [gone(500)], 10, []],
  ['another storage is another matter', [deletion(2, 60), deletion(3, 60, { storageId: OTHER })], [], 100, []],
]

for (const [what, deletions, went, knownItems, held] of TABLE) {
  await t.test(what, (t) => {
    const known = new Map<StorageId, number>([...countsNeeded(deletions, went)].map(([storageId, atMost]) => [storageId, Math.min(atMost, knownItems)]))
    t.same([...planBrake(deletions, went, known)].sort((a, b) => a - b), held)
    t.end()
  })
}

await t.test('nothing is counted for a few deletions', (t) => {
  t.equal(countsNeeded([deletion(2, 100)], []).size, 0)
  t.same([...countsNeeded([deletion(2, 90)], [gone(11)])], [[OWN, 505]])
  t.end()
})

// ---- what belongs together ----------------------------------------------------------------------------------------------

function row(ino: number, parent: number, change: Partial<Item> & { readonly realId?: string; readonly storageId?: StorageId } = {}): KnownItem {
  const { realId = String(ino), storageId = OWN, ...fields } = change
  const item: Item = {
    ino: asIno(ino), kind: 'folder', parent: null, name: `n${ino}`, mode: 0o644, sizeBytes: 0, mtimeMs: 0, ctimeMs: 0, contentId: null, contentGeneration: 0,
    localOnly: false, pinned: false, deleted: true, excluded: false, placeChangedMs: ino, listedMs: 1,
    base: { id: asRemoteId(String(ino)), realId: asRemoteId(realId), storageId, parent: asIno(parent), name: `n${ino}`, version: 0, blobId: '', sizeBytes: 0, updatedMs: 0, code: null, trashed: false, mayBeLive: false },
    ...fields,
  }
  if (!isKnown(item)) throw new Error('it has a base')
  return item
}

function file(ino: number, parent: number, change: Parameters<typeof row>[2] = {}): KnownItem {
  return row(ino, parent, { kind: 'file', contentId: asContentId(ino), ...change })
}

function group(tombstones: readonly KnownItem[], change: Partial<Surroundings> = {}): readonly string[] {
  const { groups, undecided } = groupDeletions(tombstones, { above: new Map(), standingBelow: new Map(), marks: new Map(), linkQuietSinceMs: 1_000, ...change })
  const words = groups.map(({ ino, items, members, isHeld, atMs }) => `${ino} at ${atMs}: ${items}, ${members.join('+')}${isHeld ? ' held' : ''}`)
  return [...words, ...undecided.map(({ ino }) => `${ino} undecided`)]
}

function marks(...all: readonly (readonly [number, BrakeMark['state']])[]): ReadonlyMap<Ino, BrakeMark> {
  return new Map(all.map(([ino, state]) => [asIno(ino), { state, sinceMs: 0, items: 1 }]))
}

const LINK = { realId: '900' }
const STANDS = { deleted: false, parent: ROOT_INO }

await t.test('a deleted folder is one deletion with everything below it, at its own time', (t) => {
  t.same(group([file(4, 3), row(3, 2), row(2, 1), file(5, 1)]), ['2 at 2: 3, 4+3+2', '5 at 5: 1, 5'])
  t.same(group([row(2, 1)], { standingBelow: new Map([[asIno(2), 7]]) }), ['2 at 2: 8, 2'], 'what stands in it still counts')
  t.same(group([file(4, 3)], { above: new Map([[asIno(3), row(3, 2, STANDS)]]) }), ['4 at 4: 1, 4'], 'a folder that stands is no part of it')
  t.end()
})

await t.test('one held item holds the folder that would take it along', (t) => {
  t.same(group([file(4, 3), row(3, 1)], { marks: marks([4, 'held']) }), ['3 at 3: 2, 4+3 held'])
  t.same(group([file(4, 3), row(3, 1)], { marks: marks([4, 'allowed']) }), ['3 at 3: 1, 3'], 'what is allowed does not count')
  t.end()
})

await t.test('what is in the trash of a file manager is deleted in the same sense, with its folder or alone', (t) => {
  const inTrash = { deleted: false, parent: asIno(90) }
  t.same(group([row(2, 1, inTrash), file(3, 2, { deleted: false, parent: asIno(2), placeChangedMs: null }), file(4, 2)]), ['2 at 2: 3, 2+3+4'])
  t.same(group([file(3, 2, inTrash), row(2, 1)]), ['2 at 2: 2, 3+2'], 'its folder was deleted')
  t.same(group([file(4, 3, inTrash), row(3, 1, LINK)]), ['4 at 4: 1, 4', '3 at 3: 1, 3'], 'it does not go with a link')
  const above = new Map([[asIno(3), row(3, 1, { ...STANDS, ...LINK })]])
  t.same(group([file(4, 3, inTrash)], { above, linkQuietSinceMs: 3 }), ['4 at 4: 1, 4'], 'and does not wait for one')
  t.end()
})

await t.test('a link is one item, whatever it leads to', (t) => {
  t.same(group([file(4, 3, { storageId: OTHER }), file(5, 3), row(3, 1, LINK)]), ['3 at 3: 1, 3'])
  const above = new Map([[asIno(3), row(3, 1, { ...STANDS, ...LINK })]])
  t.same(group([file(4, 3)], { above, linkQuietSinceMs: 3 }), ['4 undecided'], 'deleted a moment ago: the link may be next')
  t.same(group([file(4, 3)], { above, linkQuietSinceMs: 4 }), ['4 at 4: 1, 4'], 'the link stayed')
  t.end()
})
