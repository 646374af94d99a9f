/**
 * The rows of the portal: what was changed, lying over the seed. Owns ids, the lists of children, the uniqueness of names
 * and what follows from an ancestor (deleted type, path, being inside). Changes are grouped by `change`: everything put
 * inside it reaches the recorder as one entry, before anything is answered.
 */
import { nameKey } from './names.js'
import type { DeletedType, FileRow, FolderRow, ObjectRow, StorageRow } from './rows.js'
import type { Seed } from './seeds/seed.js'
import type { Traits } from './traits.js'

/** One step of a change, as the journal keeps it. */
export type TreeStep = { readonly put: ObjectRow } | { readonly purge: number }

export interface Counters {
  readonly nextId: number
  readonly nextFileId: number
  readonly nextVersionId: number
}

/** Of a folder: what stands before its children's names in a path, and whether they are in the trash with it. */
interface Place {
  readonly prefix: string
  readonly isTrashed: boolean
}

const ROOT_PLACE: Place = { prefix: '', isTrashed: false }
const REMEMBERED_PLACES = 50_000
const MAX_ANCESTORS = 1000 // rows never form a cycle by parents; a journal damaged by hand could

export class Tree {
  readonly seed: Seed
  readonly #collation: () => Traits['nameCollation']
  readonly #record: (steps: readonly TreeStep[], counters: Counters) => void
  readonly #changed = new Map<number, ObjectRow>()
  readonly #purged = new Set<number>()
  /** Children of folders where a child came or went, ascending by id. */
  readonly #children = new Map<number, number[]>()
  /** Live names of folders where a name was looked for. Built on demand, kept by `#apply`. */
  readonly #names = new Map<number, Map<string, number>>()
  readonly #linksTo = new Map<number, Set<number>>()
  readonly #versionOwner = new Map<number, number>()
  readonly #places = new Map<number, Place>()
  #counters: Counters
  #steps: TreeStep[] | undefined

  constructor(options: { seed: Seed; collation: () => Traits['nameCollation']; record: (steps: readonly TreeStep[], counters: Counters) => void }) {
    this.seed = options.seed
    this.#collation = options.collation
    this.#record = options.record
    const { highestId, links } = options.seed
    for (const link of links) this.#noteLink(link)
    this.#counters = { nextId: highestId + 1, nextFileId: highestId + 1_000_000, nextVersionId: highestId + 1 }
  }

  /** Takes a state that was recorded earlier; before the first use. */
  replay(steps: readonly TreeStep[], counters: Counters): void {
    for (const step of steps) this.#apply(step)
    this.#counters = counters
  }

