/**
 * What connecting again means to a folder that was disconnected: the F-rows of bitrix24-desktop-sync.md 11.2. There is no
 * history, so nothing here is ever deleted: what is only on one side comes to the other. Lists the portal's folders that
 * are here as well, and no others. Changes nothing.
 */
import { DriveError } from '../base/errors.js'
import { ROOT_INO, type RemoteId, type StorageId } from '../base/ids.js'
import { caseKey, isTrashName } from '../base/names.js'
import type { CallOptions, Drive, RemoteFile, RemoteFolder, RemoteItem } from '../drive/drive.js'
import { asLink, type Connection } from '../mirror/connected-rows.js'
import { shownName } from '../mirror/item.js'
import { fetchListings } from '../watch/fetch-listings.js'
import { FolderListing } from '../watch/folder-listing.js'
import { exclusionOf, type Exclusion } from '../watch/exclusion.js'
import type { KnownBytes } from './former-profile.js'
import type { LocalEntry } from './folder-scan.js'

/** One item that is here. */
export type Step =
  /** F7: the same folder on both sides. */
  | { readonly kind: 'merge'; readonly entry: LocalEntry; readonly remote: RemoteFolder; readonly children: readonly Step[] }
  /** F5: the same bytes, as an own digest says. */
  | { readonly kind: 'adopt'; readonly entry: LocalEntry; readonly remote: RemoteFile }
  /** Sent as something new (F2); the upload compares bytes where `against` is unproved (F5), and makes a conflict copy where it differs (F6, F8). */
  | { readonly kind: 'send'; readonly entry: LocalEntry; readonly against: 'nothing' | 'unproved' | 'differs'; readonly children: readonly Step[] }
  /** A name that only programs use: it stays here. */
  | { readonly kind: 'keep'; readonly entry: LocalEntry; readonly children: readonly Step[] }
  /** Left where it lies, below the mount: F9, what a drive cannot hold, and what is of a storage that this account cannot reach any more (F10). */
  | { readonly kind: 'leave'; readonly entry: LocalEntry; readonly why: Exclusion | 'unsupported' | 'not-connected' }

export interface AdoptionPlan {
  readonly steps: readonly Step[]
  /** F1: items of the listed folders that are not here; a folder counts as one. */
  readonly down: number
  /** Those of before that lead somewhere still. */
  readonly connections: readonly Connection[]
  /** Those that do not: what lies below their names must not be taken for the own drive's when the folder is connected once more. */
  readonly lost: readonly Connection[]
}

export interface Adoption {
  readonly drive: Pick<Drive, 'listPages' | 'itemStates'>
  readonly rootFolderId: RemoteId
  readonly storageId: StorageId
  /** Folders of other storages that were shown in the root when the folder was disconnected: what lies below their names is theirs. */
  readonly connections: readonly Connection[]
  readonly entries: readonly LocalEntry[]
  readonly known: readonly KnownBytes[]
  /** Folders that the person does not want. */
  readonly unselected: ReadonlySet<RemoteId>
  readonly digest: (entry: LocalEntry) => Promise<string>
  readonly isLocalOnlyName: (name: string) => boolean
}

interface Level {
  readonly folderId: RemoteId
  readonly entries: readonly LocalEntry[]
  readonly into: Step[]
}

/** Fails as listing does; nothing is concluded from a part. */
export async function planAdoption(adoption: Adoption): Promise<AdoptionPlan> {
  const known = new Map(adoption.known.map((bytes) => [bytes.id, bytes]))
  const { live, lost } = await lookAtConnections(adoption)
  const steps: Step[] = []
  let down = 0
  for (let levels: readonly Level[] = [{ folderId: adoption.rootFolderId, entries: adoption.entries, into: steps }]; levels.length > 0; ) {
    const listings = await list(adoption.drive, levels)
    const next: Level[] = []
    for (const [index, { entries, into }] of levels.entries()) {
      const isRoot = into === steps
      const listed = listings[index] ?? []
      const remotes = new Remotes(isRoot ? [...listed, ...connectedBeside(listed, live)] : listed, entries, adoption)
      for (const entry of entries) {
        if (isRoot && lost.some(({ name }) => name === entry.name)) {
          into.push({ kind: 'leave', entry, why: 'not-connected' })
          continue
        }
        const step = await planEntry(adoption, known, remotes, entry, isRoot)
        into.push(step)
        if (step.kind === 'merge') next.push({ folderId: step.remote.realId, entries: entry.children, into: step.children as Step[] })
      }
      down += remotes.unmet
    }
    levels = next
  }
  return { steps, down, connections: live, lost }
}

