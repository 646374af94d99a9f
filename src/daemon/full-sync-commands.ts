/** `sync --full` as it is asked for at the control door: when it is refused, and its comparison told by path. */
import { DriveError } from '../base/errors.js'
import type { Ino } from '../base/ids.js'
import type { FullSyncPlan } from '../control/commands.js'
import { isLink, type Item } from '../mirror/item.js'
import type { Comparison, DifferingFile, MadeItem } from '../watch/full-comparison.js'
import type { DriveCore } from './drive-core.js'
import type { LocalPaths } from './local-paths.js'
import { MOST_NAMED } from './named-items.js'

/** 'paused' without `resume`, 'read-only'; else as `FullSync.run`. A pause ends when it is decided, and not when it failed. */
export async function syncFully(core: DriveCore, paths: LocalPaths, { resume, signal }: { resume: boolean; signal: AbortSignal }): Promise<FullSyncPlan> {
  if (core.isReadOnly) throw new DriveError('read-only', 'a full synchronization sends what only this computer has: mount the drive without --read-only')
  const wasPaused = core.isPaused
  if (wasPaused && !resume) {
    throw new DriveError('paused', 'the drive is paused: "elastic-drive resume" applies what was deleted meanwhile, "elastic-drive sync --full --yes" goes on with a full synchronization instead')
  }
  const plan = await planOfFullSync(core, paths, await core.fullSync.run(signal))
  if (wasPaused) await core.setPaused(false)
  return plan
}

export async function planOfFullSync({ mirror }: DriveCore, paths: LocalPaths, comparison: Comparison): Promise<FullSyncPlan> {
  const { gone, differing, back, made, unseen, merged, uncompared } = comparison
  const staying = gone.flatMap(({ row, stays }) => (stays ? [row] : []))
  const up: readonly Item[] = [...staying, ...made.flatMap(({ item, against }) => (against === undefined ? [item] : []))]
  const meeting = made.filter(({ item, against }) => against?.kind === 'folder' && item.kind === 'folder')
  const compared = [...differing.filter(haveOneSize).map(({ row }) => row), ...made.filter(mayBeEqual).map(({ item }) => item)]
  const conflicts = [...differing.filter((file) => !haveOneSize(file)).map(({ row }) => row), ...made.filter((each) => each.against !== undefined && !mayBeEqual(each) && !meeting.includes(each)).map(({ item }) => item)]
  const lost = new Set(staying.map(({ ino }) => ino))
  const named = async (items: readonly Item[]): Promise<readonly string[]> => Promise.all(items.slice(0, MOST_NAMED).map((item) => paths.describe(item)))
  const reappearing: Item[] = []
  for (const row of staying) if (await isInLink(mirror, row, lost)) reappearing.push(row)
  const files = up.filter(({ kind }) => kind === 'file')
  return {
    up: { files: files.length, folders: up.length - files.length, bytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0), paths: await named(up) },
    reappears: await named(reappearing),
    down: unseen + back.length,
    merged: { ...merged, folders: merged.folders + meeting.length },
    compare: await named(compared),
    conflicts: await named(conflicts),
    dropped: gone.filter(({ row, stays }) => !stays && !row.deleted && !row.excluded).length,
    uncompared: (await Promise.all(uncompared.slice(0, MOST_NAMED).map((ino) => paths.of(ino)))).filter((path) => path !== undefined),
  }
}

function haveOneSize({ row, remote }: DifferingFile): boolean {
  return row.sizeBytes === remote.sizeBytes
}

function mayBeEqual({ item, against }: MadeItem): boolean {
  return against?.kind === 'file' && item.kind === 'file' && item.sizeBytes === against.sizeBytes
}

/** Whether a folder above it is one of others. A link that is gone itself is none any more. */
async function isInLink(mirror: DriveCore['mirror'], row: Item, lost: ReadonlySet<Ino>): Promise<boolean> {
  for (let at = row.parent; at !== null; ) {
    const folder = await mirror.get(at)
    if (folder === undefined) return false
    if (isLink(folder) && !lost.has(folder.ino)) return true
    at = folder.parent
  }
  return false
}
