/**
 * The Drive over REST: each call of the interface is one method of the portal (bitrix24-rest.md section 5), its answer
 * read by `rows`, its failures named by `disk-failures`. Reads are packed into batches; writes never are (O-36).
 */
import type { ByteRange } from '../base/byte-ranges.js'
import { DriveError, hasCode } from '../base/errors.js'
import type { RemoteId } from '../base/ids.js'
import type { Random } from '../base/random.js'
import { BATCH_LIMIT, type BatchCommand } from '../rest/batch.js'
import { isObject, type Answer } from '../rest/envelope.js'
import type { PhpParameters } from '../rest/php-query.js'
import type { BatchOutcome, RestClient } from '../rest/rest-client.js'
import { diskFailure, falseResult, type DiskOperation } from './disk-failures.js'
import type { Downloads } from './downloads.js'
import type { Account, CallOptions, Download, Drive, ItemState, ListPage, ListPageRequest, Outcome, RemoteFile, RemoteFolder, RemoteItem, RemoteStorage, RemoteVersion, UploadSource } from './drive.js'
import { parseFile, parseFolder, parseId, parseItem, parseStorage, parseTime, parseVersion } from './rows.js'
import { uploadForm, versionBody } from './upload-bodies.js'

type ItemKey = { readonly id: RemoteId; readonly kind: 'file' | 'folder' }

const MOST_PAGES = 1_000 // of versions or namesakes; more is an answer that goes in circles
const ORDERS: Readonly<Record<ListPageRequest['order'], PhpParameters>> = { id: { ID: 'ASC' }, newest: { UPDATE_TIME: 'DESC', ID: 'DESC' } }

export class RestDrive implements Drive {
  readonly #rest: RestClient
  readonly #downloads: Downloads
  readonly #random: Random

  constructor(options: { rest: RestClient; downloads: Downloads; random: Random }) {
    this.#rest = options.rest
    this.#downloads = options.downloads
    this.#random = options.random
  }

