import t from 'tap'
import { asIno, asRemoteId, asStorageId, ROOT_INO, type Ino, type RemoteId } from '../../src/base/ids.js'
import type { ItemState, RemoteFile, RemoteFolder, RemoteItem } from '../../src/drive/drive.js'
import { connectedId } from '../../src/mirror/connected-rows.js'
import type { Base, Item } from '../../src/mirror/item.js'
import { judgeAbsence, planGone, planOrphan, type OrphanFacts } from '../../src/watch/absence-plan.js'
import { diffListing, type BasedItem } from '../../src/watch/diff-listing.js'
import { exclusionOf } from '../../src/watch/exclusion.js'
import { FolderListing, pageStarts } from '../../src/watch/folder-listing.js'
import { ListingRamp } from '../../src/watch/listing-ramp.js'
import { planNames } from '../../src/watch/plan-names.js'
import { planRow } from '../../src/watch/row-plan.js'
import { planSurvivors } from '../../src/watch/survivors.js'
import { planTurn, type ScheduleState } from '../../src/watch/watch-schedule.js'

const FOLDER = asIno(2)
const OTHER = asIno(3)

function base(change: Partial<Base> = {}): Base {
  return { id: asRemoteId('10'), realId: asRemoteId('10'), storageId: asStorageId('1'), parent: FOLDER, name: 'a', version: 1, blobId: '100', sizeBytes: 5, updatedMs: 1000, code: null, trashed: false, mayBeLive: false, ...change }
}

function item(change: Partial<Item> = {}): BasedItem {
  const made: Item = {
    ino: asIno(5), kind: 'file', parent: FOLDER, name: 'a', mode: 0o644, sizeBytes: 5, mtimeMs: 1000, ctimeMs: 1000, contentId: null, contentGeneration: 0,
    localOnly: false, pinned: false, deleted: false, excluded: false, placeChangedMs: null, listedMs: null, base: base(), ...change,
  }
  return made as BasedItem
}

function file(change: Partial<RemoteFile> = {}): RemoteFile {
  return {
    kind: 'file', id: asRemoteId('10'), name: 'a', code: null, storageId: asStorageId('1'), parentId: asRemoteId('2000'), deletedType: 0, createdMs: 1, updatedMs: 1000, createdBy: '1',
    updatedBy: '1', detailUrl: null, version: 1, blobId: '100', sizeBytes: 5, downloadUrl: '', ...change,
  }
}

function folder(change: Partial<RemoteFolder> = {}): RemoteFolder {
  return {
    kind: 'folder', id: asRemoteId('10'), realId: asRemoteId('10'), name: 'a', code: null, storageId: asStorageId('1'), parentId: asRemoteId('2000'), deletedType: 0, createdMs: 1,
    updatedMs: 1000, createdBy: '1', updatedBy: '1', detailUrl: null, ...change,
  }
}

const CLEAN = { dirty: false, guarded: false, inTrash: false }
const DIRTY = { ...CLEAN, dirty: true }
const IN_TRASH = { ...CLEAN, inTrash: true }
const NEWER = { version: 2, blobId: '101', updatedMs: 2000 }

