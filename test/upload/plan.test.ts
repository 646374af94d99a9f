/** The plan by tables: from a row and what stands around it to one step. */
import t from 'tap'
import { asContentId, asIno, asRemoteId, asStorageId, ROOT_INO } from '../../src/base/ids.js'
import { DriveError, type ErrorCode } from '../../src/base/errors.js'
import { storedNames } from '../../src/base/names.js'
import type { Attempt, Entry } from '../../src/journal/journal.js'
import type { Base, Item } from '../../src/mirror/item.js'
import { failureScope, isRefusal, nextTryMs } from '../../src/upload/back-off.js'
import { mayBeOurs, mayBeOurVersion } from '../../src/upload/own-answer.js'
import { planStep } from '../../src/upload/plan.js'
import type { ContentFacts, Step, View } from '../../src/upload/plan-view.js'
import { temporaryName } from '../../src/base/names.js'
import { findRings } from '../../src/upload/rings.js'
import type { RemoteFile } from '../../src/drive/drive.js'

const NOW_MS = 1_000_000
const ATTEMPT: Attempt = { step: 'rename', startedServerMs: 0 }

function base(change: Partial<Base> = {}): Base {
  return {
    id: asRemoteId('70'), realId: asRemoteId('70'), storageId: asStorageId('1'), parent: ROOT_INO, name: 'a', version: 3, blobId: 'b3', sizeBytes: 10, updatedMs: 0, code: null, trashed: false, mayBeLive: false,
    ...change,
  }
}

function row(change: Partial<Item> = {}): Item {
  return {
    ino: asIno(7), kind: 'file', parent: ROOT_INO, name: 'a', mode: 0o644, sizeBytes: 10, mtimeMs: 0, ctimeMs: 0, contentId: asContentId(1), contentGeneration: 0,
    localOnly: false, pinned: false, deleted: false, excluded: false, placeChangedMs: null, listedMs: null, base: base(), ...change,
  }
}

function folder(ino: number, change: Partial<Item> = {}): Item {
  return row({ ino: asIno(ino), kind: 'folder', contentId: null, base: base({ id: asRemoteId(String(ino)), realId: asRemoteId(String(ino)) }), ...change })
}

const DIRTY: ContentFacts = { sizeBytes: 10, isComplete: true, isDirty: true, isSuspect: false }
const CLEAN: ContentFacts = { ...DIRTY, isDirty: false }
const ENTRY: Entry = { ino: asIno(7), seq: 1, sinceMs: 0, notBeforeMs: 0, tries: 0, nextTryMs: 0, failure: null, attempt: null }

function view(change: Partial<View> = {}): View {
  return {
    entry: ENTRY, item: row(), inTrash: false, content: CLEAN, parent: folder(1, { parent: null }), writers: { open: false, lastFlushMs: null },
    holdersThere: [], holdersOfNewNameHere: [], holdersOfOldNameThere: [], deletedAbove: null, comesBackIn: null, isBelowLink: false, blockerBelow: null, mustLeaveFirst: null, sentByAnother: null, isHeld: false,
    nowMs: NOW_MS, uploadDelayMs: 3_000, hurriedAtMs: 0, maxVersionSizeBytes: 1_000, ...change,
  }
}

type Row = readonly [what: string, change: Partial<View>, step: Step]

const IN_TRASH = { parent: asIno(90) }
const GONE = { parent: null, deleted: true, contentId: null }
const LEAVING = { ino: asIno(9), isLeaving: true }
const STAYING = { ino: asIno(9), isLeaving: false }
const LINK = { base: base({ id: asRemoteId('5'), realId: asRemoteId('500') }) }

