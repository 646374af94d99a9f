/**
 * Takes the files of a folder that was disconnected back into the drive, as a plan says: rows for what is known on both
 * sides, edits to be sent for the rest, and the bytes into the cache, the file itself where both are on one file system. Until
 * the profile's record is written nothing in the folder has changed, and a run that died before it is begun anew; after
 * it the names in the folder go, by this process or the next one. The profile's lock is held meanwhile.
 */
import { constants } from 'node:fs'
import { chmod, copyFile, link, lstat, mkdir, open, rm, rmdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Clock } from '../base/clock.js'
import { ByteRanges } from '../base/byte-ranges.js'
import { DriveError, systemCode } from '../base/errors.js'
import { asContentId, ROOT_INO, type ContentId, type Ino, type RemoteId } from '../base/ids.js'
import { syncDirectory } from '../base/sync-directory.js'
import { fileFacts } from '../cache/cache-file.js'
import { contentPath } from '../cache/content-path.js'
import { bytesStateValues, insertContent, writeBytesState, type RemoteOrigin } from '../cache/content-rows.js'
import { isDiskFull } from '../cache/system-failure.js'
import { Journal } from '../journal/journal.js'
import { restoreConnections } from '../mirror/connected-rows.js'
import { shownName } from '../mirror/item.js'
import { Mirror } from '../mirror/mirror.js'
import { noteUnselected } from '../mirror/selection-rows.js'
import { Store, type Transaction } from '../store/store.js'
import { readBootId } from './daemon-record.js'
import { dropHistory } from './drop-history.js'
import { removeFormerProfile } from './former-profile.js'
import { readStamp, type LocalEntry } from './folder-scan.js'
import type { ProfilePaths } from './paths.js'
import type { Profile } from './profile.js'
import { readRecord, writeFileAtomic } from './record-file.js'
import type { Step } from './adoption-plan.js'
import { rootFolderOf } from './root-folder.js'
import { SCHEMAS } from './schemas.js'

/** A file whose bytes the cache has, so that its name in the folder may go. */
interface TakenFile {
  readonly names: readonly string[]
  readonly stamp: string
  readonly content: ContentId
}

interface TakenFolder {
  readonly names: readonly string[]
  readonly mode: number
}

const FORMAT = 1

export interface AdoptionWork {
  readonly paths: ProfilePaths
  readonly profile: Profile
  readonly steps: readonly Step[]
  readonly unselected: readonly RemoteId[]
  readonly clock: Clock
}

/** Makes the database anew. 'busy' when a file was changed meanwhile, 'disk-full'. */
export async function prepareAdoption(work: AdoptionWork): Promise<void> {
  const { paths, profile } = work
  await dropHistory(paths) // of a run that died
  await mkdir(paths.contentDirectory, { recursive: true, mode: 0o700 })
  const bootId = await readBootId()
  const store = await Store.open(paths.databasePath, SCHEMAS, { bootId })
  try {
    const taking = new Taking(work, store, bootId)
    await store.transact(async (tx) => {
      await taking.mirror.ensureRoot(tx, rootFolderOf(profile))
      await noteUnselected(tx, work.unselected)
    })
    await taking.all(ROOT_INO, work.steps, false)
    await store.transact((tx) => restoreConnections(taking.mirror, tx, profile.connections ?? []))
    await store.transact(() => Promise.resolve(), { durable: true })
    await store.syncCommitted()
    const record = { format: FORMAT, connectedAt: profile.connectedAt, files: taking.files, folders: taking.folders }
    await writeFileAtomic(paths.adoptionPath, `${JSON.stringify(record)}\n`)
  } catch (error) {
    if (!isDiskFull(error)) throw error
    throw new DriveError('disk-full', `the disk that holds the cache is full: free some space there, or connect with another --folder`, { cause: error })
  } finally {
    await store.close()
  }
  await syncDirectory(dirname(paths.databasePath))
}

/** No connection was made with what was prepared: its names in a folder must never go. */
export async function forgetAdoption(paths: ProfilePaths): Promise<void> {
  await rm(paths.adoptionPath, { force: true })
  await syncDirectory(dirname(paths.adoptionPath))
}

/**
 * Takes the names of what the cache has out of the folder; what was changed since stays, below the mount. To be called before
 * mounting, whatever there is to do: the note of the connection before goes too, which must never be met beside this one's database.
 */
export async function finishAdoption(paths: ProfilePaths, profile: Profile): Promise<void> {
  await removeFormerProfile(paths)
  const record = await readRecord(paths.adoptionPath, `look into ${profile.folder}, then remove it`)
  if (record === undefined) return
  if (record.format === FORMAT && record.connectedAt === profile.connectedAt) {
    const { files, folders } = record as unknown as { files: readonly TakenFile[]; folders: readonly TakenFolder[] }
    await chmod(profile.folder, 0o755)
    try {
      // Its user may have made a folder that not even they can write to.
      for (const { names } of folders) await chmodIfAny(join(profile.folder, ...names), 0o700)
      for (const file of files) await takeName(paths, profile, file)
      for (const { names, mode } of [...folders].reverse()) await removeIfEmpty(join(profile.folder, ...names), mode)
      await syncDirectory(profile.folder)
    } finally {
      await chmod(profile.folder, 0o555)
    }
  }
  await forgetAdoption(paths)
}

