/**
 * What is remembered of a connection that was ended (6a.13): whose folder it was, so that connecting again takes it, the
 * digests of what lay in it, so that what is equal on both sides is known without a transfer (F5), and which folders are not
 * wanted (F9). No history: nothing is ever taken for deleted because of it. Holds no secret.
 */
import { rm } from 'node:fs/promises'
import { asRemoteId, type RemoteId } from '../base/ids.js'
import { remoteIds } from './disconnection.js'
import { connectionsField, readKeptConnections } from './kept-connections.js'
import type { ProfilePaths } from './paths.js'
import type { Owner, Profile } from './profile.js'
import { damagedRecord, readRecord, writeFileAtomic } from './record-file.js'

/** The portal's bytes of this version of this file had this digest. */
export interface KnownBytes {
  readonly id: RemoteId
  readonly version: number
  readonly blobId: string
  readonly sizeBytes: number
  /** Lower-case hexadecimal. */
  readonly sha256: string
}

export interface FormerProfile extends Owner, Pick<Profile, 'folder' | 'folderMode' | 'storageId' | 'connections'> {
  readonly disconnectedAt: string
  readonly known: readonly KnownBytes[]
  /** Folders that the person does not want. */
  readonly unselected: readonly RemoteId[]
}

const FORMAT = 1
const NEXT_STEP = 'remove it, and connect with a new folder'

/** Undefined when there was no connection before, or another one since. 'profile-damaged'. */
export async function readFormerProfile(paths: ProfilePaths): Promise<FormerProfile | undefined> {
  const fields = await readRecord(paths.formerProfilePath, NEXT_STEP)
  if (fields === undefined) return undefined
  const { portal, userId, memberId, storageId, folder, folderMode, disconnectedAt, known, unselected } = fields as Partial<Record<keyof FormerProfile, unknown>>
  const isSound = [portal, userId, storageId, folder, disconnectedAt].every((value) => typeof value === 'string') && typeof folderMode === 'number' && Array.isArray(known)
  if (fields.format !== FORMAT || !isSound) throw damagedRecord(paths.formerProfilePath, NEXT_STEP)
  return {
    portal: String(portal),
    userId: String(userId),
    ...(typeof memberId === 'string' ? { memberId } : {}),
    storageId: String(storageId) as Profile['storageId'],
    folder: String(folder),
    folderMode: folderMode & 0o777,
    disconnectedAt: String(disconnectedAt),
    ...connectionsField(readKeptConnections(fields.connections)),
    known: (known as readonly unknown[]).flatMap(knownBytesOf),
    unselected: remoteIds(unselected),
  }
}

export async function writeFormerProfile(paths: ProfilePaths, former: FormerProfile): Promise<void> {
  await writeFileAtomic(paths.formerProfilePath, `${JSON.stringify({ format: FORMAT, ...former })}\n`)
}

export async function removeFormerProfile(paths: ProfilePaths): Promise<void> {
  await rm(paths.formerProfilePath, { force: true })
}

/** What cannot be understood is not known: those bytes are compared with the portal's. */
function knownBytesOf(value: unknown): readonly KnownBytes[] {
  const { id, version, blobId, sizeBytes, sha256 } = (value ?? {}) as Partial<Record<keyof KnownBytes, unknown>>
  if (typeof id !== 'string' || typeof version !== 'number' || typeof blobId !== 'string' || typeof sizeBytes !== 'number' || typeof sha256 !== 'string') return []
  return [{ id: asRemoteId(id), version, blobId, sizeBytes, sha256 }]
}
