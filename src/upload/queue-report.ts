/** What `status` and `sync --wait` ask of the queue: how much, what failed, what waits for what. */
import type { ErrorCode } from '../base/errors.js'
import type { Ino } from '../base/ids.js'
import type { ContentCache } from '../cache/content-cache.js'
import type { Journal } from '../journal/journal.js'
import type { Mirror } from '../mirror/mirror.js'
import type { Step, WaitReason } from './plan-view.js'

export type Wait = Extract<Step, { kind: 'wait' }>

export interface QueuedError {
  readonly ino: Ino
  readonly code: ErrorCode
  readonly text: string
  readonly tries: number
  readonly sinceMs: number
  readonly nextTryMs: number
}

/** Why an entry is not being sent, as of the last look. */
export interface QueuedEntry {
  readonly ino: Ino
  readonly sinceMs: number
  readonly state: 'sending' | 'ready' | WaitReason
  readonly on: Ino | null
  readonly untilMs: number | null
}

export async function readPending({ journal, mirror, cache }: { readonly journal: Journal; readonly mirror: Mirror; readonly cache: ContentCache }): Promise<{ readonly count: number; readonly bytes: number }> {
  const entries = await journal.entries()
  const items = await mirror.getMany(entries.map(({ ino }) => ino))
  const contents = await cache.summary(items.flatMap(({ contentId }) => (contentId === null ? [] : [contentId])))
  const bytes = [...contents.values()].reduce((sum, { dirty, sizeBytes }) => sum + (dirty ? sizeBytes : 0), 0)
  return { count: entries.length, bytes }
}

export async function readErrors(journal: Journal): Promise<readonly QueuedError[]> {
  const entries = await journal.entries()
  return entries.flatMap(({ ino, failure, tries, sinceMs, nextTryMs }) => (failure === null ? [] : [{ ino, ...failure, tries, sinceMs, nextTryMs }]))
}

export async function readQueue(journal: Journal, now: { readonly waits: ReadonlyMap<Ino, Wait>; readonly sending: ReadonlySet<Ino>; readonly nowMs: number }): Promise<readonly QueuedEntry[]> {
  const entries = await journal.entries()
  return entries.map(({ ino, sinceMs, notBeforeMs, nextTryMs, attempt }) => {
    const isDelayed = attempt === null && notBeforeMs > now.nowMs
    const wait: Wait | undefined =
      nextTryMs > now.nowMs ? { kind: 'wait', reason: 'back-off', untilMs: nextTryMs }
      : isDelayed ? { kind: 'wait', reason: 'upload-delay', untilMs: notBeforeMs }
      : now.waits.get(ino)
    const state = now.sending.has(ino) ? 'sending' : (wait?.reason ?? 'ready')
    return { ino, sinceMs, state, on: wait?.on ?? null, untilMs: wait?.untilMs ?? null }
  })
}

/** Nothing of it goes on by itself: all of it waits for the brake, for a folder that is never sent, or for such an entry. */
export function isInert(waits: ReadonlyMap<Ino, Wait>): boolean {
  const isStuck = (ino: Ino, depth: number): boolean => {
    const wait = waits.get(ino)
    if (wait === undefined || depth > waits.size) return false
    return wait.reason === 'brake' || wait.reason === 'parent-stays-here' || (wait.on !== undefined && isStuck(wait.on, depth + 1))
  }
  return [...waits.keys()].every((ino) => isStuck(ino, 0))
}