await t.test('a row and what the portal has of it make a plan by the decision table', (t) => {
  const table: readonly (readonly [string, Item, RemoteItem, typeof CLEAN, object])[] = [
    ['C1: nothing differs', item(), file(), CLEAN, { rule: 'C1', rebase: false }],
    ['C6: a newer content drops the bytes', item(), file(NEWER), CLEAN, { rule: 'C6', content: 'drop', follow: false, rebase: true }],
    ['C6: a version that the portal joined has another blob', item(), file({ blobId: '101' }), CLEAN, { rule: 'C6', content: 'drop' }],
    ['C6 with C10: newer and renamed', item(), file({ ...NEWER, name: 'b' }), CLEAN, { content: 'drop', follow: true, rebasePlace: true }],
    ['C7: an edit holds the base content', item(), file(NEWER), DIRTY, { rule: 'C7', content: 'hold', rebase: true }],
    ['C9: deleted here, newer there', item({ parent: null, deleted: true }), file(NEWER), CLEAN, { rule: 'C9', follow: true, content: 'drop' }],
    ['C4: deleted here, renamed there', item({ parent: null, deleted: true }), file({ name: 'b' }), CLEAN, { rule: 'C4', follow: false, rebasePlace: true }],
    ['C10: renamed there', item(), file({ name: 'b' }), CLEAN, { rule: 'C10', follow: true, content: 'same' }],
    ['C12: moved to the same place on both sides', item({ base: base({ parent: OTHER }) }), file(), CLEAN, { rule: 'C12', follow: true }],
    ['C10: moved there', item({ parent: OTHER, base: base({ parent: OTHER }) }), file(), CLEAN, { rule: 'C10', follow: true }],
    ['C11: moved there, edited here', item({ parent: OTHER, base: base({ parent: OTHER }) }), file(), DIRTY, { rule: 'C11', follow: true, content: 'same' }],
    ['C12: renamed on both sides', item({ name: 'mine' }), file({ name: 'theirs' }), CLEAN, { rule: 'C12', follow: true }],
    ['C12 is for people: our own name on the way, whose request was never answered, is no rename of theirs', item({ name: 'mine' }), file({ name: 'a.~moving-0123abcd' }), CLEAN, { follow: false, rebasePlace: true, rebase: true }],
    ['C3 is not undone: renamed here only', item({ name: 'mine' }), file(), CLEAN, { rule: 'C1', follow: false, rebase: false }],
    ['C13: only the time', item(), file({ updatedMs: 2000 }), CLEAN, { rule: 'C13', follow: false, content: 'same', rebase: true }],
    ['C13: only the code', item(), file({ code: 'RECORDED' }), CLEAN, { rule: 'C13', rebase: true }],
    ['C26: excluded', item({ excluded: true }), file({ name: 'b' }), CLEAN, { rule: 'C26', rebase: false }],
    ['our own request is newer', item(), file({ ...NEWER, name: 'b' }), { ...CLEAN, guarded: true }, { rule: 'guarded', follow: false, rebase: false }],
    ['another kind under the id', item(), folder(), CLEAN, { rule: 'replaced', rebase: false }],
    ['C4: in the trash here, not sent yet, renamed there', item({ parent: OTHER }), file({ name: 'b' }), IN_TRASH, { rule: 'C4', follow: false, rebasePlace: true }],
    ['C9: in the trash here, newer there', item({ parent: OTHER }), file(NEWER), IN_TRASH, { rule: 'C9', follow: true, content: 'drop' }],
    ['C9: in the trash here, newer there and edited here', item({ parent: OTHER }), file(NEWER), { ...IN_TRASH, dirty: true }, { rule: 'C9', follow: true, content: 'hold' }],
    ['C18: in the trash of both, restored there', item({ parent: OTHER, base: base({ trashed: true }) }), file(), IN_TRASH, { rule: 'C18', follow: true, content: 'same', rebase: true }],
    ['C4: in the trash of both, come back with its folder only', item({ parent: OTHER, base: base({ trashed: true, mayBeLive: true }) }), file({ updatedMs: 2000 }), IN_TRASH, { rule: 'C4', follow: false }],
    ['C18: taken out of the trash on both sides', item({ base: base({ trashed: true }) }), file(), CLEAN, { rule: 'C18', follow: false, content: 'same', rebase: true }],
  ]
  for (const [name, row, remote, facts, expected] of table) t.match(planRow(row as BasedItem, FOLDER, remote, facts), expected, name)
  t.end()
})

await t.test('the word about an id decides what its absence from a listing means (gate of section 11)', (t) => {
  const parent = asRemoteId('2000')
  const table: readonly (readonly [string, ItemState, object])[] = [
    ['no word', { state: 'unknown', error: new Error('503') }, { kind: 'stays' }],
    ['there after all', { state: 'live', item: file() }, { kind: 'stays' }],
    ['moved (C10)', { state: 'live', item: file({ parentId: asRemoteId('3000') }) }, { kind: 'elsewhere', parentId: '3000' }],
    ['trashed (C14)', { state: 'trashed', item: file({ deletedType: 3 }) }, { kind: 'gone', rule: 'C14' }],
    ['destroyed (C14)', { state: 'not-found' }, { kind: 'gone', rule: 'C14' }],
    ['access lost (C19)', { state: 'forbidden' }, { kind: 'gone', rule: 'C19' }],
    ['another kind', { state: 'live', item: folder() }, { kind: 'gone', rule: 'C14' }],
  ]
  for (const [name, state, expected] of table) t.match(judgeAbsence(item(), parent, state), expected, name)
  const connected = item({ kind: 'folder', parent: ROOT_INO, base: base({ id: connectedId(asRemoteId('10')), parent: ROOT_INO }) })
  const ofConnected: typeof table = [
    ['a storage is below nothing, and stays', { state: 'live', item: folder({ parentId: null }) }, { kind: 'stays' }],
    ['a folder of one, moved within it, stays', { state: 'live', item: folder({ parentId: asRemoteId('3000') }) }, { kind: 'stays' }],
    ['no word', { state: 'unknown', error: new Error('503') }, { kind: 'stays' }],
    ['trashed there (C19)', { state: 'trashed', item: folder({ deletedType: 4 }) }, { kind: 'gone', rule: 'C19' }],
    ['destroyed (C19)', { state: 'not-found' }, { kind: 'gone', rule: 'C19' }],
    ['access lost (C19)', { state: 'forbidden' }, { kind: 'gone', rule: 'C19' }],
  ]
  for (const [name, state, expected] of ofConnected) t.match(judgeAbsence(connected, parent, state), expected, `connected here: ${name}`)
  t.end()
})