async function planEntry(adoption: Adoption, known: ReadonlyMap<RemoteId, KnownBytes>, remotes: Remotes, entry: LocalEntry, isRoot: boolean): Promise<Step> {
  if (entry.kind === 'other') return { kind: 'leave', entry, why: 'unsupported' }
  if (adoption.isLocalOnlyName(entry.name) || (isRoot && isTrashName(entry.name))) return keep(entry)
  const remote = remotes.meet(entry.name)
  if (remote === undefined) return send(adoption, entry, 'nothing')
  if (remote.kind === 'folder' && entry.kind === 'folder') {
    const why = exclusionOf(remote, adoption.unselected, adoption.storageId)
    return why === undefined ? { kind: 'merge', entry, remote, children: [] } : { kind: 'leave', entry, why }
  }
  if (remote.kind === 'folder' || entry.kind === 'folder' || remote.sizeBytes !== entry.sizeBytes) return send(adoption, entry, 'differs')
  const bytes = known.get(remote.id)
  if (bytes?.version !== remote.version || bytes.blobId !== remote.blobId || shownName(remote.name, remote.id) !== entry.name) return send(adoption, entry, 'unproved')
  return (await adoption.digest(entry)) === bytes.sha256 ? { kind: 'adopt', entry, remote } : send(adoption, entry, 'differs')
}

function send(adoption: Adoption, entry: LocalEntry, against: 'nothing' | 'unproved' | 'differs'): Step {
  const children = entry.children.map((child): Step => {
    if (child.kind === 'other') return { kind: 'leave', entry: child, why: 'unsupported' }
    return adoption.isLocalOnlyName(child.name) ? keep(child) : send(adoption, child, 'nothing')
  })
  return { kind: 'send', entry, against, children }
}

function keep(entry: LocalEntry): Step {
  return { kind: 'keep', entry, children: entry.children.map((child): Step => (child.kind === 'other' ? { kind: 'leave', entry: child, why: 'unsupported' } : keep(child))) }
}

/** Items of one folder of the portal, each met by one local item at most. */
class Remotes {
  readonly #byName = new Map<string, RemoteItem>()
  readonly #byKey = new Map<string, RemoteItem>()
  readonly #met = new Set<RemoteId>()
  readonly #localNames: ReadonlySet<string>
  readonly #unselected: ReadonlySet<RemoteId>

  readonly #ownStorage: StorageId

  /** Of two items of one name the later one has it. */
  constructor(items: readonly RemoteItem[], entries: readonly LocalEntry[], { unselected, storageId }: Pick<Adoption, 'unselected' | 'storageId'>) {
    this.#ownStorage = storageId
    this.#unselected = unselected
    this.#localNames = new Set(entries.map(({ name }) => name))
    for (const item of items) {
      const name = shownName(item.name, item.id)
      this.#byName.set(name, item)
      this.#byKey.set(caseKey(name), item)
    }
  }

  /** The one that shows under this name here, or that the name would clash with there. */
  meet(name: string): RemoteItem | undefined {
    const item = this.#byName.get(name) ?? this.#twin(name)
    if (item === undefined || this.#met.has(item.id)) return undefined
    this.#met.add(item.id)
    return item
  }

  /** Under another spelling, unless something here has exactly that one. */
  #twin(name: string): RemoteItem | undefined {
    const item = this.#byKey.get(caseKey(name))
    return item === undefined || this.#localNames.has(shownName(item.name, item.id)) ? undefined : item
  }

  get unmet(): number {
    return [...this.#byName.values()].filter((item) => !this.#met.has(item.id) && exclusionOf(item, this.#unselected, this.#ownStorage) === undefined).length
  }
}

/** `lost`: what this account cannot reach any more. Fails where the portal does not tell. */
async function lookAtConnections({ drive, connections }: Adoption): Promise<{ readonly live: readonly Connection[]; readonly lost: readonly Connection[] }> {
  const states = connections.length === 0 ? [] : await drive.itemStates(connections.map(({ realId }) => ({ id: realId, kind: 'folder' as const })), CALL)
  const unknown = states.find((state) => state.state === 'unknown')
  if (unknown !== undefined) throw unknown.error
  const isLive = (index: number): boolean => states[index]?.state === 'live'
  return { live: connections.filter((_, index) => isLive(index)), lost: connections.filter((_, index) => !isLive(index)) }
}

/** As the root would list them, but for those that a link of the portal leads to. */
function connectedBeside(listed: readonly RemoteItem[], connections: readonly Connection[]): readonly RemoteItem[] {
  const reached = new Set(listed.map((item) => (item.kind === 'folder' ? item.realId : item.id)))
  return connections.filter(({ realId }) => !reached.has(realId)).map(asLink)
}

const CALL: CallOptions = { priority: 'interactive' }
const NOW = { mark: 0, turn: 0 } // nothing else asks the portal meanwhile

async function list(drive: Pick<Drive, 'listPages'>, levels: readonly Level[]): Promise<readonly (readonly RemoteItem[])[]> {
  const listings = levels.map(({ folderId, entries }) => new FolderListing({ folder: ROOT_INO, remoteId: folderId, expectedItems: entries.length, newStamp: () => NOW }))
  await fetchListings(drive, listings, CALL)
  return listings.map(({ result }) => {
    if (result?.kind === 'listed') return result.listed.items.filter(({ deletedType }) => deletedType === 0)
    throw result?.error ?? new DriveError('bad-answer', 'the portal did not list a folder')
  })
}
