/** `storages`: which other storages there are, and connecting and disconnecting them by the names that a person gives. */
import { DriveError } from '../base/errors.js'
import { caseKey } from '../base/names.js'
import type { ConnectedStorage, DisconnectedStorage, StorageConnected, StoragesAnswer, StorageStatus } from '../control/commands.js'
import type { CallOptions, RemoteFolder } from '../drive/drive.js'
import { connectedId, othersLeadingTo, readConnections, type Connection } from '../mirror/connected-rows.js'
import type { Item } from '../mirror/item.js'
import type { DriveCore } from './drive-core.js'
import type { DriveReport } from './drive-report.js'
import { nameUnsent } from './named-items.js'
import type { Profile } from './profile.js'
import { findStorage, nameStorages, type NamedStorage } from './storage-names.js'

export interface StorageCommandsOptions {
  readonly core: DriveCore
  readonly report: DriveReport
  readonly profile: Pick<Profile, 'storageId'>
}

/** Other people's drives, which an administrator may read all, only when asked for, or connected (O-16). */
export async function listStorages({ core, report, profile }: StorageCommandsOptions, all: boolean, signal: AbortSignal): Promise<StoragesAnswer> {
  const named = await readStorages(core, profile, signal)
  const connections = await readConnections(core.store.read)
  const storages: StorageStatus[] = []
  let people = 0
  for (const { storage, label } of named) {
    const shown = await shownBy(core, report, storage.rootId)
    if (storage.entityType === 'user' && !all && shown.by === null) people += 1
    else storages.push({ name: label, id: storage.id, kind: storage.entityType, connected: shown.by !== null, ...shown })
  }
  const roots = new Set(named.map(({ storage }) => storage.rootId))
  const folders: ConnectedStorage[] = []
  for (const { realId, storageId, source } of connections) {
    if (!roots.has(realId)) folders.push({ name: source, storage: storageId, ...(await shownBy(core, report, realId)) })
  }
  return { storages, folders, people }
}

/** 'not-found' and 'invalid' with what to do; what the portal says of a folder. */
export async function connectStorage(options: StorageCommandsOptions, name: string, signal: AbortSignal): Promise<StorageConnected> {
  const { core, report } = options
  const { folder, source, title } = await findFolder(options, name, signal)
  const { shown, already } = await core.connections.connect(folder, { source, title }, signal)
  const path = (await report.paths.of(shown.ino)) ?? null
  return { name: source, path, by: shown.base?.id === connectedId(folder.realId) ? 'here' : 'portal', already }
}

/** 'not-found', 'invalid' for what was connected on the web. */
export async function disconnectStorage(options: StorageCommandsOptions, name: string, signal: AbortSignal): Promise<DisconnectedStorage> {
  const { core, report } = options
  const connection = await findConnection(core, name)
  const row = await core.mirror.byRemoteId(connectedId(connection.realId))
  if (row === undefined) throw new DriveError('not-found', `"${name}" is not connected`)
  const path = row.excluded ? null : ((await report.paths.of(row.ino)) ?? null)
  const unsent = await core.connections.unsentBelow(row)
  if (unsent.length > 0) {
    return { name: connection.source, path, disconnected: false, unsent: await nameUnsent(report.paths, unsent) }
  }
  await core.connections.disconnect(row, signal)
  return { name: connection.source, path, disconnected: true, unsent: [] }
}

/** Without the account's own. */
async function readStorages(core: DriveCore, profile: Pick<Profile, 'storageId'>, signal: AbortSignal): Promise<readonly NamedStorage[]> {
  return nameStorages((await core.drive.drive.storages(callOf(signal))).filter(({ id }) => id !== profile.storageId))
}

async function shownBy({ mirror, store }: DriveCore, report: DriveReport, realId: Connection['realId']): Promise<{ readonly path: string | null; readonly by: 'here' | 'portal' | null }> {
  const own = await mirror.byRemoteId(connectedId(realId))
  const isOwn = own !== undefined && !own.deleted && !own.excluded
  const shown: Item | undefined = isOwn ? own : (await othersLeadingTo(mirror, store.read, { id: connectedId(realId), realId })).find(({ deleted, excluded }) => !deleted && !excluded)
  if (shown === undefined) return { path: null, by: null }
  return { path: (await report.paths.of(shown.ino)) ?? null, by: isOwn ? 'here' : 'portal' }
}

async function findFolder({ core, profile }: StorageCommandsOptions, name: string, signal: AbortSignal): Promise<{ readonly folder: RemoteFolder; readonly source: string; readonly title: string }> {
  const { drive } = core.drive
  const wanted = name.replace(/\/+$/u, '')
  const { found, inside } = findStorage(await readStorages(core, profile, signal), wanted)
  let realId = found.storage.rootId
  const names = [found.label]
  for (const part of inside) {
    const folders = (await drive.childrenNamed(realId, part, callOf(signal))).filter((item): item is RemoteFolder => item.kind === 'folder' && item.deletedType === 0)
    const folder = folders.find((each) => each.name === part) ?? folders[0]
    if (folder === undefined) throw new DriveError('not-found', `"${names.join('/')}" has no folder "${part}"`)
    names.push(folder.name)
    realId = folder.realId
  }
  const folder = await drive.getFolder(realId, callOf(signal))
  if (folder.deletedType !== 0) throw new DriveError('not-found', `"${names.join('/')}" is in the portal's trash`)
  if (folder.storageId === profile.storageId) throw new DriveError('invalid', `"${names.join('/')}" leads into your own drive, which is shown already`)
  return { folder, source: names.join('/'), title: inside.length === 0 ? found.storage.name : (names.at(-1) ?? found.storage.name) }
}

/** By the name under which it is shown, else by what it is called on the portal. */
async function findConnection({ store, mirror }: DriveCore, name: string): Promise<Connection> {
  const wanted = name.replace(/\/+$/u, '')
  const connections = await readConnections(store.read)
  const ways: readonly ((connection: Connection) => boolean)[] = [
    (connection) => connection.name === wanted,
    ({ source }) => source === wanted,
    (connection) => caseKey(connection.name) === caseKey(wanted),
    ({ source }) => caseKey(source) === caseKey(wanted),
  ]
  for (const isMeant of ways) {
    const found = connections.find(isMeant)
    if (found !== undefined) return found
  }
  const standing = await mirror.find([wanted])
  if (standing?.base !== null && standing?.base?.realId !== standing?.base?.id) throw new DriveError('invalid', `"${name}" was connected on the web: delete its folder in the drive, or disconnect it there`)
  throw new DriveError('not-found', `"${name}" is not connected: "elastic-drive storages" lists what is`)
}

function callOf(signal: AbortSignal): CallOptions {
  return { priority: 'interactive', signal }
}