await t.test('what is gone is removed, kept or dissolved', (t) => {
  t.equal(planGone(item(), CLEAN), 'remove', 'C14')
  t.equal(planGone(item(), DIRTY), 'keep', 'C15')
  t.equal(planGone(item({ deleted: true }), DIRTY), 'remove', 'C16')
  t.equal(planGone(item({ kind: 'folder' }), CLEAN), 'dissolve', 'C17')
  t.equal(planGone(item(), { ...DIRTY, guarded: true }), 'leave', 'a request of ours decides')
  t.equal(planGone(item(), IN_TRASH), 'leave', 'the trash here is emptied by nobody else')
  t.equal(planGone(item({ base: base({ trashed: true }) }), CLEAN), 'leave', 'it is about to be restored')
  const orphan = (row: Partial<Item>, facts: Partial<OrphanFacts>): string => planOrphan(item(row), { ...CLEAN, isGone: true, parentIsNew: false, ...facts })
  t.equal(orphan({}, {}), 'remove', 'C17: clean')
  t.equal(orphan({}, { dirty: true }), 'recover', 'C17: edited')
  t.equal(orphan({}, { dirty: true, parentIsNew: true }), 'keep', 'edited, in a folder made here')
  t.equal(orphan({ base: null }, {}), 'recover', 'C17: new')
  t.equal(orphan({ base: null }, { parentIsNew: true }), 'leave', 'new in a new folder: goes along')
  t.equal(orphan({}, { isGone: false }), 'send-back', 'moved in here, alive there')
  t.equal(orphan({}, { isGone: false, parentIsNew: true }), 'leave')
  t.equal(orphan({ base: null, localOnly: true, name: '.~lock.a.odt#' }, {}), 'remove')
  t.equal(orphan({ base: null, localOnly: true, name: '.a.swp' }, {}), 'recover')
  t.equal(orphan({}, { inTrash: true }), 'leave', 'the folder is in the trash here')
  t.end()
})

await t.test('C26: what never synchronizes is told from what a person does not want', (t) => {
  const of = (id: string, code: string | null): string | undefined => exclusionOf({ id: asRemoteId(id), code }, new Set([asRemoteId('10')]))
  t.same([of('10', null), of('11', null), of('10', 'FOR_UPLOADED_FILES'), of('11', 'FOR_DROPBOX_FILES'), of('11', 'FOR_CREATED_FILES')], ['deselected', undefined, 'excluded', 'excluded', undefined])
  t.end()
})

