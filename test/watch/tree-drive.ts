/**
 * A stand-in for the portal where a million files would take minutes to be answered over HTTP: the drive of a
 * `tree:FOLDERSxFILES` seed, whose rows follow from their ids, and what colleagues have done to it since. Its answers are
 * those of the embedded portal (tree-drive.test.ts puts both beside each other), the limits of the plan are the portal's own
 * code, and so are the requests: what is over the rate or over `operating` is refused.
 */
import type { Clock } from '../../src/base/clock.js'
import { DriveError } from '../../src/base/errors.js'
import { asRemoteId, asStorageId, type RemoteId } from '../../src/base/ids.js'
import type { Account, ItemState, ListPage, ListPageRequest, Outcome, RemoteItem } from '../../src/drive/drive.js'
import { LeakyBucket } from '../../src/portal/leaky-bucket.js'
import { Operating } from '../../src/portal/operating.js'
import type { ObjectRow } from '../../src/portal/rows.js'
import { COLLEAGUE_ID, OWNER_ID, OWNER_STORAGE_ID } from '../../src/portal/seeds/seed.js'
import { TreeSeed, type TreeShape } from '../../src/portal/seeds/tree-seed.js'
import type { WatchOptions } from '../../src/watch/watch.js'

type TestDrive = WatchOptions['drive']

const PAGE = 50
const COMMANDS = 50
const OPERATING_SECONDS = 480
const BASIC_PLAN = { burst: 50, perSecond: 2 }

export class TreeDrive implements TestDrive {
  readonly #clock: Clock
  readonly #seed: TreeSeed
  readonly #bucket: LeakyBucket
  readonly #operating = new Operating(OPERATING_SECONDS)
  /** What is not as the seed has it; `parentId` null: in the trash. */
  readonly #changed = new Map<number, RemoteItem>()
  /** Of folders that something came into or left. */
  readonly #children = new Map<number, Set<number>>()
  #lastId: number
  #lastFileId: number
  /** When each request came, on the monotonic clock. */
  readonly requests: number[] = []
  /** Questions about subfolders among their commands. */
  questions = 0
  /** How far the portal's clock is ahead of the watcher's. */
  skewMs = 0

  constructor(options: { clock: Clock; shape: TreeShape; madeSec: number; listingSeconds?: number }) {
    this.#clock = options.clock
    this.#seed = new TreeSeed(options.shape, options.madeSec)
    this.#bucket = new LeakyBucket(options.clock, BASIC_PLAN)
    this.#lastId = this.#seed.highestId
    this.#lastFileId = this.#seed.highestId + 1_000_000 - 1
    if (options.listingSeconds !== undefined) this.#operating.setCost('disk.folder.getchildren', options.listingSeconds)
  }

