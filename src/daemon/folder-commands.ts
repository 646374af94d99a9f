/** Which folders synchronize, told by path, and what a person chooses: `folders`, `folders select` and `folders deselect` (R5). */
import { DriveError, errorCode, errorText, hasCode } from '../base/errors.js'
import { ROOT_INO, type Ino } from '../base/ids.js'
import type { FolderChosen, FolderResult, FolderStatus } from '../control/commands.js'
import { askedId } from '../mirror/connected-rows.js'
import { isLink, type Item } from '../mirror/item.js'
import { readUnselected, sizeBelow } from '../mirror/selection-rows.js'
import { exclusionOf } from '../watch/exclusion.js'
import type { Deselected } from '../watch/selection.js'
import type { DriveCore } from './drive-core.js'
import type { LocalPaths } from './local-paths.js'
import { nameUnsent } from './named-items.js'
import { standingItem } from './standing-items.js'

export interface FolderCommandsOptions {
  readonly core: DriveCore
  readonly paths: LocalPaths
}

/** The folders of the drive's root, by name, and what was deselected deeper. */
export async function listFolders({ core, paths }: FolderCommandsOptions, signal: AbortSignal): Promise<readonly FolderStatus[]> {
  const { mirror, store, watch } = core
  await watch.ensureListed(ROOT_INO, signal)
  const unselected = await readUnselected(store.read)
  const inRoot = (await mirror.childrenIn(store.read, ROOT_INO)).filter(({ kind, localOnly }) => kind === 'folder' && !localOnly)
  const deeper = [...(await mirror.byRemoteIds([...unselected])).values()].filter(({ parent }) => parent !== ROOT_INO)
  const folders: FolderStatus[] = []
  for (const item of [...inRoot, ...deeper]) {
    const why = !item.excluded ? null : item.base === null ? 'shown-elsewhere' : (exclusionOf({ id: item.base.id, code: item.base.code }, unselected) ?? 'shown-elsewhere')
    const known = item.excluded ? undefined : await sizeBelow(store.read, item.ino)
    folders.push({
      path: await paths.describe(item),
      kind: isLink(item) ? 'link' : 'folder',
      id: item.base === null ? null : askedId(item.base),
      synchronizes: why === null,
      why,
      knownFiles: known?.files ?? null,
      knownBytes: known?.bytes ?? null,
    })
  }
  return folders.sort((one, other) => (one.path < other.path ? -1 : 1))
}

export async function selectFolder(options: FolderCommandsOptions, path: string, signal: AbortSignal): Promise<FolderResult> {
  return answering(path, async () => {
    const item = await findFolder(options, path, signal)
    await options.core.watch.selection.select(item.ino, signal)
    return { path, synchronizes: true, bytes: 0 }
  })
}

/** `bytes`: given back. Refused with what is unsent below it, which is named. */
export async function deselectFolder(options: FolderCommandsOptions, path: string, signal: AbortSignal): Promise<FolderResult> {
  return answering(path, async () => {
    const { core } = options
    const item = await findFolder(options, path, signal)
    if (item.ino !== ROOT_INO) await core.letGoOfClosed()
    const bytes = await bytesBelow(core, item.ino)
    const outcome = await core.watch.selection.deselect(item.ino, { writers: () => core.openForWriting(), signal })
    return outcome.kind === 'done' ? { path, synchronizes: false, bytes } : await refusal(options, path, outcome)
  })
}

async function refusal({ paths }: FolderCommandsOptions, path: string, outcome: Exclude<Deselected, { kind: 'done' }>): Promise<FolderResult> {
  const items = await nameUnsent(paths, outcome.items)
  const count = (one: string): string => (outcome.items.length === 1 ? `one ${one}` : `${outcome.items.length} ${one}s`)
  if (outcome.kind === 'in-use') return { path, error: { code: 'busy', message: `a program may write to ${count('file')} below it: close what it has open first` }, unsent: items }
  const message = `the portal does not have ${count('change')} below it: send with "elastic-drive sync --wait 60", and move away what has a name that only programs use`
  return { path, error: { code: 'would-lose-data', message }, unsent: items }
}

/** 'not-found' says where to look. */
async function findFolder(options: FolderCommandsOptions, path: string, signal: AbortSignal): Promise<Item> {
  try {
    return await standingItem(options, path, signal)
  } catch (error) {
    if (!hasCode(error, 'not-found')) throw error
    throw new DriveError('not-found', `${error.message}: "elastic-drive folders" names those that can be chosen`, { cause: error })
  }
}

async function bytesBelow({ keeper, cache }: DriveCore, ino: Ino): Promise<number> {
  const contents = (await keeper.filesBelow(ino)).flatMap(({ contentId }) => (contentId === null ? [] : [contentId]))
  return [...(await cache.summary(contents)).values()].reduce((sum, { presentBytes }) => sum + presentBytes, 0)
}

async function answering(path: string, work: () => Promise<FolderChosen | FolderResult>): Promise<FolderResult> {
  try {
    return await work()
  } catch (error) {
    return { path, error: { code: errorCode(error), message: errorText(error) } }
  }
}