await t.test('a listing is compared with the rows of its folder', (t) => {
  const stamp = { mark: 0, turn: 1 }
  const NONE = new Set<RemoteId>()
  const rows = [item(), item({ ino: asIno(6), base: base({ id: asRemoteId('11'), name: 'b' }) }), item({ ino: asIno(7), base: base({ id: asRemoteId('12'), name: 'c' }) })]
  const items = [file(), file({ id: asRemoteId('11'), name: 'b2' }), file({ id: asRemoteId('13'), name: 'd' }), file({ id: asRemoteId('14'), deletedType: 3 })]
  const whole = diffListing({ folder: FOLDER, stamp, items, complete: true }, rows, NONE)
  t.same(whole.present.map(({ id }) => id), ['11', '13'], 'the row that differs, then the unknown item; nothing that is trashed')
  t.same(whole.missing.map(({ base: { id } }) => id), ['12'])
  t.same(diffListing({ folder: FOLDER, stamp, items, complete: false }, rows, NONE).missing, [], 'a listing with holes tells nothing of absence')
  t.same(diffListing({ folder: FOLDER, stamp, items: [], complete: true }, rows, NONE).missing.length, 3, 'an empty one makes candidates, not conclusions')
  const hidden = (change: Partial<RemoteFile>, unselected: readonly string[]): number =>
    diffListing({ folder: FOLDER, stamp, items: [file(change)], complete: true }, [item({ excluded: true })], new Set(unselected.map(asRemoteId))).present.length
  t.equal(hidden({}, ['10']), 0, 'C26: what is not wanted and did not change is no news')
  t.equal(hidden({ name: 'b' }, ['10']), 1, 'its name is followed')
  t.equal(hidden({}, ['11']), 1, 'anything else that is not shown may be shown now')
  const connected = item({ kind: 'folder', base: base({ id: connectedId(asRemoteId('77')), realId: asRemoteId('77') }) })
  t.same(diffListing({ folder: FOLDER, stamp, items: [], complete: true }, [connected], NONE).missing, [], 'what was connected here is in no list')
  t.end()
})

await t.test('names are given where they are free, exchanged within a listing, and never taken from what is not sent yet', (t) => {
  const wish = (ino: number | undefined, name: string): { ino: Ino | undefined; name: string } => ({ ino: ino === undefined ? undefined : asIno(ino), name })
  const standing = (ino: number, name: string, change: Partial<Item> = {}): Item => item({ ino: asIno(ino), name, base: base({ name }), ...change })
  const names = (wishes: readonly { name: string }[]): readonly string[] => wishes.map(({ name }) => name)
  const swap = planNames([wish(1, 'b'), wish(2, 'a')], [standing(1, 'a'), standing(2, 'b')])
  t.same(names(swap.granted), ['b', 'a'])
  const ring = planNames([wish(1, 'b'), wish(2, 'c')], [standing(2, 'b'), standing(3, 'c', { base: null })])
  t.same(names(ring.blocked), ['b', 'c'], 'a chain stops where something unsent stands')
  t.same(names(planNames([wish(undefined, 'a')], [standing(2, 'A', { base: null })]).blocked), ['a'], 'C22: by case')
  t.same(names(planNames([wish(undefined, 'a')], [standing(2, 'A')]).granted), ['a'], 'what the portal has itself may differ by case')
  t.same(names(planNames([wish(undefined, 'a')], [standing(2, 'a', { base: base({ name: 'z' }) })]).blocked), ['a'], 'a rename that waits to be sent')
  const local = planNames([wish(undefined, 'a')], [standing(2, 'a', { base: null, localOnly: true })])
  t.same(names(local.granted), ['a'])
  t.same(local.forked.map(({ ino }) => ino), [2])
  const connected = planNames([wish(undefined, 'a')], [standing(2, 'a', { kind: 'folder', base: base({ id: connectedId(asRemoteId('77')), name: 'a' }) })])
  t.same([names(connected.granted), connected.forked.map(({ ino }) => ino)], [['a'], [2]], 'what was connected here has its name from nobody')
  t.same(names(planNames([wish(undefined, 'a'), wish(undefined, 'a')], []).blocked), ['a'], 'two of one name')
  t.end()
})

