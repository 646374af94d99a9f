/**
 * Connecting a profile to an account: asks the portal who the webhook or the tokens belong to and where the drive is, checks the
 * folder, and only then writes anything. Connecting again to the same account keeps the database and its history; another
 * account is refused, because the database is about the first one's files.
 */
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../base/clock.js'
import { DriveError, errorCode, errorText, hasCode, type ErrorCode } from '../base/errors.js'
import type { Account, CallOptions, Drive, RemoteStorage } from '../drive/drive.js'
import { untrustedWords } from '../rest/untrusted.js'
import type { GrantStore, OAuthGrant } from '../rest/oauth-access.js'
import type { Webhook } from '../rest/webhook.js'
import { findMount } from '../engine/mount-table.js'
import type { DriveAccess } from '../drive/create-drive.js'
import { checkFolder, claimFolder, releaseFolder } from './folder.js'
import type { LastingGrants } from './grant-store.js'
import { prepareDirectories, type ProfilePaths, type Surroundings } from './paths.js'
import { isSameAccount, readProfile, refuseParting, writeProfile, type Owner, type Profile } from './profile.js'
import { readRecord, writeFileAtomic } from './record-file.js'
import { resolveFolder } from './place.js'
import type { SecretStore } from './secrets.js'

/** What the person brought: a webhook, or the first tokens of an application. */
export type Brought = { readonly kind: 'webhook'; readonly webhook: Webhook } | { readonly kind: 'application'; readonly grant: OAuthGrant }

export interface ConnectRequest {
  readonly access: Brought
  /** As the person wrote it; undefined: the folder from before, or ~/Bitrix24. */
  readonly folder: string | undefined
  /** Look, and change nothing. */
  readonly dryRun: boolean
}

export interface Connected {
  readonly profile: Profile
  /** The same account was connected before: its history goes on. */
  readonly reconnected: boolean
  readonly mounted: boolean
  /** The folder is mounted by a daemon that keeps the webhook it was started with; one that has tokens finds the new ones. */
  readonly needsRemount: boolean
}

export interface ConnectSurroundings {
  readonly paths: ProfilePaths
  readonly surroundings: Surroundings
  readonly secrets: SecretStore
  readonly clock: Clock
  readonly grants: Pick<LastingGrants, 'write' | 'remove'>
  readonly openDrive: (access: DriveAccess) => { readonly drive: Drive; readonly close: () => Promise<void> }
  readonly memoryGrants: (grant: OAuthGrant) => GrantStore
}

export async function connectProfile(within: ConnectSurroundings, request: ConnectRequest): Promise<Connected> {
  const { paths, surroundings, clock } = within
  await refuseParting(paths)
  const known = await readKnown(paths)
  const portal = portalOf(request.access)
  if (known !== undefined && !isSameAccount(known, { ...portal, userId: known.userId })) throw otherAccount(paths, known)
  const { account, storage, access } = await askPortal(within, request.access)
  const owner = { profile: paths.profile, ...portal, userId: account.userId }
  if (known !== undefined && (!isSameAccount(known, owner) || known.storageId !== storage.id)) throw otherAccount(paths, known)
  await refuseForeignDatabase(paths, owner)

  const folder =
    request.folder === undefined && known !== undefined
      ? known.folder
      : await resolveFolder(request.folder ?? join(surroundings.homeDirectory, 'Bitrix24'), surroundings.workingDirectory)
  const mounted = known !== undefined && (await findMount(known.folder)) !== undefined
  if (mounted && known.folder !== folder) {
    throw new DriveError('already-mounted', `the drive is mounted on ${known.folder}: unmount it with "elastic-drive unmount" before you choose another folder`)
  }
  const folderMode = mounted ? known.folderMode : (await checkFolder({ folder, paths, owner, known })).mode

  const profile: Profile = {
    portal: owner.portal,
    userId: account.userId,
    userName: account.name,
    storageId: storage.id,
    rootFolderId: storage.rootId,
    folder,
    folderMode,
    connectedAt: new Date(clock.nowMs()).toISOString(),
    mode: 'elastic',
    ...(access.kind === 'application' ? { access: access.kind } : {}),
    ...memberIdOf(portal, known),
  }
  if (!request.dryRun) await commit(within, { access, profile, known, mounted })
  return { profile, reconnected: known !== undefined, mounted, needsRemount: mounted && (known.access !== 'application' || access.kind !== 'application') }
}

interface Change {
  readonly access: Brought
  readonly profile: Profile
  readonly known: Profile | undefined
  readonly mounted: boolean
}

/** The record comes last: a crash before it leaves a marked empty folder, which the next connect takes. */
async function commit({ paths, surroundings, secrets, grants }: ConnectSurroundings, { access, profile, known, mounted }: Change): Promise<void> {
  await prepareDirectories(paths, surroundings.uid)
  await writeFileAtomic(accountPath(paths), `${JSON.stringify({ portal: profile.portal, userId: profile.userId, ...memberIdOf(profile) })}\n`)
  if (!mounted) await claimFolder(profile.folder, { profile: paths.profile, portal: profile.portal, userId: profile.userId })
  if (access.kind === 'webhook') await secrets.writeWebhook(access.webhook.reveal())
  else await grants.write(access.grant)
  await writeProfile(paths, profile)
  // The record says which one counts, so the other goes last.
  if (access.kind === 'webhook') await grants.remove()
  else await secrets.removeWebhook()
  if (known !== undefined && known.folder !== profile.folder) await releaseFolder(known)
}

interface Asked {
  readonly account: Account
  readonly storage: RemoteStorage
  /** As it is after the questions: what opened the portal, with the tokens of now. */
  readonly access: Brought
}