const TABLE: readonly Row[] = [
  ['C1: nothing differs', {}, { kind: 'nothing' }],
  ['the row is gone', { item: undefined }, { kind: 'nothing' }],
  ['a name that only programs use', { item: row({ localOnly: true, base: null }) }, { kind: 'nothing' }],
  ['an excluded item (C26)', { item: row({ excluded: true }), content: DIRTY }, { kind: 'nothing' }],
  ['the root', { item: folder(1, { parent: null }) }, { kind: 'nothing' }],
  ['the upload delay runs', { entry: { ...ENTRY, notBeforeMs: NOW_MS + 5 }, content: DIRTY }, { kind: 'wait', reason: 'upload-delay', untilMs: NOW_MS + 5 }],
  ['the back-off runs, also for an attempt', { entry: { ...ENTRY, nextTryMs: NOW_MS + 5, attempt: ATTEMPT } }, { kind: 'wait', reason: 'back-off', untilMs: NOW_MS + 5 }],
  ['a request of unknown outcome comes first (O-12)', { entry: { ...ENTRY, attempt: ATTEMPT, notBeforeMs: NOW_MS + 5 }, content: DIRTY }, { kind: 'resolve', attempt: ATTEMPT }],

  ['C2: an edit', { content: DIRTY }, { kind: 'upload-version' }],
  ['C2: an edit of a file that somebody writes', { content: DIRTY, writers: { open: true, lastFlushMs: NOW_MS - 1_000 } }, { kind: 'wait', reason: 'being-written', untilMs: NOW_MS + 2_000 }],
  ['6a.5: written, and flushed long ago', { content: DIRTY, writers: { open: true, lastFlushMs: NOW_MS - 3_000 } }, { kind: 'upload-version' }],
  ['6a.5: written, and hurried since', { content: DIRTY, writers: { open: true, lastFlushMs: NOW_MS - 10 }, hurriedAtMs: NOW_MS }, { kind: 'upload-version' }],
  ['6a.5: written, never flushed', { content: DIRTY, writers: { open: true, lastFlushMs: null } }, { kind: 'wait', reason: 'being-written', untilMs: NOW_MS + 3_000 }],
  ['6a.3: torn bytes', { content: { ...DIRTY, isSuspect: true } }, { kind: 'set-aside' }],
  ['6a.7: emptied', { content: { ...DIRTY, sizeBytes: 0 } }, { kind: 'replace', why: 'empty' }],
  ['6a.7: empty as before', { content: { ...DIRTY, sizeBytes: 0 }, item: row({ base: base({ sizeBytes: 0 }) }) }, { kind: 'upload-version' }],
  ['6a.7: too large for a version', { content: { ...DIRTY, sizeBytes: 1_001 } }, { kind: 'replace', why: 'too-large' }],
  ['an edit of which bytes are missing', { content: { ...DIRTY, isComplete: false } }, { kind: 'refuse', code: 'vanished', text: 'a part of the bytes of this file is not here' }],

  ['C5: a new file', { item: row({ base: null }), content: DIRTY }, { kind: 'upload-new' }],
  ['C5: a new folder', { item: folder(7, { base: null }), content: null }, { kind: 'create-folder' }],
  ['C5: in a folder that is new itself', { item: row({ base: null }), content: DIRTY, parent: folder(3, { base: null }) }, { kind: 'wait', reason: 'parent-first', on: asIno(3) }],
  ['C5: in a folder that is never sent', { item: row({ base: null }), content: DIRTY, parent: folder(3, { base: null, localOnly: true }) }, { kind: 'wait', reason: 'parent-stays-here', on: asIno(3) }],
  ['C5: under a name that is about to be free', { item: row({ base: null }), content: DIRTY, holdersThere: [STAYING, LEAVING] }, { kind: 'wait', reason: 'name-leaves', on: asIno(9) }],
  ['C22: under a name that stays taken', { item: row({ base: null }), content: DIRTY, holdersThere: [STAYING] }, { kind: 'upload-new' }],
  ['C17: in a folder that is gone', { item: row({ base: null }), content: DIRTY, parent: folder(3, GONE) }, { kind: 'recover' }],
  ['C17: in a folder that is not known', { item: row({ base: null }), content: DIRTY, parent: undefined }, { kind: 'recover' }],
  ['C20: below a link that is being disconnected', { item: row({ base: null }), content: DIRTY, parent: folder(5, { ...GONE, ...LINK }) }, { kind: 'upload-new' }],
  ['E-30: a name the portal does not take', { item: row({ base: null, name: 'a:b' }), content: DIRTY }, { kind: 'refuse', code: 'bad-name', text: 'the portal does not take this name: forbidden-character' }],
  ['a new file without its bytes', { item: row({ base: null }), content: null }, { kind: 'refuse', code: 'vanished', text: 'the bytes of this file are not here' }],
  ['a new file that somebody writes', { item: row({ base: null }), content: DIRTY, writers: { open: true, lastFlushMs: null } }, { kind: 'wait', reason: 'being-written', untilMs: NOW_MS + 3_000 }],

  ['C3: renamed', { item: row({ name: 'b' }) }, { kind: 'rename', to: 'final-name' }],
  ['C3: renamed by case only', { item: row({ name: 'A' }) }, { kind: 'rename', to: 'final-name' }],
  ['C3: moved', { item: row({ parent: asIno(3) }), parent: folder(3) }, { kind: 'move' }],
  ['C3: place before content', { item: row({ name: 'b' }), content: DIRTY }, { kind: 'rename', to: 'final-name' }],
  ['C3: both, rename first', { item: row({ name: 'b', parent: asIno(3) }), parent: folder(3) }, { kind: 'rename', to: 'final-name' }],
  ['C3: both, the new name is taken where it comes from', { item: row({ name: 'b', parent: asIno(3) }), parent: folder(3), holdersOfNewNameHere: [STAYING] }, { kind: 'move' }],
  ['C3: both, either way round clashes', { item: row({ name: 'b', parent: asIno(3) }), parent: folder(3), holdersOfNewNameHere: [STAYING], holdersOfOldNameThere: [STAYING] }, { kind: 'rename', to: 'temporary-name' }],
  ['C3: after the temporary name', { item: row({ name: 'b', parent: asIno(3), base: base({ name: 'a.~moving-12345678' }) }), parent: folder(3), holdersOfNewNameHere: [STAYING] }, { kind: 'move' }],
  ['C3: the name leaves first', { item: row({ name: 'b' }), holdersThere: [LEAVING] }, { kind: 'wait', reason: 'name-leaves', on: asIno(9) }],
  ['C3: a taken name is met by the request', { item: row({ name: 'b' }), holdersThere: [STAYING] }, { kind: 'rename', to: 'final-name' }],
  ['C3: into a new folder', { item: row({ parent: asIno(3) }), parent: folder(3, { base: null }) }, { kind: 'wait', reason: 'parent-first', on: asIno(3) }],
  ['C3: into what is below itself there', { item: folder(7, { parent: asIno(3) }), parent: folder(3), mustLeaveFirst: asIno(3) }, { kind: 'wait', reason: 'moves-out-first', on: asIno(3) }],
  ['C3: into a folder that is gone', { item: row({ parent: asIno(3) }), parent: folder(3, GONE) }, { kind: 'recover' }],
  ['C3: to a name the portal does not take', { item: row({ name: '0' }) }, { kind: 'refuse', code: 'bad-name', text: 'the portal does not take this name: reserved' }],

  ['C4: deleted', { item: row(GONE), content: null }, { kind: 'trash' }],
  ['C4: deleted before it was ever sent', { item: row({ ...GONE, base: null }), content: null }, { kind: 'nothing' }],
  ['C4: deleted before its creation was answered', { item: row({ ...GONE, base: null }), entry: { ...ENTRY, attempt: ATTEMPT } }, { kind: 'resolve', attempt: ATTEMPT }],
  ['C4: deleted while its folder is being restored', { item: row(GONE), comesBackIn: asIno(8) }, { kind: 'wait', reason: 'parent-first', on: asIno(8) }],
  ['C4: deleted with its folder', { item: row(GONE), deletedAbove: asIno(3) }, { kind: 'wait', reason: 'deleted-with-folder', on: asIno(3) }],
  ['6a.6: the row that had the identity before is still sending', { item: folder(7, { parent: asIno(3) }), parent: folder(3), sentByAnother: asIno(9) }, { kind: 'wait', reason: 'sent-by-another', on: asIno(9) }],
  ['C4: something has to leave it first', { item: folder(7, GONE), blockerBelow: asIno(8) }, { kind: 'wait', reason: 'moves-out-first', on: asIno(8) }],
  ['6.4: deleted below a link a moment ago: the link itself may be next', { item: row({ ...GONE, placeChangedMs: NOW_MS - 10_000 }), isBelowLink: true }, { kind: 'wait', reason: 'upload-delay', untilMs: NOW_MS + 20_000 }],
  ['6.4: deleted below a link, and the link stayed', { item: row({ ...GONE, placeChangedMs: NOW_MS - 30_000 }), isBelowLink: true }, { kind: 'trash' }],
  ['6.4: deleted below a link, and somebody asked for everything now', { item: row({ ...GONE, placeChangedMs: NOW_MS - 10_000 }), isBelowLink: true, hurriedAtMs: NOW_MS }, { kind: 'trash' }],
  ['6a.12: held by the brake', { item: row(GONE), isHeld: true }, { kind: 'wait', reason: 'brake' }],

  ['trash: put there', { item: row(IN_TRASH), inTrash: true }, { kind: 'trash' }],
  ['trash: put there and taken out before that was sent', { item: row() }, { kind: 'nothing' }],
  ['trash: the upload delay runs', { item: row(IN_TRASH), inTrash: true, entry: { ...ENTRY, notBeforeMs: NOW_MS + 5 } }, { kind: 'wait', reason: 'upload-delay', untilMs: NOW_MS + 5 }],
  ['trash: an edit that was not sent stays here', { item: row(IN_TRASH), inTrash: true, content: DIRTY }, { kind: 'trash' }],
  ['trash: on both sides, edited since', { item: row({ ...IN_TRASH, base: base({ trashed: true }) }), inTrash: true, content: DIRTY }, { kind: 'nothing' }],
  ['trash: it may have come back with its folder', { item: row({ ...IN_TRASH, base: base({ trashed: true, mayBeLive: true }) }), inTrash: true }, { kind: 'trash' }],
  ['trash: never sent', { item: row({ ...IN_TRASH, base: null }), inTrash: true, content: DIRTY }, { kind: 'nothing' }],
  ['trash: stands in a folder that was put there', { item: row({ parent: asIno(8), base: base({ parent: asIno(8) }) }), inTrash: true, content: DIRTY }, { kind: 'nothing' }],
  ['trash: something has to leave the folder first', { item: folder(7, IN_TRASH), inTrash: true, blockerBelow: asIno(8) }, { kind: 'wait', reason: 'moves-out-first', on: asIno(8) }],
  ['trash: held by the brake (6a.12)', { item: row(IN_TRASH), inTrash: true, isHeld: true }, { kind: 'wait', reason: 'brake' }],
  ['trash: a request of unknown outcome', { item: row(IN_TRASH), inTrash: true, entry: { ...ENTRY, attempt: ATTEMPT } }, { kind: 'resolve', attempt: ATTEMPT }],
  ['C18: taken out', { item: row({ base: base({ trashed: true }) }) }, { kind: 'restore' }],
  ['C18: taken out to another place, and edited', { item: row({ name: 'b', parent: asIno(3), base: base({ trashed: true }) }), parent: folder(3), content: DIRTY }, { kind: 'restore' }],
  ['C18: into a new folder', { item: row({ parent: asIno(3), base: base({ trashed: true }) }), parent: folder(3, { base: null }) }, { kind: 'wait', reason: 'parent-first', on: asIno(3) }],
  ['C18: with its folder', { item: row({ parent: asIno(3), base: base({ trashed: true, parent: asIno(3) }) }), parent: folder(3, { base: base({ trashed: true }) }) }, { kind: 'wait', reason: 'parent-first', on: asIno(3) }],
  ['C18: into a folder that is gone', { item: row({ base: base({ trashed: true }) }), parent: folder(3, GONE) }, { kind: 'recover' }],
  ['C5: in a folder that is being restored', { item: row({ base: null }), content: DIRTY, parent: folder(3, { base: base({ trashed: true }) }) }, { kind: 'wait', reason: 'parent-first', on: asIno(3) }],
]

