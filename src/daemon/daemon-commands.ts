/** What the daemon does when it is asked at the control door: each command of control/commands.ts in terms of the core. */
import { delay, type Clock } from '../base/clock.js'
import { DriveError, errorCode, errorText, hasCode, mayPass } from '../base/errors.js'
import type {
  CommandAnswer,
  CommandRequest,
  ConnectionState,
  DaemonCommands,
  PathResult,
  PathStatus,
  FullSyncPlan,
  SyncAnswer,
  UnmountAnswer,
} from '../control/commands.js'
import { ROOT_INO } from '../base/ids.js'
import type { Log } from '../base/log.js'
import type { Holder } from '../engine/mount-holders.js'
import type { Item } from '../mirror/item.js'
import { allowBrake, itemsOf, readHeld, showBrake, undoBrake } from './brake-commands.js'
import { listConflicts, resolveConflicts } from './conflict-commands.js'
import type { DriveCore } from './drive-core.js'
import type { DriveReport } from './drive-report.js'
import { deselectFolder, listFolders, selectFolder } from './folder-commands.js'
import { planOfFullSync, syncFully } from './full-sync-commands.js'
import { connectStorage, disconnectStorage, listStorages } from './storage-commands.js'

const PROBE_EVERY_MS = 1_000 // somebody waits for the portal to come back

export interface DaemonCommandsOptions {
  readonly core: DriveCore
  readonly report: DriveReport
  readonly clock: Clock
  readonly log: Log
  readonly readSettings: () => Promise<void>
  /** Takes the mount away; 'busy' with `fields.holders` when it is in use. */
  readonly unmount: (force: boolean) => Promise<void>
  /** The daemon ends after the answer was given. */
  readonly end: () => void
}

export function daemonCommands(options: DaemonCommandsOptions): DaemonCommands {
  const { core, report } = options
  const storages = { core, report, profile: core.profile }
  const named = { core, paths: report.paths }
  return {
    status: () => report.drive(),
    pathStatus: async ({ paths }, signal) => ({ paths: await inOrder(paths, (path): Promise<PathStatus> => report.path(path, signal)) }),
    sync: (request, signal) => sync(options, request, signal),
    fullSyncPlan: async (_request, signal) => ({ plan: await planOfFullSync(core, report.paths, await core.fullSync.compare(signal)) }),
    pause: () => setPaused(core, true),
    resume: () => setPaused(core, false),
    pin: ({ paths }, signal) => each(report, { paths, signal }, (item) => pin(core, item)),
    unpin: ({ paths }, signal) =>
      each(report, { paths, signal }, async (item) => {
        await core.keeper.unpin(item)
        return 0
      }),
    free: ({ paths }, signal) => each(report, { paths, signal }, (item) => free(core, item)),
    conflicts: async () => ({ conflicts: await listConflicts(core, report) }),
    resolveConflicts: async (request, signal) => ({ results: await resolveConflicts(core, report, request, signal) }),
    folders: async (_request, signal) => ({ folders: await listFolders(named, signal) }),
    selectFolders: async ({ paths }, signal) => ({ results: await inOrder(paths, (path) => selectFolder(named, path, signal)) }),
    deselectFolders: async ({ paths }, signal) => ({ results: await inOrder(paths, (path) => deselectFolder(named, path, signal)) }),
    brakeShow: () => showBrake(named),
    brakeAllow: () => allowBrake(named),
    brakeUndo: () => undoBrake(named),
    storages: ({ all }, signal) => listStorages(storages, all, signal),
    connectStorage: ({ name }, signal) => connectStorage(storages, name, signal),
    disconnectStorage: ({ name }, signal) => disconnectStorage(storages, name, signal),
    unmount: (request, signal) => unmount(options, request, signal),
    settingsChanged: async () => {
      await options.readSettings()
      core.settingsChanged()
      return {}
    },
    quit: async () => {
      await options.unmount(false)
      options.end()
      return {}
    },
  }
}

async function setPaused(core: DriveCore, paused: boolean): Promise<{ connection: ConnectionState }> {
  await core.setPaused(paused)
  return { connection: paused ? 'paused' : core.isOnline ? 'online' : 'offline' }
}

/** Looks through the whole drive and sends what is queued, skipping the upload delay; before that the history goes, where that was asked for. */
async function sync(options: DaemonCommandsOptions, request: CommandRequest<'sync'>, asker: AbortSignal): Promise<SyncAnswer> {
  const { core, clock, log } = options
  if (core.isPaused && !request.full) throw new DriveError('paused', 'the drive is paused: continue with "elastic-drive resume"')
  let plan: FullSyncPlan | null | undefined = request.full ? null : undefined
  const dropHistory = async (signal: AbortSignal): Promise<void> => {
    plan = request.full ? await syncFully(core, options.report.paths, { resume: request.resume ?? false, signal }) : undefined
  }
  const answer = async (outcome: 'started' | 'waited' | 'time-up'): Promise<SyncAnswer> => {
    const held = itemsOf(await readHeld(core))
    const pending = await core.upload.pending()
    const isHeld = held > 0 && outcome !== 'time-up'
    return { outcome: isHeld ? 'held' : outcome !== 'waited' ? outcome : pending.count === 0 ? 'done' : 'time-up', pendingUploads: pending.count, pendingBytes: pending.bytes, pendingDownloads: core.keeper.fetches.pending, heldDeletions: held, ...(plan === undefined ? {} : { plan }) }
  }
  if (request.waitSeconds === undefined) {
    await dropHistory(asker)
    syncOnce(core, new AbortController().signal).catch((error: unknown) => {
      if (!hasCode(error, 'cancelled')) log.error({ code: errorCode(error), error: errorText(error) }, 'a sync that nobody waits for failed')
    })
    return await answer('started')
  }
  const over = new AbortController()
  const cancel = clock.setTimer(request.waitSeconds * 1_000, () => {
    over.abort()
  })
  const either = AbortSignal.any([asker, over.signal])
  try {
    await dropHistory(either)
    await syncUntilDone(options, either)
    return await answer('waited')
  } catch (error) {
    if (!over.signal.aborted) throw error
    return await answer('time-up')
  } finally {
    cancel()
  }
}

