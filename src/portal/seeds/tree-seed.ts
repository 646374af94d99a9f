/**
 * `tree:FOLDERSxFILES[xBYTES]`: FOLDERS folders with FILES files in each, fan-out 10 (the parent of folder i is folder
 * (i-1) div 10, folder 0 is the root; DESIGN.md 6a.10). Every row is computed from its id.
 */
import type { ObjectRow, StorageRow, UserRow } from '../rows.js'
import { baseRow, rootRow, seededFile } from './listed-seed.js'
import { FIRST_FREE_ID, OWNER_ID, OWNER_STORAGE_ID, PEOPLE, STORAGES, type Seed } from './seed.js'

const FAN_OUT = 10
const ROOT_ID = STORAGES.find(({ id }) => id === OWNER_STORAGE_ID)?.rootId ?? 0
const AGE_SECONDS = 30 * 86_400

export interface TreeShape {
  readonly folders: number
  readonly filesEach: number
  readonly fileBytes: number
}

const MAX_OBJECTS = 20_000_000
const DEFAULT_BYTES = 1000

/** Reads `500x20` or `500x20x2000`; undefined when it is no shape, or a monstrous one. */
export function parseTreeShape(text: string): TreeShape | undefined {
  const match = /^(\d{1,8})x(\d{1,8})(?:x(\d{1,12}))?$/.exec(text)
  if (match === null) return undefined
  const shape = { folders: Number(match[1]), filesEach: Number(match[2]), fileBytes: match[3] === undefined ? DEFAULT_BYTES : Number(match[3]) }
  return shape.folders * (shape.filesEach + 1) > MAX_OBJECTS ? undefined : shape
}

export class TreeSeed implements Seed {
  readonly users: readonly UserRow[] = PEOPLE
  readonly storages: readonly StorageRow[] = STORAGES
  readonly highestId: number
  readonly links: readonly ObjectRow[] = []
  readonly #shape: TreeShape
  readonly #madeSec: number
  readonly #firstFileId: number
  readonly #folderDigits: number
  readonly #fileDigits: number

  constructor(shape: TreeShape, madeSec: number) {
    this.#shape = shape
    this.#madeSec = madeSec
    this.#firstFileId = FIRST_FREE_ID + shape.folders
    this.highestId = this.#firstFileId + shape.folders * shape.filesEach - 1
    this.#folderDigits = String(shape.folders).length
    this.#fileDigits = String(shape.filesEach).length
  }

  row(id: number): ObjectRow | undefined {
    if (id > this.highestId) return undefined
    if (id < FIRST_FREE_ID) {
      const storage = STORAGES.find(({ rootId }) => rootId === id)
      return storage === undefined ? undefined : rootRow(storage, this.#madeSec)
    }
    return id < this.#firstFileId ? this.#folder(id - FIRST_FREE_ID + 1) : this.#file(id)
  }

  childIds(folderId: number): readonly number[] {
    const number = folderId === ROOT_ID ? 0 : folderId - FIRST_FREE_ID + 1
    if (number < 0 || number > this.#shape.folders) return []
    const ids: number[] = []
    for (let child = number * FAN_OUT + 1; child <= Math.min(number * FAN_OUT + FAN_OUT, this.#shape.folders); child += 1) ids.push(folderIdOf(child))
    if (number === 0) return ids
    const first = this.#firstFileId + (number - 1) * this.#shape.filesEach
    for (let index = 0; index < this.#shape.filesEach; index += 1) ids.push(first + index)
    return ids
  }

  #folder(number: number): ObjectRow {
    const id = folderIdOf(number)
    const name = `folder-${String(number).padStart(this.#folderDigits, '0')}`
    const parentId = folderIdOf(Math.floor((number - 1) / FAN_OUT))
    return { ...this.#base(id, parentId, name), type: 'folder', realId: id }
  }

  #file(id: number): ObjectRow {
    const index = id - this.#firstFileId
    const folder = Math.floor(index / this.#shape.filesEach) + 1
    const name = `file-${String((index % this.#shape.filesEach) + 1).padStart(this.#fileDigits, '0')}.dat`
    const content = { kind: 'computed', seed: id, sizeBytes: this.#shape.fileBytes, head: null } as const
    return seededFile(this.#base(id, folderIdOf(folder), name), content)
  }

  #base(id: number, parentId: number, name: string): ReturnType<typeof baseRow> {
    return baseRow({ id, storageId: OWNER_STORAGE_ID, parentId, name, code: null, seconds: this.#madeSec - AGE_SECONDS, by: OWNER_ID })
  }
}

function folderIdOf(number: number): number {
  return number === 0 ? ROOT_ID : FIRST_FREE_ID + number - 1
}
