/**
 * Connecting a profile to an account: asks the portal who the webhook or the tokens belong to and where the drive is, checks the
 * folder, and only then writes anything. Connecting again to the same account keeps the database and its history; another
 * account is refused, because the database is about the first one's files.
 */
import { join } from 'node:path'
import type { Clock } from '../base/clock.js'
import { DriveError, errorCode, errorText, hasCode, type ErrorCode } from '../base/errors.js'
import type { RemoteId } from '../base/ids.js'
import type { Account, CallOptions, Drive, RemoteStorage } from '../drive/drive.js'
import { untrustedWords } from '../rest/untrusted.js'
import type { GrantStore, OAuthGrant } from '../rest/oauth-access.js'
import type { Webhook } from '../rest/webhook.js'
import { takeProcessLock } from '../store/process-lock.js'
import { findMount } from '../engine/mount-table.js'
import type { DriveAccess } from '../drive/create-drive.js'
import { dropHistory } from './drop-history.js'
import { fileDigest } from './file-digest.js'
import { scanFolder, type LocalEntry } from './folder-scan.js'
import { checkFolder, claimFolder, ordinaryMode, releaseFolder } from './folder.js'
import { readFormerProfile, type FormerProfile } from './former-profile.js'
import type { LastingGrants } from './grant-store.js'
import { isThere } from './is-there.js'
import { connectionsField, lostField } from './kept-connections.js'
import { ensureMarker } from './marker.js'
import { prepareDirectories, type ProfilePaths, type Surroundings } from './paths.js'
import { isSameAccount, readProfile, refuseHalfDisconnected, writeProfile, type Owner, type Profile } from './profile.js'
import { readRecord, writeFileAtomic } from './record-file.js'
import { resolveFolder } from './place.js'
import { planAdoption, type AdoptionPlan } from './adoption-plan.js'
import { finishAdoption, prepareAdoption } from './adoption.js'
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
  /** What becomes of the files in a folder that was disconnected; undefined where none was. */
  readonly adoption: AdoptionPlan | undefined
}

export interface ConnectSurroundings {
  readonly paths: ProfilePaths
  readonly surroundings: Surroundings
  readonly secrets: SecretStore
  readonly clock: Clock
  readonly grants: Pick<LastingGrants, 'write' | 'remove'>
  readonly openDrive: (access: DriveAccess) => { readonly drive: Drive; readonly close: () => Promise<void> }
  readonly memoryGrants: (grant: OAuthGrant) => GrantStore
  readonly isLocalOnlyName: (name: string) => boolean
}

export async function connectProfile(within: ConnectSurroundings, request: ConnectRequest): Promise<Connected> {
  const { paths, surroundings, clock } = within
  await refuseHalfDisconnected(paths)
  const known = await readKnown(paths)
  const portal = portalOf(request.access)
  if (known !== undefined && !isSameAccount(known, { ...portal, userId: known.userId })) throw otherAccount(paths, known)
  const { account, storage, access } = await askPortal(within, request.access)
  const owner = { profile: paths.profile, ...portal, userId: account.userId }
  if (known !== undefined && (!isSameAccount(known, owner) || known.storageId !== storage.id)) throw otherAccount(paths, known)
  // Without a connection, not even one whose record is damaged, the database is what a connect that died has made.
  const former = (await isThere(paths.profilePath)) ? undefined : await readFormerProfile(paths)
  if (former === undefined) await refuseForeignDatabase(paths, owner)

  const before = known ?? (former !== undefined && isSameAccount(former, owner) && former.storageId === storage.id ? former : undefined)
  const folder =
    request.folder === undefined && before !== undefined
      ? before.folder
      : await resolveFolder(request.folder ?? join(surroundings.homeDirectory, 'Bitrix24'), surroundings.workingDirectory)
  const mounted = known !== undefined && (await findMount(known.folder)) !== undefined
  if (mounted && known.folder !== folder) {
    throw new DriveError('already-mounted', `the drive is mounted on ${known.folder}: unmount it with "elastic-drive unmount" before you choose another folder`)
  }
  const found = mounted ? { exists: true, mode: known.folderMode } : await checkFolder({ folder, paths, owner, known: before })
  const again = former !== undefined && before === former && found.exists && former.folder === folder
  const planned = again ? await planAdoptionWith(within, access, { storage, former }) : undefined

  const profile: Profile = {
    portal: owner.portal,
    userId: account.userId,
    userName: account.name,
    storageId: storage.id,
    rootFolderId: storage.rootId,
    folder,
    folderMode: again ? await ordinaryMode(folder, found.mode) : found.mode,
    connectedAt: new Date(clock.nowMs()).toISOString(),
    mode: 'elastic',
    ...(access.kind === 'application' ? { access: access.kind } : {}),
    ...memberIdOf(portal, known, before),
    ...connectionsField(planned?.plan.connections ?? before?.connections ?? []),
    ...lostField(planned?.plan.lost ?? known?.lostConnections ?? []),
  }
  const connected = planned?.access ?? access
  if (!request.dryRun) await commit(within, { access: connected, profile, known, former, mounted, steps: planned?.plan.steps, unselected: former !== undefined && before === former ? former.unselected : [] })
  const needsRemount = mounted && (known.access !== 'application' || access.kind !== 'application')
  return { profile, reconnected: known !== undefined, mounted, needsRemount, adoption: planned?.plan }
}