await t.test('pages make a listing only when they fit together', (t) => {
  let turn = 0
  const listing = (expectedItems = 0): FolderListing =>
    new FolderListing({ folder: FOLDER, remoteId: asRemoteId('2000'), expectedItems, newStamp: () => ({ mark: 0, turn: (turn += 1) }) })
  const items = (from: number, count: number): readonly RemoteItem[] => Array.from({ length: count }, (_, index) => file({ id: asRemoteId(String(from + index)) }))
  const give = (to: FolderListing, start: number, total: number, list: readonly RemoteItem[], unreadable = 0): void => {
    to.take(start, { ok: true, value: { items: list, unreadable, total, next: undefined } })
  }
  const listed = (of: FolderListing): { items: number; complete: boolean } | undefined => (of.result?.kind === 'listed' ? { items: of.result.listed.items.length, complete: of.result.listed.complete } : undefined)

  const whole = listing()
  t.same(whole.wanted().map(({ start }) => start), [0])
  give(whole, 0, 70, items(1, 50))
  whole.settle()
  t.same(whole.wanted().map(({ start }) => start), [50])
  give(whole, 50, 70, items(51, 20))
  whole.settle()
  t.same(listed(whole), { items: 70, complete: true })

  const torn = listing(70)
  for (let attempt = 0; attempt < 3; attempt += 1) {
    t.equal(listed(torn), undefined)
    give(torn, 0, 70, items(1, 50))
    give(torn, 50, 69, items(52, 19))
    torn.settle()
  }
  t.same(listed(torn), { items: 69, complete: false }, 'after three tries it is shown and nothing is concluded')

  const short = listing()
  give(short, 0, 3, items(1, 2))
  short.settle()
  t.equal(listed(short), undefined, 'two of three: again')
  give(short, 0, 3, items(1, 3))
  short.settle()
  t.same(listed(short), { items: 3, complete: true })

  const lesser = listing()
  for (let attempt = 0; attempt < 2; attempt += 1) {
    t.equal(listed(lesser), undefined)
    give(lesser, 0, 3, items(1, 2))
    lesser.settle()
  }
  t.same(listed(lesser), { items: 2, complete: true }, 'the total counts what we are not shown: the same twice is all there is')

  const changing = listing()
  for (const from of [1, 2, 3]) {
    give(changing, 0, 3, items(from, 2))
    changing.settle()
  }
  t.same(listed(changing), { items: 2, complete: false }, 'but not when it differs')

  const unreadable = listing()
  give(unreadable, 0, 3, items(1, 2), 1)
  unreadable.settle()
  t.same(listed(unreadable), { items: 2, complete: false })

  const half = listing(100)
  give(half, 0, 100, items(1, 50))
  half.take(50, { ok: false, error: new Error('500') })
  half.settle()
  t.equal(half.result?.kind, 'failed')

  const absurd = listing()
  give(absurd, 0, 1e12, [])
  t.equal(absurd.result?.kind, 'failed')
  t.same(pageStarts(0), [0])
  t.same(pageStarts(101), [0, 50, 100])
  t.end()
})

await t.test('listing ahead grows with a walk and starts anew after a pause', (t) => {
  const ramp = new ListingRamp()
  t.same([0, 100, 200, 300, 400].map((nowMs) => ramp.next(nowMs)), [1, 4, 16, 50, 50])
  ramp.answered(3_000)
  t.equal(ramp.next(7_900), 50, 'a slow answer is no pause')
  t.equal(ramp.next(13_000), 1)
  t.end()
})

/** Looks of an hour in this state. */
function hourOf(state: Partial<ScheduleState>): { hot: number; cold: number } {
  let [lastHotMs, lastColdMs, hot, cold] = [0, 0, 0, 0]
  for (let nowMs = 0; nowMs < 3_600_000; ) {
    const turn = planTurn({ ...QUIET, ...state, lastHotMs, lastColdMs }, nowMs)
    if (turn.hot) [lastHotMs, hot] = [nowMs, hot + 1]
    if (turn.cold) [lastColdMs, cold] = [nowMs, cold + 1]
    nowMs += planTurn({ ...QUIET, ...state, lastHotMs, lastColdMs }, nowMs).restMs
  }
  return { hot, cold }
}

const QUIET: ScheduleState = { inUse: true, hotRequests: 1, passDue: false, used: 0, hurried: 0, waitedMs: 0, lastHotMs: 0, lastColdMs: 0 }

await t.test('an hour of use and an idle hour keep to their requests', (t) => {
  const use = hourOf({})
  t.ok(use.hot >= 298 && use.cold >= 250 && use.hot + use.cold <= 560, JSON.stringify(use))
  const many = hourOf({ hotRequests: 2 })
  t.ok(many.hot >= 256 && many.cold >= 40 && many.hot * 2 + many.cold <= 560, JSON.stringify(many))
  const idle = hourOf({ inUse: false })
  t.ok(idle.hot === 0 && idle.cold >= 265 && idle.cold <= 270, JSON.stringify(idle))
  t.end()
})

await t.test('what was used up already is not used again: first the others wait, then the folders in use', (t) => {
  t.equal(hourOf({ inUse: false, used: 290 }).cold, 0)
  t.match(hourOf({ used: 575 }), { hot: hourOf({}).hot, cold: 0 })
  t.match(hourOf({ used: 590 }), { hot: 29, cold: 0 })
  t.equal(planTurn({ ...QUIET, inUse: false, used: 290 }, 1e9).restMs, 60_000, 'looked at again: the hour goes on')
  t.end()
})

