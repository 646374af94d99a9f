/** The daemon's part of `conflicts`: what stands, by path, and what a person decided about it. */
import { DriveError, errorCode, errorText } from '../base/errors.js'
import type { CommandRequest, ConflictResult, ConflictStatus, FailedPath } from '../control/commands.js'
import { readConflicts, type Conflict } from '../mirror/conflicts.js'
import type { DriveCore } from './drive-core.js'
import type { DriveReport } from './drive-report.js'

export async function listConflicts(core: DriveCore, { paths }: DriveReport): Promise<readonly ConflictStatus[]> {
  const listed: ConflictStatus[] = []
  for (const { copy, original, side, why, sinceMs } of await readConflicts(core.store.read)) {
    const copyPath = await paths.of(copy)
    if (copyPath === undefined) continue // in a folder that is going
    listed.push({ copy: copyPath, original: original === null ? null : ((await paths.of(original)) ?? null), copyHolds: side, why, since: new Date(sinceMs).toISOString() })
  }
  return listed
}

/** All paths are looked up before anything changes, so that a copy and its original may be named together. */
export async function resolveConflicts(core: DriveCore, report: DriveReport, { paths, keep }: CommandRequest<'resolveConflicts'>, signal: AbortSignal): Promise<readonly ConflictResult[]> {
  if (core.isReadOnly && keep !== 'both') throw new DriveError('read-only', 'the drive is mounted read-only: what you decide waits until it is mounted without --read-only')
  const found: { readonly path: string; readonly conflicts: readonly Conflict[] | FailedPath }[] = []
  for (const path of paths) {
    const conflicts = await report.item(path, signal).then((item) => core.conflicts.find(item, keep)).catch((error: unknown) => failedPath(path, error))
    found.push({ path, conflicts })
  }
  const outcomes = new Map<Conflict['copy'], Promise<void>>()
  const results: ConflictResult[] = []
  for (const { path, conflicts } of found) {
    try {
      if ('error' in conflicts) {
        results.push(conflicts)
        continue
      }
      for (const conflict of conflicts) {
        const outcome = outcomes.get(conflict.copy) ?? core.conflicts.resolve(conflict, keep, signal)
        outcomes.set(conflict.copy, outcome)
        await outcome
      }
      results.push({ path, kept: keep })
    } catch (error) {
      results.push(failedPath(path, error))
    }
  }
  return results
}

function failedPath(path: string, error: unknown): FailedPath {
  return { path, error: { code: errorCode(error), message: errorText(error) } }
}