for (const [what, change, step] of TABLE) {
  await t.test(`${what} → ${step.kind}`, (t) => {
    t.same(planStep(view(change)), step)
    t.end()
  })
}

const RINGS: readonly Row[] = [
  ['names swapped in one folder: a temporary name', { item: row({ name: 'b' }), holdersThere: [LEAVING], holdersOfNewNameHere: [LEAVING] }, { kind: 'rename', to: 'temporary-name' }],
  ['a temporary name is taken once only', { item: row({ name: 'b', base: base({ name: 'a.~moving-12345678' }) }), holdersThere: [LEAVING], holdersOfNewNameHere: [LEAVING] }, { kind: 'wait', reason: 'name-leaves', on: asIno(9) }],
  ['names swapped between folders: the move goes first', { item: row({ name: 'b', parent: asIno(3) }), parent: folder(3), holdersThere: [LEAVING] }, { kind: 'move' }],
  ['into a new folder of its own name: the rename goes first', { item: row({ name: 'b', parent: asIno(3) }), parent: folder(3, { base: null }) }, { kind: 'rename', to: 'final-name' }],
  ['into a new folder of its own name, name kept: a temporary name', { item: row({ parent: asIno(3) }), parent: folder(3, { base: null }) }, { kind: 'rename', to: 'temporary-name' }],
  ['what has no ring does what it would', { item: row({ name: 'b' }) }, { kind: 'rename', to: 'final-name' }],
  ['a new item cannot make way', { item: row({ base: null }), content: DIRTY, holdersThere: [LEAVING] }, { kind: 'wait', reason: 'name-leaves', on: asIno(9) }],
]