await t.test('a pass is hurried by a part of the hour, and the rest of the hour is less', (t) => {
  t.match(planTurn({ ...QUIET, inUse: false, passDue: true, hurried: 149 }, 2_000), { cold: true, hurried: true })
  t.match(planTurn({ ...QUIET, inUse: false, passDue: true, hurried: 150 }, 2_000), { cold: false, hurried: false })
  t.match(planTurn({ ...QUIET, inUse: false, passDue: true, used: 290 }, 2_000), { cold: false, hurried: false })
  t.match(planTurn({ ...QUIET, hotRequests: 2, passDue: true, hurried: 26 }, 2_000), { cold: false, hurried: false })
  const after = hourOf({ inUse: false, hurried: 150 })
  t.ok(after.cold >= 115 && after.cold <= 120, JSON.stringify(after))
  t.end()
})

await t.test('what fell due while a look was under way is done right after it', (t) => {
  t.match(planTurn({ ...QUIET, lastColdMs: 12_500 }, 12_500), { hot: true, cold: false, restMs: 0 })
  t.end()
})

await t.test('a look that has to wait for the portal is followed by a longer rest', (t) => {
  t.ok(hourOf({ inUse: false, waitedMs: 1_000 }).cold >= 265)
  t.ok(hourOf({ inUse: false, waitedMs: 30_000 }).cold <= 12)
  t.equal(hourOf({ waitedMs: 30_000 }).hot, hourOf({}).hot, 'folders in use are looked at all the same')
  t.end()
})

await t.test('of a folder that is gone, what is alive elsewhere outlives it, and what there is no word about stays for the next look', (t) => {
  const id = (ino: number): RemoteId => asRemoteId(`${ino}00`)
  const row = (ino: number, kind: Item['kind'], parent: number): BasedItem =>
    item({ ino: asIno(ino), kind, parent: asIno(parent), base: base({ id: id(ino), realId: id(ino), parent: asIno(parent), name: `${ino}` }) })
  // 10 is gone, with the folder 11 and the files 12 to 15 in it, and 16 in 11
  const rows = new Map([row(10, 'folder', 1), row(11, 'folder', 10), ...[12, 13, 14, 15].map((ino) => row(ino, 'file', 10)), row(16, 'file', 11)].map((each) => [each.ino, each]))
  const liveIn = (ino: number, parent: number): ItemState => ({ state: 'live', item: ino === 11 ? folder({ id: id(11), realId: id(11), parentId: id(parent) }) : file({ id: id(ino), parentId: id(parent) }) })
  const unknown: ItemState = { state: 'unknown', error: new Error('no word') }
  const trashed: ItemState = { state: 'trashed', item: file() }
  const plan = (states: readonly (readonly [number, ItemState | undefined])[]): object => {
    const { moved, kept } = planSurvivors([{ folder: rows.get(asIno(10))!, rows }], new Map(states.map(([ino, state]) => [asIno(ino), state])))
    return { moved: moved.map(({ row: { ino } }) => Number(ino)), kept: [...kept].map(Number).sort() }
  }
  t.same(plan([[11, trashed], [12, trashed], [13, trashed]]), { moved: [], kept: [] }, 'all of it in the trash')
  t.same(plan([[12, liveIn(12, 10)], [16, liveIn(16, 11)]]), { moved: [], kept: [] }, 'called alive, but in the folders that are gone')
  t.same(plan([[12, liveIn(12, 99)], [13, unknown], [14, undefined]]), { moved: [12], kept: [12, 13, 14] })
  t.same(plan([[11, liveIn(11, 99)], [15, liveIn(15, 11)]]), { moved: [11, 15], kept: [11, 15, 16] }, 'a folder takes along what is in it, and what was moved into it before')
  const later = row(17, 'folder', 10)
  const wide = new Map([...rows, [later.ino, later] as const])
  const states = new Map([[asIno(11), liveIn(11, 17)], [asIno(17), { state: 'live', item: folder({ id: id(17), parentId: id(99) }) }]] as const)
  const { moved, kept } = planSurvivors([{ folder: rows.get(asIno(10))!, rows: wide }], states)
  t.same([moved.map(({ row: { ino } }) => Number(ino)), [...kept].map(Number).sort()], [[17, 11], [11, 16, 17]], 'a folder that was moved into a later one, which was moved out')
  t.end()
})
