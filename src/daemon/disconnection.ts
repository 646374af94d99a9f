/**
 * The record of a disconnect that has begun: every file that stays with the user, where it goes, and whose connection it
 * was. Decided once and written before anything is touched; from then on the only way is forward, and whoever dies on it
 * goes on from here. Holds no secret.
 */
import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { asContentId, asRemoteId, type ContentId, type RemoteId } from '../base/ids.js'
import { syncDirectory } from '../base/sync-directory.js'
import type { RemoteOrigin } from '../cache/content-rows.js'
import type { Connection } from '../mirror/connected-rows.js'
import { readKeptConnections } from './kept-connections.js'
import type { ProfilePaths } from './paths.js'
import type { Profile } from './profile.js'
import { damagedRecord, readRecord, writeFileAtomic } from './record-file.js'

export interface KeptFile {
  readonly content: ContentId
  /** From the folder down. */
  readonly names: readonly string[]
  readonly mode: number
  readonly mtimeMs: number
  readonly sizeBytes: number
  /** The portal's bytes that it is a copy of; null: it holds an edit. */
  readonly copyOf: (RemoteOrigin & { readonly sha256: string }) | null
}

export interface KeptFolder {
  readonly names: readonly string[]
  readonly mode: number
}

export interface Disconnection {
  readonly profile: Profile
  /** Parents first: those of the files, and those that were made here and are not on the portal. */
  readonly folders: readonly KeptFolder[]
  readonly files: readonly KeptFile[]
  /** The user's choice, which connecting again goes by. */
  readonly connections: readonly Connection[]
  /** Folders that the person does not want: a choice that outlives the connection. */
  readonly unselected: readonly RemoteId[]
}

const FORMAT = 1
const NEXT_STEP = 'copy what is missing out with "elastic-drive rescue DIR", then remove it'

/** Undefined when none is under way. 'profile-damaged'. */
export async function readDisconnection(paths: ProfilePaths): Promise<Disconnection | undefined> {
  const fields = await readRecord(paths.disconnectionPath, NEXT_STEP)
  if (fields === undefined) return undefined
  const { profile, folders, files, connections, unselected } = fields
  if (fields.format !== FORMAT || typeof profile !== 'object' || profile === null || !arePlaced(folders) || !arePlaced(files)) {
    throw damagedRecord(paths.disconnectionPath, NEXT_STEP)
  }
  return { profile: profile as Profile, folders: folders as readonly KeptFolder[], files: (files as readonly KeptFile[]).map((file) => ({ ...file, content: asContentId(Number(file.content)) })), connections: readKeptConnections(connections), unselected: remoteIds(unselected) }
}

/** After it a power loss finds the record. */
export async function writeDisconnection(paths: ProfilePaths, disconnection: Disconnection): Promise<void> {
  await writeFileAtomic(paths.disconnectionPath, `${JSON.stringify({ format: FORMAT, ...disconnection })}\n`)
}

export async function removeDisconnection(paths: ProfilePaths): Promise<void> {
  await rm(paths.disconnectionPath, { force: true })
  await syncDirectory(dirname(paths.disconnectionPath))
}

/** None in a record that was written before there was a choice. */
export function remoteIds(list: unknown): readonly RemoteId[] {
  return Array.isArray(list) ? list.filter((id) => typeof id === 'string').map(asRemoteId) : []
}

/** The rest of each is what we wrote; a name must not lead out of the folder, whoever wrote it. */
function arePlaced(list: unknown): list is readonly unknown[] {
  return Array.isArray(list) && (list as readonly Partial<KeptFolder>[]).every(({ names }) => Array.isArray(names) && names.length > 0 && names.every(isPlainName))
}

function isPlainName(name: unknown): boolean {
  return typeof name === 'string' && name !== '' && name !== '.' && name !== '..' && !name.includes('/')
}