async function syncOnce(core: DriveCore, signal: AbortSignal): Promise<void> {
  await core.fullSync.finish()
  core.keeper.hurry()
  await core.upload.hurry()
  await core.watch.ensureListed(ROOT_INO, signal)
  await core.watch.syncAll(signal)
  const { count } = core.isReadOnly ? await core.upload.pending() : { count: 0 }
  if (count > 0) throw new DriveError('read-only', `the drive is mounted read-only: ${count} edits stay here until it is mounted without --read-only`)
  await core.upload.waitUntilIdle(signal)
  while (await core.watch.lookAtBlocked(signal)) await core.upload.waitUntilIdle(signal)
}

/** A portal that cannot be reached now, or answers with failures, may be well before the time is up. */
async function syncUntilDone({ core, clock }: DaemonCommandsOptions, signal: AbortSignal): Promise<void> {
  for (;;) {
    try {
      await syncOnce(core, signal)
      await core.keeper.waitUntilHere(signal)
      return
    } catch (error) {
      if (core.isPaused) throw new DriveError('paused', 'the drive was paused meanwhile: continue with "elastic-drive resume"')
      if (signal.aborted || !mayPass(error)) throw error
      await delay(clock, PROBE_EVERY_MS, signal)
      await core.drive.rest.probe()
    }
  }
}

async function pin(core: DriveCore, item: Item): Promise<number> {
  await core.keeper.pin(item)
  let missingBytes = 0
  for (const file of await core.keeper.filesBelow(item.ino)) missingBytes += file.sizeBytes - (await core.presentBytes(file))
  return missingBytes
}

async function free(core: DriveCore, item: Item): Promise<number> {
  if (item.kind === 'folder' && item.pinned) await core.keeper.unpin(item)
  let freedBytes = 0
  let kept: 'unsent' | 'open' | undefined
  for (const file of await core.keeper.filesBelow(item.ino)) {
    const presentBytes = await core.presentBytes(file)
    const outcome = await core.keeper.free(file)
    if (outcome === 'freed') freedBytes += presentBytes
    else if (outcome !== 'not-here') kept = outcome
  }
  if (kept === 'unsent' && item.kind === 'file') throw new DriveError('would-lose-data', 'the file has edits that the portal does not have yet')
  if (kept === 'open' && item.kind === 'file') throw new DriveError('busy', 'the file is open or being fetched')
  return freedBytes
}

/** Names what is unsent, waits for it as asked, then takes the mount away and ends the daemon. */
async function unmount({ core, report, clock, ...options }: DaemonCommandsOptions, request: CommandRequest<'unmount'>, asker: AbortSignal): Promise<UnmountAnswer> {
  if (request.waitSeconds > 0 && !core.isPaused && !core.isReadOnly) await waitForUploads(core, clock, request.waitSeconds * 1_000, asker)
  const { count, bytes } = await core.upload.pending()
  const answer = { unsent: count === 0 ? [] : await report.unsent(), pendingUploads: count, pendingBytes: bytes }
  try {
    await options.unmount(request.force)
  } catch (error) {
    if (!hasCode(error, 'busy')) throw error
    return { ...answer, unmounted: false, busy: holdersOf(error) }
  }
  options.end()
  return { ...answer, unmounted: true, busy: [] }
}

async function waitForUploads(core: DriveCore, clock: Clock, waitMs: number, asker: AbortSignal): Promise<void> {
  const over = new AbortController()
  const cancel = clock.setTimer(waitMs, () => {
    over.abort()
  })
  try {
    await core.upload.hurry()
    await core.upload.waitUntilIdle(AbortSignal.any([asker, over.signal]))
  } catch (error) {
    if (asker.aborted) throw error
    if (!over.signal.aborted) throw error
  } finally {
    cancel()
  }
}

function holdersOf(error: DriveError): UnmountAnswer['busy'] {
  const { holders } = error.fields
  if (!Array.isArray(holders)) return []
  return (holders as readonly Holder[]).map(({ pid, name }) => ({ pid, command: name }))
}

async function each(report: DriveReport, { paths, signal }: { readonly paths: readonly string[]; readonly signal: AbortSignal }, act: (item: Item) => Promise<number>): Promise<CommandAnswer<'pin'>> {
  const results = await inOrder(paths, async (path): Promise<PathResult> => {
    try {
      return { path, bytes: await act(await report.item(path, signal)) }
    } catch (error) {
      return { path, error: { code: errorCode(error), message: errorText(error) } }
    }
  })
  return { results }
}

async function inOrder<T, R>(values: readonly T[], work: (value: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = []
  for (const value of values) results.push(await work(value))
  return results
}
