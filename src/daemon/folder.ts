/**
 * The folder on which the drive is mounted (DESIGN.md 6a.13): taken only when it is empty or this profile's own from
 * before, marked inside, and sealed (0555) while connected, so that nothing lands below the mount by mistake.
 */
import { constants, type Stats } from 'node:fs'
import { chmod, open, readdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { DriveError, errorText, systemCode } from '../base/errors.js'
import { makeDirectories } from '../base/make-directories.js'
import { MARKER_NAME, readMarker, removeMarker, writeMarker, type Marker } from './marker.js'
import type { ProfilePaths } from './paths.js'
import { isWithin, readMountOf } from './place.js'
import { isSameAccount, type Owner, type Profile } from './profile.js'

const SEALED_MODE = 0o555
const OPEN_MODE = 0o755

export interface FolderCheck {
  readonly folder: string
  readonly paths: ProfilePaths
  readonly owner: Marker & Owner
  /** The record of this profile from before, connected or not. */
  readonly known: (Owner & Pick<Profile, 'folder' | 'folderMode'>) | undefined
}

/** What stands there now. */
export interface FoundFolder {
  readonly exists: boolean
  /** Permission bits to give back one day. */
  readonly mode: number
}

/**
 * Looks without changing anything. `folder-not-empty` when something lies there that is not ours, `not-directory`,
 * `invalid` for a place where no drive can be mounted, `dead-mount` where a mount lost its daemon.
 */
export async function checkFolder({ folder, paths, owner, known }: FolderCheck): Promise<FoundFolder> {
  await refuseUnfitPlace(folder, paths)
  const found = await statIfAny(folder)
  if (found === undefined) return { exists: false, mode: OPEN_MODE }
  if (!found.isDirectory()) throw new DriveError('not-directory', `${folder} is not a folder: choose another with --folder`)
  const marker = await readMarker(folder)
  const others = (await readdir(folder)).filter((name) => name !== MARKER_NAME || marker === 'foreign')
  const own = known?.folder === folder && isMarkerOf(marker, { profile: owner.profile, portal: known.portal, userId: known.userId }) && isSameAccount(known, owner)
  if (own) return { exists: true, mode: known.folderMode }
  // A marked empty folder without a record is a connect that did not come to its end.
  if (isMarkerOf(marker, owner) && others.length === 0) return { exists: true, mode: OPEN_MODE }
  if (marker !== undefined && marker !== 'foreign') throw takenFolder(folder, marker)
  if (others.length > 0) {
    throw new DriveError('folder-not-empty', `${folder} is not empty, and what lies in it would be hidden: choose an empty or a new folder with --folder`)
  }
  return { exists: true, mode: found.mode & 0o777 }
}

/** What its user has made of a folder that was given back; `remembered` where it is sealed still, by a connect that died. */
export async function ordinaryMode(folder: string, remembered: number): Promise<number> {
  const mode = (await stat(folder)).mode & 0o777
  return mode === SEALED_MODE ? remembered : mode
}

/** Makes the folder where it is missing, marks it and seals it. */
export async function claimFolder(folder: string, owner: Marker): Promise<void> {
  await makeFolder(folder)
  await chmod(folder, OPEN_MODE)
  try {
    await writeMarker(folder, owner)
  } finally {
    await chmod(folder, SEALED_MODE)
  }
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await makeDirectories(folder, OPEN_MODE)
  } catch (error) {
    throw new DriveError('invalid', `${folder} cannot be made (${systemCode(error) ?? errorText(error)}): choose another with --folder`, { cause: error })
  }
}

/** Gives the folder back as the user's ordinary one. */
export async function releaseFolder(profile: Profile): Promise<void> {
  if ((await statIfAny(profile.folder)) === undefined) return
  await chmod(profile.folder, profile.folderMode | 0o700)
  await removeMarker(profile.folder)
  await chmod(profile.folder, profile.folderMode)
}

/**
 * Runs `mount` while the folder may be mounted on: fusermount3 refuses a folder that its user cannot write to. The seal
 * is put back through a descriptor taken before, because by then the path leads into the mount.
 */
export async function whileMountable<T>(folder: string, mount: () => Promise<T>): Promise<T> {
  const directory = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    await directory.chmod(OPEN_MODE)
    try {
      return await mount()
    } finally {
      await directory.chmod(SEALED_MODE)
    }
  } finally {
    await directory.close()
  }
}

/** A marker without its record may still be in use from another home, so it is never taken over silently. */
function takenFolder(folder: string, marker: Marker): DriveError {
  return new DriveError(
    'folder-not-empty',
    `${folder} belongs to the profile "${marker.profile}" of ${marker.portal}: choose another with --folder, or remove ${MARKER_NAME} in it when nothing uses it any more`,
  )
}

async function refuseUnfitPlace(folder: string, paths: ProfilePaths): Promise<void> {
  const own = [paths.stateDirectory, paths.configDirectory, paths.cacheDirectory, paths.runtimeDirectory]
  if (own.some((directory) => isWithin(folder, directory) || isWithin(directory, folder))) {
    throw new DriveError('invalid', `${folder} holds or lies in the directories where elastic-drive keeps its own files: choose another with --folder`)
  }
  const mount = await readMountOf(folder)
  if (mount?.folder === folder && folder !== '/') {
    throw new DriveError('invalid', `${folder} is mounted already (${mount.type}): unmount it, or choose another with --folder`)
  }
  // The root may be fuse-overlayfs in a container; anywhere else the files there come and go with their daemon.
  if (mount !== undefined && mount.folder !== '/' && /^fuse(\.|$)/.test(mount.type)) {
    throw new DriveError('invalid', `${folder} lies inside the mount ${mount.folder} (${mount.type}): choose one on this computer's own disk with --folder`)
  }
  await refuseInsideOther(folder)
}

/** No drive inside the folder of another: its files would be hidden and shown twice. */
async function refuseInsideOther(folder: string): Promise<void> {
  for (let parent = dirname(folder); parent !== dirname(parent); parent = dirname(parent)) {
    const marker = (await statIfAny(parent))?.isDirectory() === true ? await readMarker(parent) : undefined
    if (marker !== undefined && marker !== 'foreign') {
      throw new DriveError('invalid', `${folder} lies inside ${parent}, the folder of the profile "${marker.profile}": choose another with --folder`)
    }
  }
}

function isMarkerOf(marker: Marker | 'foreign' | undefined, owner: Marker): boolean {
  return marker !== undefined && marker !== 'foreign' && marker.profile === owner.profile && marker.portal === owner.portal && marker.userId === owner.userId
}

async function statIfAny(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path)
  } catch (error) {
    switch (systemCode(error)) {
      case 'ENOENT':
        return undefined
      case 'ENOTDIR':
        throw new DriveError('not-directory', `${dirname(path)} is not a folder: choose another with --folder`, { cause: error })
      case 'ENOTCONN':
        throw new DriveError('dead-mount', `${path} is a mount whose daemon is gone: clear it with "elastic-drive unmount"`, { cause: error })
      case 'EACCES':
        throw new DriveError('forbidden', `${path} cannot be looked into: choose another with --folder`, { cause: error })
      case undefined:
      default:
        throw error
    }
  }
}