for (const [what, change, step] of RINGS) {
  await t.test(`in a ring: ${what}`, (t) => {
    t.same(planStep(view(change), { breakRing: true }), step)
    t.end()
  })
}

await t.test('rings are found once each, whoever leads into them', (t) => {
  const waits = new Map([[1, 2], [2, 3], [3, 1], [4, 1], [5, 6], [7, 7]].map(([from, to]) => [asIno(from!), asIno(to!)]))
  t.same(findRings(waits), [[1, 2, 3], [7]])
  t.end()
})

await t.test('pauses double up to five minutes, and are long where asking again does not help', (t) => {
  const pauses = (code: ErrorCode, ...tries: readonly number[]): readonly number[] => tries.map((each) => nextTryMs(new DriveError(code, ''), each, 0))
  t.same(pauses('lost-answer', 1, 2, 3, 9, 10, 50), [1_000, 2_000, 4_000, 256_000, 300_000, 300_000])
  t.same(pauses('quota', 1, 2, 5, 50), [300_000, 600_000, 3_600_000, 3_600_000])
  t.same(pauses('bad-credentials', 1), [60_000])
  t.equal(nextTryMs(new DriveError('lost-answer', '', { fields: { retryInMs: 7_000 } }), 3, 1_000), 8_000, 'a failure may know by itself')
  t.end()
})

