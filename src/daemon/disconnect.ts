/**
 * Ending a connection (R11): what is here whole stays in the folder as ordinary files, the history goes, the folder is the
 * user's again. In steps that a process may die between: once the record of it is written, the next run does the rest.
 * The mount must be gone; the profile's lock is held meanwhile.
 */
import { chmod, mkdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Clock } from '../base/clock.js'
import { DriveError } from '../base/errors.js'
import { ROOT_INO } from '../base/ids.js'
import { syncDirectory } from '../base/sync-directory.js'
import { recoverRows } from '../cache/recover-rows.js'
import { readConnections } from '../mirror/connected-rows.js'
import { getItem } from '../mirror/item-queries.js'
import { findMount } from '../engine/mount-table.js'
import { readUnselected } from '../mirror/selection-rows.js'
import { takeProcessLock } from '../store/process-lock.js'
import { Store } from '../store/store.js'
import { readBootId } from './daemon-record.js'
import { dropHistory } from './drop-history.js'
import { writeFormerProfile, type KnownBytes } from './former-profile.js'
import { giveBack, type Aside } from './give-back.js'
import type { LastingGrants } from './grant-store.js'
import { isThere } from './is-there.js'
import { refuseLostDatabase } from './lost-database.js'
import { ensureMarker } from './marker.js'
import { readDisconnection, removeDisconnection, writeDisconnection, type Disconnection } from './disconnection.js'
import { connectionsField } from './kept-connections.js'
import { planKept } from './kept-items.js'
import type { ProfilePaths } from './paths.js'
import { requireProfile, type Profile } from './profile.js'
import { finishAdoption } from './adoption.js'
import { SCHEMAS } from './schemas.js'
import type { SecretStore } from './secrets.js'

export interface DisconnectWithin {
  readonly paths: ProfilePaths
  readonly clock: Clock
  readonly secrets: Pick<SecretStore, 'removeWebhook'>
  readonly grants: Pick<LastingGrants, 'remove'>
}

export interface Disconnected {
  readonly folder: string
  /** Ordinary files now; of an interrupted run those of both. */
  readonly kept: { readonly files: number; readonly folders: number; readonly bytes: number }
  readonly aside: readonly Aside[]
}

/**
 * 'not-connected'; 'already-mounted' while something is mounted on the folder, 'already-running' while a daemon of the
 * profile runs, 'would-lose-data' when an unsent edit cannot be read, 'disk-full', 'database-damaged'.
 */
export async function disconnectProfile(within: DisconnectWithin): Promise<Disconnected> {
  const { paths } = within
  const lock = await takeProcessLock(paths.lockPath)
  try {
    const begun = await readDisconnection(paths)
    const { folder } = begun?.profile ?? (await requireProfile(paths))
    if ((await findMount(folder)) !== undefined) throw new DriveError('already-mounted', `${folder} is mounted: unmount it first`)
    return await part(within, begun ?? (await decide(paths, await requireProfile(paths))))
  } finally {
    await lock.release()
  }
}

/** From here on the only way is forward. */
async function decide(paths: ProfilePaths, profile: Profile): Promise<Disconnection> {
  await finishAdoption(paths, profile)
  await refuseLostDatabase(paths)
  if (!(await isThere(paths.databasePath))) {
    const nothing = { profile, folders: [], files: [], unselected: [], connections: [...(profile.connections ?? []), ...(profile.lostConnections ?? [])] }
    await writeDisconnection(paths, nothing)
    return nothing
  }
  const bootId = await readBootId()
  const store = await Store.open(paths.databasePath, SCHEMAS, { bootId })
  try {
    await recoverRows(store, paths.contentDirectory, bootId)
    const { folders, files, lost } = await planKept({ reader: store.read, contentDirectory: paths.contentDirectory, bootId })
    const [first] = lost
    if (first !== undefined) {
      const others = lost.length === 1 ? '' : ` (and ${lost.length - 1} more)`
      throw new DriveError('would-lose-data', `the unsent edit of ${join(profile.folder, ...first.names)}${others} cannot be read (${first.reason}): look at what "elastic-drive rescue DIR" still finds, then delete it in the mounted drive`)
    }
    const root = await getItem(store.read, ROOT_INO)
    const standing = root === undefined ? (profile.connections ?? []) : await readConnections(store.read)
    const outOfReach = (profile.lostConnections ?? []).filter(({ realId }) => !standing.some((connection) => connection.realId === realId))
    const connections = [...standing, ...outOfReach]
    const disconnection = { profile, folders, files, connections, unselected: [...(await readUnselected(store.read))] }
    await writeDisconnection(paths, disconnection)
    return disconnection
  } finally {
    await store.close()
  }
}

async function part({ paths, clock, secrets, grants }: DisconnectWithin, { profile, folders, files, connections, unselected }: Disconnection): Promise<Disconnected> {
  const { folder, folderMode } = profile
  await mkdir(folder, { recursive: true })
  await chmod(folder, folderMode | 0o700)
  const aside = await giveBack({ folder, contentDirectory: paths.contentDirectory, folders, files })
  await ensureMarker(folder, { profile: paths.profile, portal: profile.portal, userId: profile.userId })
  await writeFormerProfile(paths, {
    portal: profile.portal,
    userId: profile.userId,
    ...(profile.memberId === undefined ? {} : { memberId: profile.memberId }),
    storageId: profile.storageId,
    folder,
    folderMode,
    ...connectionsField(connections),
    disconnectedAt: new Date(clock.nowMs()).toISOString(),
    unselected,
    known: files.flatMap(({ copyOf, sizeBytes }): readonly KnownBytes[] =>
      copyOf === null ? [] : [{ id: copyOf.fileId, version: copyOf.version, blobId: copyOf.blobId, sizeBytes, sha256: copyOf.sha256 }],
    ),
  })
  await dropHistory(paths)
  await secrets.removeWebhook()
  await grants.remove()
  await rm(paths.profilePath, { force: true })
  await syncDirectory(dirname(paths.profilePath))
  await chmod(folder, folderMode)
  await removeDisconnection(paths)
  return { folder, kept: { files: files.length, folders: folders.length, bytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) }, aside }
}