/** Whether a portal takes the Bearer header is not certain (1.4): where it does not, the token goes into the query. */
async function askPortal(within: ConnectSurroundings, access: Brought): Promise<Asked> {
  try {
    return await askOnce(within, access)
  } catch (error) {
    const code = error instanceof DriveError ? String(error.fields.portalCode).toUpperCase() : undefined
    if (access.kind === 'webhook' || code !== 'NO_AUTH_FOUND') throw connectFailure(error, access)
    return await askOnce(within, { kind: 'application', grant: { ...access.grant, way: 'query' } }).catch((second: unknown) => {
      throw connectFailure(second, access)
    })
  }
}

async function askOnce({ openDrive, memoryGrants }: ConnectSurroundings, access: Brought): Promise<Asked> {
  const call: CallOptions = { priority: 'interactive' }
  const opened: DriveAccess = access.kind === 'webhook' ? { webhook: access.webhook.reveal() } : { grant: access.grant, grants: memoryGrants(access.grant) }
  const { drive, close } = openDrive(opened)
  try {
    const account = await drive.account(call)
    const storage = await drive.ownStorage(account.userId, call)
    return { account, storage, access: 'grants' in opened ? { kind: 'application', grant: await opened.grants.read() } : access }
  } finally {
    await close()
  }
}

function portalOf(access: Brought): Pick<Owner, 'portal' | 'memberId'> {
  if (access.kind === 'webhook') return { portal: access.webhook.host }
  return { portal: new URL(access.grant.endpoint).host, memberId: access.grant.memberId }
}

/** Once told, the portal's identity is kept: a webhook does not know it. */
function memberIdOf(...owners: readonly (Pick<Owner, 'memberId'> | undefined)[]): Pick<Owner, 'memberId'> {
  const memberId = owners.find((owner) => owner?.memberId !== undefined)?.memberId
  return memberId === undefined ? {} : { memberId }
}

/** What is to be done about a refusal, told to somebody who has just let an application in. */
const APPLICATION_STEPS: Partial<Record<ErrorCode, (host: string) => string>> = {
  'bad-credentials': (host) => `${host} does not accept the application: it was removed there, or its tokens have ended; connect again`,
  'no-rest-on-plan': (host) => `the plan of ${host} does not include REST, so no application works there: ask its administrator for a paid plan, then connect again`,
  'missing-scope': () => 'the application lacks the permission (scope) "disk": tick "Drive (disk)" on its card and connect again',
  'extranet-user': () => 'an extranet user let the application in, who has no drive over REST: let an employee do it',
}

/** The same for somebody who has just pasted a webhook. */
const NEXT_STEPS: Partial<Record<ErrorCode, (host: string, reason: unknown) => string>> = {
  'bad-credentials': (host) => `${host} does not accept this webhook: it is mistyped, or was deleted there; make a new one on the portal and connect again`,
  'no-rest-on-plan': (host) => `the plan of ${host} does not include REST, so no webhook works there: ask its administrator for a paid plan, then connect again`,
  'missing-scope': () => 'the webhook lacks the permission (scope) "disk": tick "Drive (disk)" where the webhook was made and connect again',
  'extranet-user': () => 'the webhook belongs to an extranet user, who has no drive over REST: use the webhook of an employee',
  'no-drive-yet': (host) => `the portal has not made your drive yet: open Drive once on https://${host}/ and connect again`,
  'portal-gone': (host) => `the portal ${host} is closed: check its address on the web`,
  offline: (host, reason) => untrustedWords(reason) ?? `${host} cannot be reached: check the address, the network and the proxy, then connect again`,
  deadline: (host) => `${host} does not answer: check the network and the proxy, then connect again`,
  'bad-answer': (host) => `${host} answers, but not as a Bitrix24 portal does: check the address of the webhook`,
}

function connectFailure(error: unknown, access: Brought): DriveError {
  const code = errorCode(error)
  const host = portalOf(access).portal
  const step = (access.kind === 'application' ? APPLICATION_STEPS[code] : undefined) ?? NEXT_STEPS[code]
  const reason = error instanceof DriveError ? error.fields.reason : undefined
  const says = step?.(host, reason) ?? `${host} refused: ${errorText(error)}`
  return new DriveError(code, says, { cause: error })
}

/** A damaged record is made anew by connecting; whose database this is stands beside the database too. */
async function readKnown(paths: ProfilePaths): Promise<Profile | undefined> {
  try {
    return await readProfile(paths)
  } catch (error) {
    if (hasCode(error, 'profile-damaged')) return undefined
    throw error
  }
}

function accountPath(paths: ProfilePaths): string {
  return `${paths.databasePath}.account.json`
}

async function refuseForeignDatabase(paths: ProfilePaths, owner: Owner): Promise<void> {
  if (!(await exists(paths.databasePath))) return
  const account = await readRecord(accountPath(paths), 'use another profile with --profile NAME')
  const { portal, userId, memberId } = account ?? {}
  if (typeof portal === 'string' && typeof userId === 'string' && isSameAccount({ portal, userId, ...(typeof memberId === 'string' ? { memberId } : {}) }, owner)) return
  throw new DriveError(
    'would-lose-data',
    `the database of profile "${paths.profile}" is about another account: use another profile with --profile NAME, or copy unsent edits out with "elastic-drive rescue DIR" and disconnect`,
  )
}

function otherAccount(paths: ProfilePaths, known: Profile): DriveError {
  return new DriveError(
    'would-lose-data',
    `profile "${paths.profile}" is connected to another drive (${known.userName} on ${known.portal}): disconnect it first, or use another profile with --profile NAME`,
  )
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  )
}