async function takeName(paths: ProfilePaths, { folder }: Profile, { names, stamp, content }: TakenFile): Promise<void> {
  const path = join(folder, ...names)
  if ((await readStamp(path)) !== stamp) return
  await chmod(contentPath(paths.contentDirectory, content), 0o600)
  await rm(path, { force: true })
}

/** False where there are no links between the two, or the file has another name somewhere, which edits in the drive must not reach. */
async function linkAlone(path: string, target: string): Promise<boolean> {
  if ((await lstat(path)).nlink > 1) return false
  try {
    await link(path, target)
    return true
  } catch (error) {
    if (!['EXDEV', 'EPERM', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(systemCode(error) ?? '')) throw error
    return false
  }
}

/** What holds something that stays has its mode again. */
async function removeIfEmpty(path: string, mode: number): Promise<void> {
  try {
    await rmdir(path)
  } catch (error) {
    if (!['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes(systemCode(error) ?? '')) throw error
    await chmodIfAny(path, mode)
  }
}

async function chmodIfAny(path: string, mode: number): Promise<void> {
  try {
    await chmod(path, mode)
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error
  }
}

class Taking {
  readonly mirror: Mirror
  readonly files: TakenFile[] = []
  readonly folders: TakenFolder[] = []
  readonly #work: AdoptionWork
  readonly #store: Store
  readonly #bootId: string
  readonly #journal: Journal
  #lastId = 0

  constructor(work: AdoptionWork, store: Store, bootId: string) {
    this.#work = work
    this.#store = store
    this.#bootId = bootId
    this.mirror = new Mirror(store)
    this.#journal = new Journal(store, () => undefined)
  }

  /** The bytes of one folder first, then its rows. */
  async all(parent: Ino, steps: readonly Step[], localOnly: boolean): Promise<void> {
    const taken = new Map<Step, ContentId>()
    for (const step of steps) {
      if (step.entry.kind === 'file' && step.kind !== 'leave') taken.set(step, await this.#take(step.entry))
    }
    const inos = await this.#store.transact(async (tx) => {
      const made = new Map<Step, Ino>()
      for (const step of steps) if (step.kind !== 'leave') made.set(step, await this.#row(tx, parent, step, { content: taken.get(step), localOnly }))
      return made
    })
    for (const step of steps) {
      if (!('children' in step) || step.entry.kind !== 'folder') continue
      this.folders.push({ names: step.entry.names, mode: step.entry.mode })
      await this.all(inos.get(step) ?? parent, step.children, localOnly || step.kind === 'keep')
    }
  }

  /** The file of a new content; the folder's own name for it stays. */
  async #take(entry: LocalEntry): Promise<ContentId> {
    const content = asContentId((this.#lastId += 1))
    const path = join(this.#work.profile.folder, ...entry.names)
    const target = contentPath(this.#work.paths.contentDirectory, content)
    await mkdir(dirname(target), { recursive: true, mode: 0o700 })
    if (!(await linkAlone(path, target))) await copyFile(path, target, constants.COPYFILE_FICLONE)
    const file = await open(target)
    try {
      await file.sync()
    } finally {
      await file.close()
    }
    await syncDirectory(dirname(target))
    if ((await readStamp(path)) !== entry.stamp) throw new DriveError('busy', `${path} was changed while it was looked at: connect again when nothing writes to it`)
    this.files.push({ names: entry.names, stamp: entry.stamp, content })
    return content
  }

  async #row(tx: Transaction, parent: Ino, step: Exclude<Step, { kind: 'leave' }>, { content, localOnly }: { content: ContentId | undefined; localOnly: boolean }): Promise<Ino> {
    const { name, mode, mtimeMs, sizeBytes, kind } = step.entry
    const mtime = Math.trunc(mtimeMs)
    if (step.kind === 'merge' || step.kind === 'adopt') {
      const { remote } = step
      const ino = await this.mirror.insertRemote(tx, parent, shownName(remote.name, remote.id), remote)
      if (remote.kind === 'file') await this.#content(tx, content, sizeBytes, { fileId: remote.id, version: remote.version, blobId: remote.blobId })
      await this.mirror.update(tx, await this.mirror.needIn(tx, ino), { mode, mtimeMs: mtime, contentId: content ?? null })
      return ino
    }
    await this.#content(tx, content, sizeBytes, null)
    const isKept = localOnly || step.kind === 'keep'
    const ino = await this.mirror.insertLocal(tx, { parent, name, kind: kind === 'folder' ? 'folder' : 'file', mode, sizeBytes, mtimeMs: mtime, contentId: content ?? null, localOnly: isKept })
    if (!isKept) await this.#journal.touch(tx, ino, this.#work.clock.nowMs(), this.#work.clock.nowMs())
    return ino
  }

  /** No stamp: the folder's name for the same file is still to go, which changes it. */
  async #content(tx: Transaction, id: ContentId | undefined, sizeBytes: number, origin: RemoteOrigin | null): Promise<void> {
    if (id === undefined) return
    const facts = await fileFacts(contentPath(this.#work.paths.contentDirectory, id))
    await insertContent(tx, { id, sizeBytes, dirty: origin === null, origin, bootId: this.#bootId, nowMs: this.#work.clock.nowMs() })
    const state = { sizeBytes, ranges: ByteRanges.whole(sizeBytes), allocatedBytes: facts?.allocatedBytes ?? 0, synced: true, stamp: null }
    await writeBytesState(tx, bytesStateValues(id, state, this.#bootId))
  }
}
