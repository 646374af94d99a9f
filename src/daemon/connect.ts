/**
 * Connecting a profile to an account: asks the portal who the webhook belongs to and where its drive is, checks the
 * folder, and only then writes anything. Connecting again to the same account keeps the database and its history; another
 * account is refused, because the database is about the first one's files.
 */
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../base/clock.js'
import { DriveError, errorCode, errorText, hasCode, type ErrorCode } from '../base/errors.js'
import type { Account, CallOptions, Drive, RemoteStorage } from '../drive/drive.js'
import type { Webhook } from '../rest/webhook.js'
import { findMount } from '../engine/mount-table.js'
import { checkFolder, claimFolder, releaseFolder } from './folder.js'
import { prepareDirectories, type ProfilePaths, type Surroundings } from './paths.js'
import { isSameAccount, readProfile, writeProfile, type Profile } from './profile.js'
import { readRecord, writeFileAtomic } from './record-file.js'
import { resolveFolder } from './place.js'
import type { SecretStore } from './secrets.js'

export interface ConnectRequest {
  readonly webhook: Webhook
  /** As the person wrote it; undefined: the folder from before, or ~/Bitrix24. */
  readonly folder: string | undefined
  /** Look, and change nothing. */
  readonly dryRun: boolean
}

export interface Connected {
  readonly profile: Profile
  /** The same account was connected before: its history goes on. */
  readonly reconnected: boolean
  /** The folder is mounted now, by a daemon that keeps the webhook it was started with. */
  readonly mounted: boolean
}

export interface ConnectSurroundings {
  readonly paths: ProfilePaths
  readonly surroundings: Surroundings
  readonly secrets: SecretStore
  readonly clock: Clock
  readonly openDrive: (webhook: Webhook) => { readonly drive: Drive; readonly close: () => Promise<void> }
}

export async function connectProfile(within: ConnectSurroundings, request: ConnectRequest): Promise<Connected> {
  const { paths, surroundings, clock } = within
  const known = await readKnown(paths)
  if (known !== undefined && known.portal !== request.webhook.host) throw otherAccount(paths, known)
  const { account, storage } = await askPortal(within, request.webhook)
  const owner = { profile: paths.profile, portal: request.webhook.host, userId: account.userId }
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
  }
  if (!request.dryRun) await commit(within, { webhook: request.webhook, profile, known, mounted })
  return { profile, reconnected: known !== undefined, mounted }
}

interface Change {
  readonly webhook: Webhook
  readonly profile: Profile
  readonly known: Profile | undefined
  readonly mounted: boolean
}

/** The record comes last: a crash before it leaves a marked empty folder, which the next connect takes. */
async function commit({ paths, surroundings, secrets }: ConnectSurroundings, { webhook, profile, known, mounted }: Change): Promise<void> {
  await prepareDirectories(paths, surroundings.uid)
  await writeFileAtomic(accountPath(paths), `${JSON.stringify({ portal: profile.portal, userId: profile.userId })}\n`)
  if (!mounted) await claimFolder(profile.folder, { profile: paths.profile, portal: profile.portal, userId: profile.userId })
  await secrets.writeWebhook(webhook.reveal())
  await writeProfile(paths, profile)
  if (known !== undefined && known.folder !== profile.folder) await releaseFolder(known)
}

async function askPortal({ openDrive }: ConnectSurroundings, webhook: Webhook): Promise<{ account: Account; storage: RemoteStorage }> {
  const { drive, close } = openDrive(webhook)
  const call: CallOptions = { priority: 'interactive' }
  try {
    const account = await drive.account(call)
    return { account, storage: await drive.ownStorage(account.userId, call) }
  } catch (error) {
    throw connectFailure(error, webhook.host)
  } finally {
    await close()
  }
}

/** What is to be done about a refusal, told to somebody who has just pasted a webhook. */
const NEXT_STEPS: Partial<Record<ErrorCode, (host: string) => string>> = {
  'bad-credentials': (host) => `${host} does not accept this webhook: it is mistyped, or was deleted there; make a new one on the portal and connect again`,
  'no-rest-on-plan': (host) => `the plan of ${host} does not include REST, so no webhook works there: ask its administrator for a paid plan, then connect again`,
  'missing-scope': () => 'the webhook lacks the permission (scope) "disk": tick "Drive (disk)" where the webhook was made and connect again',
  'extranet-user': () => 'the webhook belongs to an extranet user, who has no drive over REST: use the webhook of an employee',
  'no-drive-yet': (host) => `the portal has not made your drive yet: open Drive once on https://${host}/ and connect again`,
  'portal-gone': (host) => `the portal ${host} is closed: check its address on the web`,
  offline: (host) => `${host} cannot be reached: check the address, the network and the proxy, then connect again`,
  deadline: (host) => `${host} does not answer: check the network and the proxy, then connect again`,
  'bad-answer': (host) => `${host} answers, but not as a Bitrix24 portal does: check the address of the webhook`,
}

function connectFailure(error: unknown, host: string): DriveError {
  const code = errorCode(error)
  const says = NEXT_STEPS[code]?.(host) ?? `${host} refused: ${errorText(error)}`
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

async function refuseForeignDatabase(paths: ProfilePaths, owner: Pick<Profile, 'portal' | 'userId'>): Promise<void> {
  if (!(await exists(paths.databasePath))) return
  const account = await readRecord(accountPath(paths), 'use another profile with --profile NAME')
  if (account?.portal === owner.portal && account.userId === owner.userId) return
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
