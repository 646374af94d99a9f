/**
 * The hook `tree`: every live object of every storage, streamed, so that a million of them need no memory. Roots of
 * storages are left out; links are shown where they stand and not entered.
 */
import type { Desk } from './desk.js'
import type { ObjectRow } from './rows.js'
import { linkTarget } from './tree.js'

export interface TreeItem {
  readonly storage: string
  readonly path: string
  readonly id: string
  readonly type: 'file' | 'folder' | 'link'
  /** Null for folders. */
  readonly size: number | null
  readonly sha256?: string | null
  readonly version: number | null
  readonly parentId: string | null
  readonly target?: string
}

const BATCH_ITEMS = 500

/** The JSON array in pieces. */
export async function* treeJson(desk: Desk, withHashes: boolean): AsyncGenerator<Uint8Array> {
  let lines: string[] = []
  let first = true
  for (const { row, path } of liveObjects(desk)) {
    lines.push(JSON.stringify(await treeItem(desk, row, path, withHashes)))
    if (lines.length < BATCH_ITEMS) continue
    yield Buffer.from(`${first ? '[' : ',\n'}${lines.join(',\n')}`)
    first = false
    lines = []
    await new Promise((resolve) => setImmediate(resolve)) // others get their turn while a big tree goes out
  }
  yield Buffer.from(`${first ? '[' : lines.length > 0 ? ',\n' : ''}${lines.join(',\n')}]`)
}

export async function treeItem(desk: Desk, row: ObjectRow, path: string, withHashes: boolean): Promise<TreeItem> {
  const target = linkTarget(row)
  const file = row.type === 'file' ? (row.linkTo === null ? row : (desk.tree.file(row.linkTo) ?? row)) : undefined
  return {
    storage: String(row.storageId),
    path,
    id: String(row.id),
    type: target === undefined ? row.type : 'link',
    size: file?.versions[0].content.sizeBytes ?? null,
    ...(withHashes ? { sha256: file === undefined ? null : await desk.contents.sha256(file.versions[0].content) } : {}),
    version: file?.globalVersion ?? null,
    parentId: row.parentId === null ? null : String(row.parentId),
    ...(target === undefined ? {} : { target: String(target) }),
  }
}

/** Descends without asking ancestors: a walk from a live root meets only live folders. Children follow their folder. */
function* liveObjects(desk: Desk): Generator<{ row: ObjectRow; path: string }> {
  for (const storage of desk.tree.seed.storages) {
    const waiting = [{ ids: desk.tree.childIds(storage.rootId), next: 0, prefix: '' }]
    for (let level = waiting.at(-1); level !== undefined; level = waiting.at(-1)) {
      const id = level.ids[level.next]
      level.next += 1
      if (id === undefined) waiting.pop()
      const row = id === undefined ? undefined : desk.tree.get(id)
      if (row?.deletedType !== 0) continue
      const path = level.prefix + row.name
      yield { row, path }
      if (row.type === 'folder' && linkTarget(row) === undefined) waiting.push({ ids: desk.tree.childIds(row.id), next: 0, prefix: `${path}/` })
    }
  }
}
