/**
 * What `doctor` looks at: each check is one thing that must hold for the drive to work here, with what to do when it
 * does not. Nothing is changed, and nothing below the mount is touched.
 */
import { constants } from 'node:fs'
import { access, lstat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../base/clock.js'
import { DriveError, errorText, systemCode } from '../base/errors.js'
import { chooseEngine } from '../engine/mount-engine.js'
import { findMount } from '../engine/mount-table.js'
import { Connection } from '../store/connection.js'
import { refuseLostDatabase } from './lost-database.js'
import { readMarker } from './marker.js'
import type { ProfilePaths, Surroundings } from './paths.js'
import { readPortalTraits } from './portal-traits.js'
import { readProfile, requireProfile, type Profile } from './profile.js'
import { readSettings } from './settings.js'
import { withProfileDrive } from './short-drive.js'

export interface CheckSurroundings {
  readonly paths: ProfilePaths
  readonly surroundings: Surroundings
  readonly clock: Clock
}

export interface Check {
  readonly name: string
  /** Answers what was found; throws what is wrong, with the next step. */
  readonly run: (within: CheckSurroundings) => Promise<string>
  /** Not looked at where it says no. */
  readonly applies?: (within: CheckSurroundings) => Promise<boolean>
}

/** In the order in which a person would look. */
export const HEALTH_CHECKS: readonly Check[] = [
  { name: 'node', run: checkNode },
  { name: '/dev/fuse', run: checkDevice },
  { name: 'fusermount3', run: checkFusermount },
  { name: 'engine', run: checkEngine },
  { name: 'profile', run: ({ paths }) => describeProfile(paths) },
  { name: 'settings', run: checkSettings },
  { name: 'webhook', run: checkAccess, applies: async (within) => !(await isByApplication(within)) },
  { name: 'application', run: checkAccess, applies: isByApplication },
  { name: 'portal', run: describeTraits },
  { name: 'folder', run: checkFolderState },
  { name: 'database', run: checkDatabase },
]

const OLDEST_NODE = 20

function checkNode(): Promise<string> {
  const major = Number(process.versions.node.split('.')[0])
  if (major < OLDEST_NODE) throw new DriveError('unsupported', `Node ${process.versions.node} is too old: install Node ${OLDEST_NODE} or newer`)
  return Promise.resolve(process.versions.node)
}

async function checkDevice(): Promise<string> {
  try {
    await access('/dev/fuse', constants.R_OK | constants.W_OK)
    return 'usable'
  } catch (error) {
    if (systemCode(error) === 'EACCES') throw new DriveError('no-fuse-device', '/dev/fuse may not be opened by this user: its usual mode is 0666', { cause: error })
    throw new DriveError('no-fuse-device', '/dev/fuse is missing: load the kernel module fuse, or give the container --device /dev/fuse', { cause: error })
  }
}

async function checkFusermount({ surroundings }: CheckSurroundings): Promise<string> {
  if (surroundings.uid === 0) return 'not needed by root'
  for (const directory of (surroundings.env.PATH ?? '').split(':').filter((entry) => entry.startsWith('/'))) {
    const path = join(directory, 'fusermount3')
    const found = await lstat(path).catch(() => undefined) // most directories of PATH do not have it
    if (found !== undefined) return path
  }
  throw new DriveError('no-fusermount', 'fusermount3 is not installed: install the package fuse3')
}

async function checkEngine({ paths }: CheckSurroundings): Promise<string> {
  const { name, why } = chooseEngine({ name: (await readSettings(paths)).engine, by: 'setting' })
  return `${name}: ${why}`
}

async function describeProfile(paths: ProfilePaths): Promise<string> {
  const { portal, userName } = await requireProfile(paths)
  return `${paths.profile}: ${userName} on ${portal}`
}

async function checkSettings({ paths }: CheckSurroundings): Promise<string> {
  await readSettings(paths)
  return 'readable'
}

/** What is wrong with the profile, its own check says. */
async function accessOf({ paths }: CheckSurroundings): Promise<Pick<Profile, 'access'>> {
  return (await readProfile(paths).catch(() => undefined)) ?? {}
}

async function isByApplication(within: CheckSurroundings): Promise<boolean> {
  return (await accessOf(within)).access === 'application'
}

async function checkAccess(within: CheckSurroundings): Promise<string> {
  const { name } = await withProfileDrive(within, await accessOf(within), ({ drive }) => drive.account({ priority: 'interactive' }))
  return `accepted, belongs to ${name}`
}

/** What was tried is no condition: a portal that nobody tried is as good. */
async function describeTraits({ paths }: CheckSurroundings): Promise<string> {
  const { portal } = await requireProfile(paths)
  const known = await readPortalTraits(paths, portal)
  if (known === undefined) return 'its doubtful facts were not tried: "elastic-drive doctor --live" does, in a scratch folder'
  return `${Object.keys(known.traits).length} facts tried on ${known.checkedAt.slice(0, 10)}`
}

async function checkFolderState({ paths }: CheckSurroundings): Promise<string> {
  const { folder, portal, userId } = await requireProfile(paths)
  const mount = await findMount(folder)
  if (mount !== undefined) return `${folder}, mounted (${mount.type})`
  const marker = await readMarker(folder)
  if (marker === undefined || marker === 'foreign' || marker.portal !== portal || marker.userId !== userId) {
    throw new DriveError('invalid', `${folder} does not carry this profile's marker any more: connect again`)
  }
  return `${folder}, not mounted`
}

async function checkDatabase({ paths }: CheckSurroundings): Promise<string> {
  await refuseLostDatabase(paths)
  try {
    await access(paths.databasePath)
  } catch {
    return 'none yet: the first mount makes it'
  }
  const connection = await Connection.open(paths.databasePath, 'read-only')
  try {
    const answer = await connection.get('PRAGMA quick_check(1)')
    if (answer?.quick_check === 'ok') return 'sound'
    throw new DriveError('database-damaged', `${paths.databasePath} is damaged: copy unsent edits out with "elastic-drive rescue DIR"`)
  } catch (error) {
    if (error instanceof DriveError) throw error
    throw new DriveError('database-damaged', `${paths.databasePath} cannot be read: ${errorText(error)}`, { cause: error })
  } finally {
    await connection.close()
  }
}
