/** What the mass-deletion brake holds, told by path, and what a person decides about it: `brake show`, `allow` and `undo`. */
import assert from 'node:assert'
import type { Ino, StorageId } from '../base/ids.js'
import type { BrakeAllowed, BrakeHold, BrakeShown, BrakeUndone, FailedPath, ProblemStatus } from '../control/commands.js'
import { shownName, type Item } from '../mirror/item.js'
import { countOfStorage } from '../mirror/tombstones.js'
import { isInTrash } from '../mirror/trash-rows.js'
import type { DriveCore } from './drive-core.js'
import type { LocalPaths } from './local-paths.js'
import { MOST_NAMED } from './named-items.js'

export interface BrakeCommandsOptions {
  readonly core: DriveCore
  readonly paths: LocalPaths
}

export interface Held {
  readonly deletedOn: BrakeHold['deletedOn']
  readonly item: Item
  readonly storageId: StorageId
  readonly items: number
  readonly sinceMs: number
}

/** All that is held, in both directions. */
export async function readHeld(core: DriveCore): Promise<readonly Held[]> {
  const here = (await core.upload.deletions.groups()).map((group): Held => ({ deletedOn: 'here', ...group }))
  const there = (await core.watch.absences.held()).map(({ row, items, sinceMs }): Held => ({ deletedOn: 'portal', item: row, storageId: row.base.storageId, items, sinceMs }))
  return [...here, ...there]
}

export function itemsOf(held: readonly Held[]): number {
  return held.reduce((sum, { items }) => sum + items, 0)
}

/** What `status` lists among the errors. */
export function heldProblems(held: readonly Held[]): readonly ProblemStatus[] {
  return [problem('here', held.filter(({ deletedOn }) => deletedOn === 'here')), problem('on the portal', held.filter(({ deletedOn }) => deletedOn === 'portal'))].flat()
}

function problem(where: string, held: readonly Held[]): readonly ProblemStatus[] {
  if (held.length === 0) return []
  const message = `${itemsOf(held)} deletions made ${where} are held back, because so many came within a minute: look at them with "elastic-drive brake show"`
  return [{ path: null, code: 'would-lose-data', message, since: sinceOf(held), nextTry: null }]
}

function sinceOf(held: readonly Held[]): string {
  return new Date(Math.min(...held.map(({ sinceMs }) => sinceMs))).toISOString()
}

export async function showBrake({ core, paths }: BrakeCommandsOptions): Promise<BrakeShown> {
  const all = await readHeld(core)
  const holds = new Map<string, Held[]>()
  for (const held of all) {
    const key = `${held.deletedOn} ${held.storageId}`
    const same = holds.get(key)
    if (same === undefined) holds.set(key, [held])
    else same.push(held)
  }
  return { heldDeletions: itemsOf(all), holds: await Promise.all([...holds.values()].map((held) => holdOf(held, core, paths))) }
}

async function holdOf(held: readonly Held[], core: DriveCore, paths: LocalPaths): Promise<BrakeHold> {
  const [first] = held
  assert(first !== undefined, 'a hold holds something')
  const named: string[] = []
  for (const { item } of held.slice(0, MOST_NAMED)) named.push(await pathOnPortal(item, core, paths))
  return {
    deletedOn: first.deletedOn,
    storage: first.storageId,
    items: itemsOf(held),
    storageItems: await countOfStorage(core.store.read, first.storageId, Number.MAX_SAFE_INTEGER),
    since: sinceOf(held),
    paths: named,
  }
}

export async function allowBrake({ core }: BrakeCommandsOptions): Promise<BrakeAllowed> {
  const allowed = (await core.upload.allowDeletions()) + (await core.watch.allowAbsences())
  return { allowed, heldDeletions: itemsOf(await readHeld(core)) }
}

export async function undoBrake({ core, paths }: BrakeCommandsOptions): Promise<BrakeUndone> {
  const here = await core.upload.undoDeletions()
  const there = await core.watch.absences.restore()
  const named: FailedPath[] = []
  for (const { item, code, text } of [...here.failed, ...there.failed]) named.push({ path: await pathOnPortal(item, core, paths), error: { code, message: text } })
  return { restored: here.items + there.items, failed: named, heldDeletions: itemsOf(await readHeld(core)) }
}

/** Where something that is deleted here, or in the trash, stood, as far as the portal knows. */
async function pathOnPortal(item: Item, { mirror, store }: DriveCore, paths: LocalPaths): Promise<string> {
  const names: string[] = []
  for (let at: Item | undefined = item; at !== undefined; ) {
    const isGone = at.deleted || (await isInTrash(store.read, at.parent))
    const standing = isGone ? undefined : await mirror.path(at.ino)
    if (standing !== undefined) return paths.join([...standing, ...names])
    names.unshift(at.base === null ? at.name : shownName(at.base.name, at.base.id))
    const parent: Ino | null = at.base?.parent ?? null
    at = parent === null ? undefined : await mirror.get(parent)
  }
  return paths.join(names)
}