  async account(call: CallOptions): Promise<Account> {
    const { result, time } = await this.#read('profile', {}, call).catch((error: unknown) => {
      // `profile` needs no right on anything, so a refusal means REST itself (1.5).
      if (hasCode(error, 'forbidden')) throw new DriveError('no-rest-on-plan', 'the portal\'s plan does not include REST (webhooks need a paid plan)', { fields: error.fields })
      throw error
    })
    const userId = isObject(result) ? parseId(result.ID) : undefined
    if (!isObject(result) || userId === undefined) throw unreadable('profile')
    const name = [result.NAME, result.LAST_NAME].filter((part): part is string => typeof part === 'string' && part !== '').join(' ')
    return { userId, name, isAdmin: result.ADMIN === true || result.ADMIN === 'Y', serverMs: time?.serverMs ?? (await this.#serverTime(call)) }
  }

  /** For portals whose answers have no `time` (2.2); NaN where they do not tell it in this way either. */
  async #serverTime(call: CallOptions): Promise<number> {
    try {
      return parseTime((await this.#read('server.time', {}, call)).result) ?? NaN
    } catch (error) {
      if (hasCode(error, 'unknown-method')) return NaN
      throw error
    }
  }

  async ownStorage(userId: string, call: CallOptions): Promise<RemoteStorage> {
    const { result } = await this.#read('disk.storage.getlist', { filter: { ENTITY_TYPE: 'user', ENTITY_ID: userId }, order: { ID: 'ASC' } }, call)
    if (!Array.isArray(result)) throw unreadable('disk.storage.getlist')
    // Unknown filters are ignored silently (2.4), so the answer is checked.
    const own = result.map(parseStorage).find((storage) => storage?.entityType === 'user' && storage.entityId === userId)
    if (own === undefined) throw new DriveError('no-drive-yet', 'the portal has not made this account\'s drive yet: open Drive once on the web')
    return own
  }

  async storages(call: CallOptions): Promise<readonly RemoteStorage[]> {
    const rows = await this.#allPages('disk.storage.getlist', { order: { ID: 'ASC' } }, call)
    return rows.map(parseStorage).filter((storage) => storage !== undefined)
  }

  async getFile(id: RemoteId, call: CallOptions): Promise<RemoteFile> {
    return required(parseFile((await this.#read('disk.file.get', { id }, call)).result), 'disk.file.get')
  }

  async getFiles(take: () => readonly RemoteId[], call: CallOptions): Promise<readonly Outcome<RemoteFile>[]> {
    const method = 'disk.file.get'
    const outcomes = await named('look', () => this.#rest.lateBatch({ method, take: () => take().map((id) => ({ id })) }, call))
    return outcomes.map(answered).map((outcome): Outcome<RemoteFile> => {
      if (!outcome.ok) return outcome
      const value = parseFile(outcome.value.result)
      return value === undefined ? { ok: false, error: unreadable(method) } : { ok: true, value }
    })
  }

  async getFolder(id: RemoteId, call: CallOptions): Promise<RemoteFolder> {
    return required(parseFolder((await this.#read('disk.folder.get', { id }, call)).result), 'disk.folder.get')
  }

  async itemStates(ids: readonly ItemKey[], call: CallOptions): Promise<readonly ItemState[]> {
    const states: ItemState[] = []
    for (let start = 0; start < ids.length; start += BATCH_LIMIT) {
      const part = ids.slice(start, start + BATCH_LIMIT)
      const outcomes = await this.#readMany(part.map(({ id, kind }) => ({ method: `disk.${kind}.get`, parameters: { id } })), call)
      states.push(...outcomes.map(itemState))
    }
    return states
  }

  async listPages(requests: readonly ListPageRequest[], call: CallOptions): Promise<readonly Outcome<ListPage>[]> {
    const outcomes = await this.#readMany(requests.flatMap(pageCommands), call)
    let at = 0
    return requests.map((request): Outcome<ListPage> => {
      const folder = request.withFolder === true ? outcomes[at++] : undefined
      return pageOutcome(request, outcomes[at++], folder)
    })
  }

  download(file: RemoteFile, range: ByteRange | undefined, call: CallOptions): Promise<Download> {
    const refresh = async (): Promise<string> => {
      const fresh = await this.getFile(file.id, call)
      if (fresh.version !== file.version || fresh.blobId !== file.blobId) throw new DriveError('bad-answer', 'the file has changed on the portal', { fields: { version: file.version, remoteVersion: fresh.version } })
      return fresh.downloadUrl
    }
    return this.#downloads.fetch({ downloadUrl: file.downloadUrl, sizeBytes: file.sizeBytes, refresh }, range, call)
  }

  async versions(fileId: RemoteId, call: CallOptions): Promise<readonly RemoteVersion[]> {
    const ask = (): Promise<readonly unknown[]> => this.#allPages('disk.file.getversions', { id: fileId }, call)
    let rows = await ask()
    if (rows.length === 0) rows = await ask() // a file has a version: one empty answer is not believed (E-10), and whoever asks would take a version for lost
    const versions = rows.map(parseVersion).filter((version) => version !== undefined)
    return versions.sort((a, b) => b.version - a.version)
  }

  downloadVersion(version: RemoteVersion, range: ByteRange | undefined, call: CallOptions): Promise<Download> {
    const refresh = async (): Promise<string> => {
      const { result } = await this.#read('disk.version.get', { id: version.id }, call)
      return required(parseVersion(result), 'disk.version.get').downloadUrl
    }
    return this.#downloads.fetch({ downloadUrl: version.downloadUrl, sizeBytes: version.sizeBytes, refresh }, range, call)
  }

  async uploadNew(parentId: RemoteId, name: string, source: UploadSource, call: CallOptions): Promise<RemoteFile> {
    const upload = async (): Promise<RemoteFile> => this.#uploadByAddress(parentId, name, source, call)
    return upload().catch((error: unknown) => {
      // The address may hold a token that ran out meanwhile; refused, nothing was carried out.
      if (hasCode(error, 'bad-credentials') && error.fields.status === 401) return upload()
      throw error
    })
  }

  async #uploadByAddress(parentId: RemoteId, name: string, source: UploadSource, call: CallOptions): Promise<RemoteFile> {
    // The first step only hands out an address, so it may be asked twice.
    const { result } = await this.#ask('disk.folder.uploadfile', { id: parentId }, true, 'upload', call)
    const form = uploadForm(result, { fileName: name, source, boundary: `elastic-drive-${this.#random.hex(16)}` })
    if (form === undefined) throw unreadable('disk.folder.uploadfile')
    const answer = await named('upload', () => this.#rest.post(form.url, form.body, call))
    return written(parseFile(answer.result), answer, 'upload')
  }

  async uploadVersion(fileId: RemoteId, source: UploadSource, call: CallOptions): Promise<RemoteFile> {
    if (source.sizeBytes === 0) throw new DriveError('invalid', 'a version cannot be empty') // O-14
    const answer = await named('version', () => this.#rest.call({ method: 'disk.file.uploadversion', parameters: versionBody(fileId, source), idempotent: false }, call))
    return written(parseFile(answer.result), answer, 'version')
  }

  async createFolder(parentId: RemoteId, name: string, call: CallOptions): Promise<RemoteFolder> {
    const answer = await this.#ask('disk.folder.addsubfolder', { id: parentId, data: { NAME: name } }, false, 'create-folder', call)
    return written(parseFolder(answer.result), answer, 'create-folder')
  }

  async rename({ id, kind }: ItemKey, newName: string, call: CallOptions): Promise<RemoteItem> {
    const answer = await this.#ask(`disk.${kind}.rename`, { id, newName }, true, 'rename', call)
    return written(parseItem(answer.result), answer, 'rename')
  }

  async move({ id, kind }: ItemKey, targetId: RemoteId, call: CallOptions): Promise<RemoteItem> {
    const answer = await this.#ask(`disk.${kind}.moveto`, { id, targetFolderId: targetId }, true, 'move', call)
    return written(parseItem(answer.result), answer, 'move')
  }

  async trash({ id, kind }: ItemKey, call: CallOptions): Promise<void> {
    try {
      const { result } = await this.#ask(`disk.${kind}.markdeleted`, { id }, true, 'trash', call)
      if (result === false) throw falseResult('trash')
    } catch (error) {
      if (!hasCode(error, 'not-found')) throw error // gone is what was wanted
    }
  }

  async restore({ id, kind }: ItemKey, call: CallOptions): Promise<RemoteItem> {
    const answer = await this.#ask(`disk.${kind}.restore`, { id }, false, 'restore', call)
    return written(parseItem(answer.result), answer, 'restore')
  }

  async childrenNamed(folderId: RemoteId, name: string, call: CallOptions): Promise<readonly RemoteItem[]> {
    const rows = await this.#allPages('disk.folder.getchildren', { id: folderId, filter: { '=NAME': name }, order: { ID: 'ASC' } }, call)
    return rows.map((row) => required(parseItem(row), 'disk.folder.getchildren'))
  }

  #read(method: string, parameters: PhpParameters, call: CallOptions): Promise<Answer> {
    return this.#ask(method, parameters, true, 'look', call)
  }

  #ask(method: string, parameters: PhpParameters, idempotent: boolean, operation: DiskOperation, call: CallOptions): Promise<Answer> {
    return named(operation, () => this.#rest.call({ method, parameters, idempotent }, call))
  }

  /** One request. */
  async #readMany(commands: readonly BatchCommand[], call: CallOptions): Promise<readonly Outcome<Answer>[]> {
    if (commands.length === 0) return []
    return (await this.#rest.batch(commands, call)).map(answered)
  }

  async #allPages(method: string, parameters: PhpParameters, call: CallOptions): Promise<readonly unknown[]> {
    const rows: unknown[] = []
    let start = 0
    for (let page = 0; page < MOST_PAGES; page += 1) {
      const { result, next } = await this.#read(method, { ...parameters, start }, call)
      if (!Array.isArray(result)) throw unreadable(method)
      rows.push(...(result as readonly unknown[]))
      if (next === undefined || next <= start) return rows
      start = next
    }
    throw unreadable(method)
  }
}

function answered(outcome: BatchOutcome): Outcome<Answer> {
  if (outcome.ok) return { ok: true, value: outcome.answer }
  const error = diskFailure(outcome.error, 'look')
  return { ok: false, error: error instanceof Error ? error : outcome.error }
}

function itemState(outcome: Outcome<Answer>): ItemState {
  if (!outcome.ok) {
    if (hasCode(outcome.error, 'not-found')) return { state: 'not-found' }
    if (hasCode(outcome.error, 'forbidden')) return { state: 'forbidden' }
    return { state: 'unknown', error: outcome.error }
  }
  const item = parseItem(outcome.value.result)
  if (item === undefined) return { state: 'unknown', error: unreadable('disk.*.get') }
  return { state: item.deletedType === 0 ? 'live' : 'trashed', item }
}

/** The folder first: a change between the two shows in its time at the next look, and not only in a page that was read before. */
function pageCommands({ folderId, start, order, changedFolders, withFolder }: ListPageRequest): readonly BatchCommand[] {
  const page = { method: 'disk.folder.getchildren', parameters: { id: folderId, order: ORDERS[order], start, ...(changedFolders === undefined ? {} : { filter: changedFilter(changedFolders) }) } }
  return withFolder === true ? [{ method: 'disk.folder.get', parameters: { id: folderId } }, page] : [page]
}

function changedFilter({ sinceMs, after }: NonNullable<ListPageRequest['changedFolders']>): PhpParameters {
  const since = `${new Date(sinceMs).toISOString().slice(0, 19)}+00:00`
  return { TYPE: 'folder', '>=UPDATE_TIME': since, ...(after === undefined ? {} : { '>ID': after }) }
}

function pageOutcome(request: ListPageRequest, answer: Outcome<Answer> | undefined, folder: Outcome<Answer> | undefined): Outcome<ListPage> {
  for (const outcome of [folder, answer]) if (outcome?.ok === false) return outcome
  const page = answer?.ok === true ? listPage(answer.value, request.start) : undefined
  if (page === undefined) return { ok: false, error: unreadable('disk.folder.getchildren') }
  if (request.withFolder !== true) return { ok: true, value: page }
  const parsed = folder?.ok === true ? parseFolder(folder.value.result) : undefined
  return parsed === undefined ? { ok: false, error: unreadable('disk.folder.get') } : { ok: true, value: { ...page, folder: parsed } }
}

function listPage({ result, total, next }: Answer, start: number): ListPage | undefined {
  if (!Array.isArray(result)) return undefined
  const items = result.map(parseItem).filter((item) => item !== undefined)
  // A page that leads back would never end.
  const onward = next !== undefined && next > start ? next : undefined
  return { items, unreadable: result.length - items.length, total: total ?? start + result.length, next: onward }
}

/** Runs a call with the disk module's failures named. */
async function named<T>(operation: DiskOperation, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    throw diskFailure(error, operation)
  }
}

/** The item a write answers. An answer that cannot be read leaves open what was done, like a lost one. */
function written<T>(item: T | undefined, { result }: Answer, operation: DiskOperation): T {
  if (item !== undefined) return item
  if (result === false || result === null) throw falseResult(operation)
  throw new DriveError('lost-answer', `the portal's answer cannot be read: ${operation} may have been carried out`)
}

function required<T>(value: T | undefined, method: string): T {
  if (value === undefined) throw unreadable(method)
  return value
}

function unreadable(method: string): DriveError {
  return new DriveError('bad-answer', `the portal's answer to ${method} cannot be read`, { fields: { method } })
}