await t.test('only what the portal refused is certain not to have been carried out', (t) => {
  const refused: readonly ErrorCode[] = ['exists', 'forbidden', 'quota', 'locked', 'bad-name', 'not-found', 'rate-limited']
  const open: readonly ErrorCode[] = ['lost-answer', 'deadline', 'offline', 'portal-error', 'bad-answer', 'cancelled', 'internal', 'conflict']
  for (const code of refused) t.equal(isRefusal(code), true, code)
  for (const code of open) t.equal(isRefusal(code), false, code)
  t.equal(failureScope('offline'), 'offline')
  t.equal(failureScope('missing-scope'), 'account')
  t.equal(failureScope('quota'), 'entry')
  t.end()
})

await t.test('6.6: ours is what we made since, in that size', (t) => {
  const attempt: Attempt = { step: 'upload-new', startedServerMs: 10_000, sizeBytes: 5, baseVersion: 3 }
  const remote: RemoteFile = {
    kind: 'file', id: asRemoteId('1'), name: 'a', code: null, storageId: asStorageId('1'), parentId: null, deletedType: 0, createdMs: 9_000, updatedMs: 9_000,
    createdBy: '7', updatedBy: '7', detailUrl: null, version: 4, blobId: 'b', sizeBytes: 5, downloadUrl: '',
  }
  t.equal(mayBeOurs(remote, attempt, '7'), true)
  t.equal(mayBeOurs({ ...remote, createdMs: 7_000 }, attempt, '7'), false)
  t.equal(mayBeOurs({ ...remote, createdBy: '8' }, attempt, '7'), false)
  t.equal(mayBeOurs({ ...remote, sizeBytes: 6 }, attempt, '7'), false)
  t.equal(mayBeOurVersion(remote, attempt, '7'), true)
  t.equal(mayBeOurVersion({ ...remote, version: 3 }, attempt, '7'), false)
  t.equal(mayBeOurVersion({ ...remote, updatedBy: '8' }, attempt, '7'), false)
  t.end()
})

await t.test('E-31: an upload is looked for under the name the portal makes of it too', (t) => {
  t.same(storedNames('a.txt'), ['a.txt'])
  t.same(storedNames(' \u{1F600}a '), [' \u{1F600}a ', '_a'])
  t.end()
})

await t.test('a temporary name fits the portal whatever the name was', (t) => {
  t.match(temporaryName('я'.repeat(255), '0123abcd'), /^я{200}\.~moving-0123abcd$/)
  t.end()
})
