/**
 * The folder in which facts are tried: made in the root of the account's own drive under a name of its own, and put into
 * the portal's trash afterwards. Everything that a probe changes lies in it. Speaks the protocol raw, because what a probe
 * looks at is what the typed drive evens out.
 */
import { delay, type Clock } from '../../base/clock.js'
import { DriveError, errorCode, errorText, hasCode } from '../../base/errors.js'
import type { RemoteId } from '../../base/ids.js'
import type { Random } from '../../base/random.js'
import { isObject, type Answer } from '../../rest/envelope.js'
import type { PhpParameters } from '../../rest/php-query.js'
import type { RestClient } from '../../rest/rest-client.js'
import type { Exchange } from '../../rest/transport.js'
import { wholeSource } from '../../rest/whole-body.js'
import type { CallOptions, Drive } from '../drive.js'
import { uploadForm } from '../upload-bodies.js'

export type Row = Readonly<Record<string, unknown>>

/** A refusal as the portal gave it. */
export interface Refusal {
  readonly status: number | undefined
  /** Undefined when it was not the portal's own JSON. */
  readonly portalCode: string | undefined
  readonly description: string
}

export interface ScratchOptions {
  readonly rest: RestClient
  readonly drive: Drive
  readonly clock: Clock
  readonly random: Random
  readonly rootId: RemoteId
  readonly signal: AbortSignal
}

const PERSON: CallOptions = { priority: 'interactive' }
const TICK_MS = 1_100 // the portal's times are whole seconds

export class Scratch {
  readonly folderId: RemoteId
  readonly folderName: string
  readonly #rest: RestClient
  readonly #clock: Clock
  readonly #random: Random
  readonly #signal: AbortSignal
  #names = 0

  /** Makes the folder, runs `work`, and trashes the folder whatever came of it; one that may be left behind is told by its name. */
  static async use<T>(options: ScratchOptions, work: (scratch: Scratch) => Promise<T>): Promise<T> {
    const { drive, clock, random } = options
    const folderName = `Elastic Drive check ${new Date(clock.nowMs()).toISOString().slice(0, 16).replace('T', ' ').replace(':', '.')} ${random.hex(3)}`
    const folderId = await makeFolder(options, folderName)
    const scratch = new Scratch({ ...options, folderId, folderName })
    try {
      return await work(scratch)
    } finally {
      // Also after an interruption: it is somebody's drive.
      await drive.trash({ id: folderId, kind: 'folder' }, PERSON).catch((error: unknown) => {
        throw leftBehind(error, `the folder "${folderName}" could not be put into the trash of your drive`)
      })
    }
  }

  private constructor(options: ScratchOptions & { folderId: RemoteId; folderName: string }) {
    this.#rest = options.rest
    this.#clock = options.clock
    this.#random = options.random
    this.#signal = options.signal
    this.folderId = options.folderId
    this.folderName = options.folderName
  }

  /** A name that nothing in the folder has yet. */
  newName(suffix = ''): string {
    this.#names += 1
    return `check ${this.#names}${suffix}`
  }

  ask(method: string, parameters: PhpParameters): Promise<Answer> {
    return this.#rest.call({ method, parameters, idempotent: false }, { ...PERSON, signal: this.#signal })
  }

  async row(method: string, parameters: PhpParameters): Promise<Row> {
    return rowOf(method, await this.ask(method, parameters))
  }

  async rows(method: string, parameters: PhpParameters): Promise<readonly Row[]> {
    const { result } = await this.ask(method, parameters)
    if (!Array.isArray(result) || !result.every(isObject)) throw new DriveError('bad-answer', `the portal's answer to ${method} is no list`)
    return result
  }

  /** What the portal refuses with; undefined when it does what is asked. What says nothing of the question is no refusal: a network that is gone, an account that is shut out. */
  async refusal(asked: Promise<unknown>): Promise<Refusal | undefined> {
    try {
      await asked
      return undefined
    } catch (error) {
      if (hasCode(error, 'offline', 'deadline', 'cancelled', 'rate-limited', 'operating-limit', 'overload', 'bad-credentials')) throw error
      if (!(error instanceof DriveError)) throw error
      const { status, portalCode, description } = error.fields
      if (typeof status !== 'number') throw error
      if (status >= 500 && typeof portalCode !== 'string') throw error // a front end's page: the portal was not even asked
      return { status, portalCode: typeof portalCode === 'string' ? portalCode : undefined, description: typeof description === 'string' ? description : '' }
    }
  }

  /** By the upload form (6.2), with whatever name and bytes. */
  async upload(name: string, bytes: Uint8Array): Promise<Answer> {
    const { result } = await this.ask('disk.folder.uploadfile', { id: this.folderId })
    const form = uploadForm(result, { fileName: name, source: wholeSource(bytes), boundary: `elastic-drive-${this.#random.hex(16)}` })
    if (form === undefined) throw new DriveError('bad-answer', 'the portal gave no address to upload to')
    return this.#rest.post(form.url, form.body, { ...PERSON, signal: this.#signal })
  }

  /** A file of these bytes; its row as it was answered. */
  async file(bytes: Uint8Array, suffix = '.txt'): Promise<Row> {
    return rowOf('upload', await this.upload(this.newName(suffix), bytes))
  }

  /** The head of a download of the file as it is now. The body is not read. */
  async download(fileId: string, headers: Readonly<Record<string, string>>): Promise<Pick<Exchange, 'status' | 'header'>> {
    const { DOWNLOAD_URL: url } = await this.row('disk.file.get', { id: fileId })
    if (typeof url !== 'string') throw new DriveError('bad-answer', 'the portal gave no address to download from')
    const exchange = await this.#rest.fetchBytes(url, headers, { ...PERSON, signal: this.#signal })
    exchange.discard()
    return exchange
  }

  /** Until the portal's clock shows another second. */
  async tick(): Promise<void> {
    await delay(this.#clock, TICK_MS, this.#signal)
  }
}

/** Not to be interrupted: a folder that is made and whose id is not known would stay. Its name is nobody else's, so it is found after a lost answer. */
async function makeFolder({ drive, rootId, signal }: ScratchOptions, name: string): Promise<RemoteId> {
  if (signal.aborted) throw new DriveError('cancelled', 'the request was cancelled')
  try {
    return (await drive.createFolder(rootId, name, PERSON)).id
  } catch (error) {
    if (!hasCode(error, 'lost-answer')) throw error
    const made = await drive.childrenNamed(rootId, name, PERSON).catch((failure: unknown) => {
      throw leftBehind(failure, `the folder "${name}" may have been made in your drive`)
    })
    const found = made.find((item) => item.name === name)
    if (found === undefined) throw leftBehind(error, `the folder "${name}" may yet come into your drive`)
    return found.id
  }
}

function leftBehind(error: unknown, what: string): DriveError {
  return new DriveError(errorCode(error), `${what}: look for it on the web and delete it there (${errorText(error)})`, { cause: error })
}

/** Ids, counters and times come as text or as numbers (section 3). */
export function textOf(row: Row, field: string): string {
  const value = row[field]
  if (typeof value !== 'string' && typeof value !== 'number') throw new DriveError('bad-answer', `the portal's answer has no ${field}`)
  return String(value)
}

export function rowOf(method: string, { result }: Answer): Row {
  if (!isObject(result)) throw new DriveError('bad-answer', `the portal's answer to ${method} is not an object`)
  return result
}
