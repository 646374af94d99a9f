/**
 * The profile record: which portal, which account, which drive, which folder. Written by `connect`, read by everything
 * else; no secret stands in it.
 */
import { asRemoteId, asStorageId, type RemoteId, type StorageId } from '../base/ids.js'
import { DriveError } from '../base/errors.js'
import type { Connection } from '../mirror/connected-rows.js'
import { connectionsField, lostField, readKeptConnections } from './kept-connections.js'
import type { ProfilePaths } from './paths.js'
import { damagedRecord, readFileIfAny, readRecord, writeFileAtomic, type Fields } from './record-file.js'

export interface Profile {
  /** Host of the portal, with a port where it is not the usual one. */
  readonly portal: string
  readonly userId: string
  readonly userName: string
  readonly storageId: StorageId
  readonly rootFolderId: RemoteId
  /** Absolute path of the folder. */
  readonly folder: string
  /** Permission bits the folder had before it was sealed (6a.13); given back at disconnect. */
  readonly folderMode: number
  readonly connectedAt: string
  readonly mode: 'elastic'
  /** What opens the portal; a webhook where nothing is said. */
  readonly access?: 'application'
  /** Folders of other storages that were connected here before (R6): for a database that is made anew, and nothing else. */
  readonly connections?: readonly Connection[]
  /** Of those, what could not be reached any more: tried again when the folder is disconnected and connected. */
  readonly lostConnections?: readonly Connection[]
  /** The portal's own identity, which outlives a change of its address; only an application is told it. */
  readonly memberId?: string
}

/** Whose files the local state is about. */
export type Owner = Pick<Profile, 'portal' | 'userId' | 'memberId'>

const FORMAT = 1
const NEXT_STEP = 'connect again with "elastic-drive connect", nothing that was not sent yet is lost by that'

/** Undefined when the profile was never connected; `profile-damaged` when its record cannot be understood. */
export async function readProfile(paths: ProfilePaths): Promise<Profile | undefined> {
  const fields = await readRecord(paths.profilePath, NEXT_STEP)
  if (fields === undefined) return undefined
  const text = (name: string): string => readText(fields, name, paths)
  if (fields.format !== FORMAT || fields.mode !== 'elastic') {
    throw new DriveError('profile-damaged', `the file ${paths.profilePath} was written by another version of elastic-drive: update the program, or use another profile`)
  }
  const folder = text('folder')
  if (!folder.startsWith('/')) throw damagedRecord(paths.profilePath, NEXT_STEP)
  return {
    portal: text('portal'),
    userId: text('userId'),
    userName: text('userName'),
    storageId: asStorageId(text('storageId')),
    rootFolderId: asRemoteId(text('rootFolderId')),
    folder,
    folderMode: typeof fields.folderMode === 'number' ? fields.folderMode & 0o777 : 0o755,
    connectedAt: text('connectedAt'),
    mode: 'elastic',
    ...(fields.access === 'application' ? { access: 'application' } : {}),
    ...(typeof fields.memberId === 'string' ? { memberId: fields.memberId } : {}),
    ...connectionsField(readKeptConnections(fields.connections)),
    ...lostField(readKeptConnections(fields.lostConnections)),
  }
}

/** The record of a connected profile, or `not-connected` with the next step. */
export async function requireProfile(paths: ProfilePaths): Promise<Profile> {
  await refuseHalfDisconnected(paths)
  const profile = await readProfile(paths)
  if (profile === undefined) {
    const option = paths.profile === 'default' ? '' : ` --profile ${paths.profile}`
    throw new DriveError('not-connected', `no Bitrix24 account is connected: connect one with "elastic-drive connect${option}"`)
  }
  return profile
}

/** A disconnect has begun (disconnection.ts) and did not come to its end: what it has not moved yet must not be worked with. */
export async function isHalfDisconnected(paths: ProfilePaths): Promise<boolean> {
  return (await readFileIfAny(paths.disconnectionPath)) !== undefined
}

/** 'not-connected' in that case. */
export async function refuseHalfDisconnected(paths: ProfilePaths): Promise<void> {
  if (await isHalfDisconnected(paths)) throw new DriveError('not-connected', 'a disconnect did not come to its end: finish it with "elastic-drive disconnect"')
}

export async function writeProfile(paths: ProfilePaths, profile: Profile): Promise<void> {
  await writeFileAtomic(paths.profilePath, `${JSON.stringify({ format: FORMAT, ...profile }, undefined, 2)}\n`)
}

/** Two records of the same account on the same portal: the same drive, whatever opens it and wherever the portal is now. */
export function isSameAccount(one: Owner, other: Owner): boolean {
  const isSamePortal = one.memberId !== undefined && other.memberId !== undefined ? one.memberId === other.memberId : one.portal === other.portal
  return isSamePortal && one.userId === other.userId
}

function readText(fields: Fields, name: string, paths: ProfilePaths): string {
  const value = fields[name]
  if (typeof value !== 'string' || (value === '' && name !== 'userName')) throw damagedRecord(paths.profilePath, NEXT_STEP)
  return value
}