  /** Everything that differs from the seed, for a snapshot. */
  *steps(): Generator<TreeStep> {
    for (const purge of this.#purged) yield { purge }
    for (const put of this.#changed.values()) yield { put }
  }

  /** Rows that differ from the seed. */
  changedRows(): Iterable<ObjectRow> {
    return this.#changed.values()
  }

  get counters(): Counters {
    return this.#counters
  }

  nextId(): number {
    return this.#next('nextId')
  }

  nextFileId(): number {
    return this.#next('nextFileId')
  }

  nextVersionId(): number {
    return this.#next('nextVersionId')
  }

  /** Runs a change; its steps are recorded together, also when it fails half way, because memory has them then. */
  change<T>(work: () => T): T {
    if (this.#steps !== undefined) return work()
    const steps: TreeStep[] = []
    this.#steps = steps
    try {
      return work()
    } finally {
      this.#steps = undefined
      if (steps.length > 0) this.#record(steps, this.#counters)
    }
  }

  put<T extends ObjectRow>(row: T): T {
    this.#take({ put: row })
    return row
  }

  /** Takes one row away for good. Its children are the caller's business. */
  purge(id: number): void {
    this.#take({ purge: id })
  }

  get(id: number): ObjectRow | undefined {
    return this.#purged.has(id) ? undefined : (this.#changed.get(id) ?? this.seed.row(id))
  }

  folder(id: number): FolderRow | undefined {
    const row = this.get(id)
    return row?.type === 'folder' ? row : undefined
  }

  file(id: number): FileRow | undefined {
    const row = this.get(id)
    return row?.type === 'file' ? row : undefined
  }

  storage(id: number): StorageRow | undefined {
    return this.seed.storages.find((storage) => storage.id === id)
  }

  /** Ids of all rows in a folder, trashed ones too, ascending. */
  childIds(folderId: number): readonly number[] {
    return this.#children.get(folderId) ?? this.seed.childIds(folderId)
  }

  /** Rows in a folder that are not trashed. */
  *liveChildren(folder: FolderRow): Generator<ObjectRow> {
    if (this.deletedType(folder) !== 0) return
    for (const id of this.childIds(folder.id)) {
      const row = this.get(id)
      if (row?.deletedType === 0) yield row
    }
  }

  /** The live row of this name in a folder, by the portal's collation. */
  named(folderId: number, name: string): ObjectRow | undefined {
    const id = this.#namesOf(folderId).get(nameKey(name, this.#collation()))
    return id === undefined ? undefined : this.get(id)
  }

  /** After the collation changed. */
  forgetNames(): void {
    this.#names.clear()
  }

  /** Of the row with what its ancestors make of it (7.4). */
  deletedType(row: ObjectRow): DeletedType {
    if (row.deletedType !== 0 || row.parentId === null) return row.deletedType
    return this.#place(row.parentId).isTrashed ? 4 : 0
  }

  *ancestors(row: ObjectRow): Generator<FolderRow> {
    let parentId = row.parentId
    for (let depth = 0; parentId !== null && depth < MAX_ANCESTORS; depth += 1) {
      const parent = this.folder(parentId)
      if (parent === undefined) return
      yield parent
      parentId = parent.parentId
    }
  }

  isInside(row: ObjectRow, folderId: number): boolean {
    return row.id === folderId || [...this.ancestors(row)].some((ancestor) => ancestor.id === folderId)
  }

  /** Relative to the storage's root, without a leading slash; the root's is empty. */
  path(row: ObjectRow): string {
    return row.parentId === null ? '' : this.#place(row.parentId).prefix + row.name
  }

  linksTo(id: number): readonly ObjectRow[] {
    return [...(this.#linksTo.get(id) ?? [])].map((linkId) => this.get(linkId)).filter((row) => row !== undefined)
  }

  /** Every object that some link points to. */
  linkTargets(): readonly number[] {
    return [...this.#linksTo.keys()]
  }

  /** The file that a version belongs to. */
  versionOwner(versionId: number): FileRow | undefined {
    const owner = this.file(this.#versionOwner.get(versionId) ?? versionId)
    return owner?.versions.some(({ id }) => id === versionId) === true ? owner : undefined
  }

  /** Where a folder stands, remembered until anything changes. */
  #place(folderId: number): Place {
    const known = this.#places.get(folderId)
    if (known !== undefined) return known
    const folder = this.folder(folderId)
    const place = this.#newPlace(folder)
    if (this.#places.size >= REMEMBERED_PLACES) this.#places.clear()
    this.#places.set(folderId, place)
    return place
  }

  #newPlace(folder: FolderRow | undefined): Place {
    if (folder === undefined) return { prefix: '', isTrashed: true }
    const above = folder.parentId === null ? ROOT_PLACE : this.#place(folder.parentId)
    return { prefix: folder.parentId === null ? '' : `${above.prefix}${folder.name}/`, isTrashed: above.isTrashed || folder.deletedType !== 0 }
  }

  #next(counter: keyof Counters): number {
    const value = this.#counters[counter]
    this.#counters = { ...this.#counters, [counter]: value + 1 }
    return value
  }

  #take(step: TreeStep): void {
    if (this.#steps === undefined) throw new Error('a row was put outside of a change')
    this.#steps.push(step)
    this.#apply(step)
  }

  #apply(step: TreeStep): void {
    this.#places.clear()
    const id = 'put' in step ? step.put.id : step.purge
    const before = this.get(id)
    const after = 'put' in step ? step.put : undefined
    if (before !== undefined) this.#forgetName(before)
    if (before !== undefined && before.parentId !== after?.parentId) this.#removeChild(before)
    if (after === undefined) {
      this.#changed.delete(id)
      this.#purged.add(id)
      if (before !== undefined) this.#forgetLink(before)
      return
    }
    this.#purged.delete(id)
    this.#changed.set(id, after)
    if (before?.parentId !== after.parentId) this.#addChild(after)
    this.#noteName(after)
    this.#noteLink(after)
    if (after.type === 'file') for (const version of after.versions) this.#versionOwner.set(version.id, id)
  }

  #ownChildren(parentId: number): number[] {
    const own = this.#children.get(parentId) ?? [...this.seed.childIds(parentId)]
    this.#children.set(parentId, own)
    return own
  }

  #removeChild(row: ObjectRow): void {
    if (row.parentId === null) return
    const own = this.#ownChildren(row.parentId)
    const index = lowerBound(own, row.id)
    if (own[index] === row.id) own.splice(index, 1)
  }

  #addChild(row: ObjectRow): void {
    if (row.parentId === null) return
    const own = this.#ownChildren(row.parentId)
    const index = lowerBound(own, row.id)
    if (own[index] !== row.id) own.splice(index, 0, row.id)
  }

  #namesOf(folderId: number): Map<string, number> {
    const known = this.#names.get(folderId)
    if (known !== undefined) return known
    const names = new Map<string, number>()
    for (const id of this.childIds(folderId)) {
      const row = this.get(id)
      if (row?.deletedType === 0) names.set(nameKey(row.name, this.#collation()), id)
    }
    this.#names.set(folderId, names)
    return names
  }

  #forgetName(row: ObjectRow): void {
    if (row.parentId === null || row.deletedType !== 0) return
    const names = this.#names.get(row.parentId)
    const key = nameKey(row.name, this.#collation())
    if (names?.get(key) === row.id) names.delete(key)
  }

  #noteName(row: ObjectRow): void {
    if (row.parentId === null || row.deletedType !== 0) return
    this.#names.get(row.parentId)?.set(nameKey(row.name, this.#collation()), row.id)
  }

  #noteLink(row: ObjectRow): void {
    const target = linkTarget(row)
    if (target === undefined) return
    const links = this.#linksTo.get(target) ?? new Set()
    this.#linksTo.set(target, links.add(row.id))
  }

  #forgetLink(row: ObjectRow): void {
    const target = linkTarget(row)
    const links = target === undefined ? undefined : this.#linksTo.get(target)
    if (target === undefined || links === undefined) return
    links.delete(row.id)
    if (links.size === 0) this.#linksTo.delete(target)
  }
}

/** What a link points to; undefined for an ordinary object. */
export function linkTarget(row: ObjectRow): number | undefined {
  if (row.type === 'folder') return row.realId === row.id ? undefined : row.realId
  return row.linkTo ?? undefined
}

function lowerBound(sorted: readonly number[], value: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sorted[middle] ?? 0) < value) low = middle + 1
    else high = middle
  }
  return low
}
