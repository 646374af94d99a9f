/**
 * What stays with the user when a drive is disconnected: files of which every byte is here, unsent edits, and folders that
 * were made here. Placeholders and parts of files do not (F3), nor does what is in the trash of both sides. Reads only.
 */
import { errorText } from '../base/errors.js'
import { isTrashName } from '../base/names.js'
import { fileFacts } from '../cache/cache-file.js'
import { contentPath } from '../cache/content-path.js'
import { isWhole, readContent } from '../cache/content-rows.js'
import { reconcileFile } from '../cache/reconcile-file.js'
import { ItemNames } from '../mirror/item-names.js'
import { ITEM_COLUMNS, itemOf, type Item } from '../mirror/item.js'
import { getItem } from '../mirror/item-queries.js'
import type { Reader } from '../store/store.js'
import { fileDigest } from './file-digest.js'
import { MARKER_NAME } from './marker.js'
import type { KeptFile, KeptFolder } from './disconnection.js'

export interface KeptItems {
  readonly folders: readonly KeptFolder[]
  readonly files: readonly KeptFile[]
  /** Unsent edits whose bytes cannot be read, with why. */
  readonly lost: readonly { readonly names: readonly string[]; readonly reason: string }[]
}

interface Source {
  readonly reader: Reader
  readonly contentDirectory: string
  readonly bootId: string
}

const KEPT_FILES = `SELECT ${ITEM_COLUMNS} FROM items WHERE kind = 'file' AND content_id IS NOT NULL AND parent IS NOT NULL AND deleted = 0 AND excluded = 0 ORDER BY parent, ino`
const NEW_FOLDERS = `SELECT ${ITEM_COLUMNS} FROM items WHERE kind = 'folder' AND remote_id IS NULL AND parent IS NOT NULL AND deleted = 0 AND excluded = 0 ORDER BY ino`

/** The rows are those of a process that is gone, after `recoverRows`. */
export async function planKept(source: Source): Promise<KeptItems> {
  const { reader } = source
  const names = new ItemNames(reader)
  const folders = new Map<string, KeptFolder>()
  const files: KeptFile[] = []
  const lost: { names: readonly string[]; reason: string }[] = []
  for (const row of await reader.all(KEPT_FILES)) {
    const item = itemOf(row)
    const place = placeBesideMarker(await names.of(item))
    if (place === undefined) continue
    try {
      const file = await keptFile(source, item, place)
      if (file === undefined) continue
      files.push(file)
      await keepFolders(reader, folders, item, place)
    } catch (error) {
      // Bytes that the portal gave once it may give again.
      if (await isUnsent(source, item)) lost.push({ names: place, reason: errorText(error) })
    }
  }
  for (const row of await reader.all(NEW_FOLDERS)) {
    const item = itemOf(row)
    const place = placeBesideMarker(await names.of(item))
    if (place === undefined || isTrashName(place[0] ?? '')) continue
    folders.set(place.join('/'), { names: place, mode: item.mode })
    await keepFolders(reader, folders, item, place)
  }
  return { folders: [...folders.values()].sort((one, other) => one.names.length - other.names.length), files, lost }
}

/** Undefined: nothing of it stays. */
async function keptFile({ reader, contentDirectory, bootId }: Source, item: Item, names: readonly string[]): Promise<KeptFile | undefined> {
  const row = item.contentId === null ? undefined : await readContent(reader, item.contentId)
  if (row === undefined) return undefined
  const path = contentPath(contentDirectory, row.id)
  const facts = await fileFacts(path)
  const state = reconcileFile(row, facts, bootId)
  if (state.damage !== undefined && facts === undefined) throw state.damage
  if (!isWhole(state.ranges, state.sizeBytes)) return undefined
  const isEdit = state.isDirty || state.origin === null
  if (isTrashName(names[0] ?? '') && !isEdit) return undefined
  const copyOf = isEdit ? null : { ...state.origin, sha256: await fileDigestOrEmpty(path, state.sizeBytes) }
  return { content: row.id, names, mode: item.mode, mtimeMs: item.mtimeMs, sizeBytes: state.sizeBytes, copyOf }
}

/** An empty content needs no file. */
async function fileDigestOrEmpty(path: string, sizeBytes: number): Promise<string> {
  return await fileDigest(sizeBytes === 0 ? '/dev/null' : path)
}

async function isUnsent({ reader }: Source, item: Item): Promise<boolean> {
  const row = item.contentId === null ? undefined : await readContent(reader, item.contentId)
  return row?.isDirty === true || row?.origin === null
}

/** The folders that a kept item stands in. */
async function keepFolders(reader: Reader, folders: Map<string, KeptFolder>, item: Item, names: readonly string[]): Promise<void> {
  let at = item
  for (let above = names.slice(0, -1); above.length > 0 && at.parent !== null && !folders.has(above.join('/')); above = above.slice(0, -1)) {
    const folder = await getItem(reader, at.parent)
    if (folder === undefined) return
    folders.set(above.join('/'), { names: above, mode: folder.mode })
    at = folder
  }
}

/** Our marker has this name in the folder itself. */
function placeBesideMarker(names: readonly string[] | undefined): readonly string[] | undefined {
  return names?.[0] === MARKER_NAME ? [`${MARKER_NAME} (2)`, ...names.slice(1)] : names
}