  async account(): Promise<Account> {
    await this.#request(['profile'])
    return { userId: String(OWNER_ID), name: 'Ada Byron', isAdmin: true, serverMs: this.#nowMs() }
  }

  async listPages(requests: readonly ListPageRequest[]): Promise<readonly Outcome<ListPage>[]> {
    await this.#request(requests.flatMap(({ withFolder }) => (withFolder === true ? ['disk.folder.get', 'disk.folder.getchildren'] : ['disk.folder.getchildren'])))
    this.questions += requests.filter(({ changedFolders }) => changedFolders !== undefined).length
    return requests.map((request): Outcome<ListPage> => {
      const folder = this.#item(Number(request.folderId))
      if (folder?.kind !== 'folder') return { ok: false, error: new DriveError('not-found', 'no such folder') }
      return { ok: true, value: request.withFolder === true ? { ...this.#page(request), folder } : this.#page(request) }
    })
  }

  async itemStates(ids: readonly { readonly id: RemoteId; readonly kind: 'file' | 'folder' }[]): Promise<readonly ItemState[]> {
    for (let start = 0; start < ids.length; start += COMMANDS) await this.#request(ids.slice(start, start + COMMANDS).map(({ kind }) => `disk.${kind}.get`))
    return ids.map(({ id, kind }): ItemState => {
      const item = this.#item(Number(id))
      if (item?.kind !== kind) return { state: 'not-found' }
      return { state: item.deletedType === 0 ? 'live' : 'trashed', item }
    })
  }

  restore(): Promise<RemoteItem> {
    return Promise.reject(new DriveError('forbidden', 'nobody restores here'))
  }

  // ---- what colleagues do, with the times of bitrix24-rest.md 11.2 ---------------------------------------------------

  add(folderId: number, name: string, sizeBytes: number): number {
    this.#needFree(folderId, name)
    this.#lastId += 1
    this.#lastFileId += 1
    const nowMs = this.#secondMs()
    const id = this.#lastId
    this.#changed.set(id, {
      kind: 'file', id: asRemoteId(String(id)), name, code: null, storageId: asStorageId(String(OWNER_STORAGE_ID)), parentId: asRemoteId(String(folderId)), deletedType: 0, createdMs: nowMs, updatedMs: nowMs,
      createdBy: String(COLLEAGUE_ID), updatedBy: String(COLLEAGUE_ID), detailUrl: null, version: 1, blobId: String(this.#lastFileId), sizeBytes, downloadUrl: '',
    })
    this.#childrenOf(folderId).add(id)
    this.#touch(folderId)
    return id
  }

  edit(id: number, sizeBytes: number): void {
    const file = this.#need(id)
    if (file.kind !== 'file') throw new RangeError('only files have content')
    this.#lastFileId += 1
    this.#changed.set(id, { ...file, sizeBytes, version: file.version + 1, blobId: String(this.#lastFileId), updatedMs: this.#secondMs(), updatedBy: String(COLLEAGUE_ID) })
    this.#touch(Number(file.parentId))
  }

  rename(id: number, name: string): void {
    const item = this.#need(id)
    this.#needFree(Number(item.parentId), name)
    this.#changed.set(id, { ...item, name, updatedMs: this.#secondMs(), updatedBy: String(COLLEAGUE_ID) })
    this.#touch(Number(item.parentId))
  }

  move(id: number, folderId: number): void {
    const item = this.#need(id)
    this.#needFree(folderId, item.name)
    this.#childrenOf(Number(item.parentId)).delete(id)
    this.#childrenOf(folderId).add(id)
    this.#changed.set(id, { ...item, parentId: asRemoteId(String(folderId)) })
    this.#touch(folderId)
  }

  trash(id: number): void {
    const item = this.#need(id)
    this.#childrenOf(Number(item.parentId)).delete(id)
    this.#changed.set(id, { ...item, deletedType: 3 })
  }

  // ---- answering ----------------------------------------------------------------------------------------------------

  #request(methods: readonly string[]): Promise<void> {
    if (methods.length === 0) return Promise.resolve()
    if (methods.length > COMMANDS) return Promise.reject(new RangeError('more commands than a batch holds'))
    this.requests.push(this.#clock.monotonicMs())
    if (!this.#bucket.admit()) return Promise.reject(new DriveError('rate-limited', 'too many requests'))
    const nowSec = Math.floor(this.#nowMs() / 1000)
    for (const method of methods) {
      if (this.#operating.isBlocked(method, nowSec)) return Promise.reject(new DriveError('operating-limit', `${method} has used up its time`))
      this.#operating.count(method, nowSec, 0)
    }
    return Promise.resolve()
  }

  #page({ folderId, start, order, changedFolders }: ListPageRequest): ListPage {
    let items = this.#live(Number(folderId))
    if (changedFolders !== undefined) {
      const { sinceMs, after } = changedFolders
      items = items.filter(({ kind, updatedMs, id }) => kind === 'folder' && updatedMs >= sinceMs && Number(id) > Number(after ?? 0))
    }
    const byId = (one: RemoteItem, other: RemoteItem): number => Number(one.id) - Number(other.id)
    items.sort(order === 'id' ? byId : (one, other) => other.updatedMs - one.updatedMs || -byId(one, other))
    const page = items.slice(start, start + PAGE)
    const next = start + page.length
    return { items: page, unreadable: 0, total: items.length, next: page.length > 0 && next < items.length ? next : undefined }
  }

  #live(folderId: number): RemoteItem[] {
    const ids = this.#children.get(folderId) ?? this.#seed.childIds(folderId)
    return [...ids].flatMap((id) => this.#item(id) ?? []).filter(({ deletedType }) => deletedType === 0)
  }

  #item(id: number): RemoteItem | undefined {
    const changed = this.#changed.get(id)
    if (changed !== undefined) return changed
    const row = this.#seed.row(id)
    return row === undefined ? undefined : itemOf(row)
  }

  #need(id: number): RemoteItem {
    const item = this.#item(id)
    if (item?.deletedType !== 0) throw new RangeError(`no live item ${id}`)
    return item
  }

  #needFree(folderId: number, name: string): void {
    if (this.#live(folderId).some((item) => item.name === name)) throw new RangeError(`${name} is taken`)
  }

  #childrenOf(folderId: number): Set<number> {
    const known = this.#children.get(folderId) ?? new Set(this.#seed.childIds(folderId))
    this.#children.set(folderId, known)
    return known
  }

  #touch(folderId: number): void {
    this.#changed.set(folderId, { ...this.#need(folderId), updatedMs: this.#secondMs() })
  }

  #nowMs(): number {
    return this.#clock.nowMs() + this.skewMs
  }

  #secondMs(): number {
    return Math.floor(this.#nowMs() / 1000) * 1000
  }
}

function itemOf(row: ObjectRow): RemoteItem {
  const id = asRemoteId(String(row.id))
  const base = {
    id, name: row.name, code: row.code, storageId: asStorageId(String(row.storageId)), parentId: row.parentId === null ? null : asRemoteId(String(row.parentId)), deletedType: row.deletedType,
    createdMs: row.createSec * 1000, updatedMs: row.updateSec * 1000, createdBy: String(row.createdBy), updatedBy: String(row.updatedBy), detailUrl: null,
  }
  if (row.type === 'folder') return { kind: 'folder', ...base, realId: asRemoteId(String(row.realId)) }
  return { kind: 'file', ...base, version: row.globalVersion, blobId: String(row.fileId), sizeBytes: row.versions[0].content.sizeBytes, downloadUrl: '' }
}