/** Lists what is there of the folders that are here; the access may have been renewed by it. */
async function planAdoptionWith(within: ConnectSurroundings, access: Brought, { storage, former }: { storage: RemoteStorage; former: FormerProfile }): Promise<{ readonly plan: AdoptionPlan; readonly access: Brought }> {
  const entries = await scanFolder(former.folder)
  const { isLocalOnlyName } = within
  const digest = ({ names }: LocalEntry): Promise<string> => fileDigest(join(former.folder, ...names))
  const { value, access: now } = await withDrive(within, access, (drive) => planAdoption({ drive, rootFolderId: storage.rootId, storageId: storage.id, connections: former.connections ?? [], entries, known: former.known, unselected: new Set(former.unselected), digest, isLocalOnlyName })).catch((error: unknown) => {
    throw connectFailure(error, access)
  })
  return { plan: value, access: now }
}

interface Change {
  readonly access: Brought
  readonly profile: Profile
  readonly known: Profile | undefined
  readonly former: FormerProfile | undefined
  readonly mounted: boolean
  readonly steps: AdoptionPlan['steps'] | undefined
  /** Folders that the person did not want in the same drive before. */
  readonly unselected: readonly RemoteId[]
}

/** The record comes last: a crash before it leaves a marked folder as it was, which the next connect takes. */
async function commit(within: ConnectSurroundings, change: Change): Promise<void> {
  const { paths, surroundings, clock } = within
  const { profile, known, former, mounted, steps, unselected } = change
  await prepareDirectories(paths, surroundings.uid)
  if (known !== undefined && !mounted) await finishAdoption(paths, known)
  if (former === undefined) {
    await record(within, change)
    return
  }
  const lock = await takeProcessLock(paths.lockPath)
  try {
    if (steps === undefined && unselected.length === 0) await dropHistory(paths)
    else await prepareAdoption({ paths, profile, steps: steps ?? [], unselected, clock })
    await record(within, change)
    await finishAdoption(paths, profile)
  } finally {
    await lock.release()
  }
}

async function record({ paths, secrets, grants }: ConnectSurroundings, { access, profile, known, mounted, steps }: Change): Promise<void> {
  await writeFileAtomic(accountPath(paths), `${JSON.stringify({ portal: profile.portal, userId: profile.userId, ...memberIdOf(profile) })}\n`)
  const marker = { profile: paths.profile, portal: profile.portal, userId: profile.userId }
  // A folder with files in it is sealed when they are gone: until the record is written they are the user's.
  if (steps !== undefined) await ensureMarker(profile.folder, marker)
  else if (!mounted) await claimFolder(profile.folder, marker)
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
  const { value, access: now } = await withDrive({ openDrive, memoryGrants }, access, async (drive) => {
    const account = await drive.account(call)
    return { account, storage: await drive.ownStorage(account.userId, call) }
  })
  return { ...value, access: now }
}

/** `access` as it is afterwards. */
async function withDrive<T>({ openDrive, memoryGrants }: Pick<ConnectSurroundings, 'openDrive' | 'memoryGrants'>, access: Brought, use: (drive: Drive) => Promise<T>): Promise<{ readonly value: T; readonly access: Brought }> {
  const opened: DriveAccess = access.kind === 'webhook' ? { webhook: access.webhook.reveal() } : { grant: access.grant, grants: memoryGrants(access.grant) }
  const { drive, close } = openDrive(opened)
  try {
    const value = await use(drive)
    return { value, access: 'grants' in opened ? { kind: 'application', grant: await opened.grants.read() } : access }
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
  if (!(await isThere(paths.databasePath))) return
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
