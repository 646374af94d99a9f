/**
 * Where an application's tokens are kept: a 0600 file beside the webhook's, written whole, synced, and read and replaced
 * under a lock that the kernel drops with its process, so that two processes of a profile never spend one refresh token.
 * The lock is held over the network, which nothing else in this program is: whoever waits for it waits for that answer.
 */
import { chmod, rm } from 'node:fs/promises'
import { DriveError, hasCode, systemCode } from '../base/errors.js'
import type { GrantStore, OAuthGrant } from '../rest/oauth-access.js'
import { takeProcessLock, type ProcessLock } from '../store/process-lock.js'
import type { ProfilePaths } from './paths.js'
import { damagedRecord, readFileIfAny, readRecord, writeFileAtomic } from './record-file.js'

const NEXT_STEP = 'connect again with "elastic-drive connect --oauth PORTAL", nothing that was not sent yet is lost by that'
const LOCK_WAIT_MS = 45_000 // two answers of the authorization server at their slowest
const LOCK_LOOK_MS = 1_000 // so long whoever closes may wait for a lock that it does not want any more
const TEXTS = ['server', 'clientId', 'clientSecret', 'accessToken', 'refreshToken', 'endpoint', 'memberId'] as const

export interface LastingGrants extends GrantStore {
  /** What a person got by connecting, whatever was there. */
  write(grant: OAuthGrant): Promise<void>
  remove(): Promise<void>
}

export function fileGrants(paths: ProfilePaths): LastingGrants {
  const read = async (): Promise<OAuthGrant> => {
    const grant = await readGrant(paths)
    if (grant === undefined) throw new DriveError('not-connected', `the access of this profile is not stored any more: ${NEXT_STEP}`)
    return grant
  }
  return {
    read,
    update: (change, signal) => {
      const replace = async (): Promise<OAuthGrant> => {
        const stored = await read()
        const next = await change(stored)
        if (next !== stored) await store(paths, next)
        return next
      }
      return locked(paths, replace, signal)
    },
    write: (grant) => locked(paths, () => store(paths, grant)),
    remove: async () => {
      if ((await readFileIfAny(paths.grantPath)) !== undefined) await locked(paths, () => rm(paths.grantPath, { force: true }))
    },
  }
}

/** For the short time in which nothing is decided yet: `connect` before it commits. */
export function memoryGrants(grant: OAuthGrant): GrantStore {
  let stored = grant
  return {
    read: () => Promise.resolve(stored),
    update: async (change) => {
      stored = await change(stored)
      return stored
    },
  }
}

async function locked<T>(paths: ProfilePaths, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  const lock = await takeLock(paths, signal)
  try {
    return await work()
  } finally {
    await lock.release()
  }
}

/** In pieces, because a wait inside the database cannot be ended. */
async function takeLock({ grantLockPath }: ProfilePaths, signal: AbortSignal | undefined): Promise<ProcessLock> {
  for (let waitedMs = 0; ; waitedMs += LOCK_LOOK_MS) {
    if (signal?.aborted === true) throw new DriveError('cancelled', 'the access is not needed any more')
    try {
      return await takeProcessLock(grantLockPath, LOCK_LOOK_MS)
    } catch (error) {
      if (!hasCode(error, 'already-running')) throw error
      if (waitedMs >= LOCK_WAIT_MS) throw new DriveError('deadline', 'another process of this profile has been renewing the access for too long', { cause: error })
    }
  }
}

/** After this the grant survives a power loss. `disk-full`. */
async function store(paths: ProfilePaths, grant: OAuthGrant): Promise<void> {
  try {
    await writeFileAtomic(paths.grantPath, `${JSON.stringify(grant, undefined, 2)}\n`)
  } catch (error) {
    const code = systemCode(error)
    if (code !== 'ENOSPC' && code !== 'EDQUOT') throw error
    throw new DriveError('disk-full', `the disk is full, and the new access to the portal cannot be stored in ${paths.grantPath}`, { cause: error })
  }
}

async function readGrant(paths: ProfilePaths): Promise<OAuthGrant | undefined> {
  const fields = await readRecord(paths.grantPath, NEXT_STEP)
  if (fields === undefined) return undefined
  // A restored backup may have opened it up.
  await chmod(paths.grantPath, 0o600)
  const [server, clientId, clientSecret, accessToken, refreshToken, endpoint, memberId] = TEXTS.map((name) => {
    const value = fields[name]
    if (typeof value !== 'string' || value === '') throw damagedRecord(paths.grantPath, NEXT_STEP)
    return value
  }) as [string, string, string, string, string, string, string]
  if (!URL.canParse(server) || !URL.canParse(endpoint)) throw damagedRecord(paths.grantPath, NEXT_STEP)
  return { server, clientId, clientSecret, accessToken, refreshToken, endpoint, memberId, way: fields.way === 'query' ? 'query' : 'header' }
}
