/**
 * Names of the model: what each call on a path does and which errno it gives, as Linux and the portal's rules for names
 * have it (DESIGN.md section 6, "Names"). Knows nothing of the drive's own code.
 */
import { constants } from 'node:os'
import { constants as flags } from 'node:fs'
import { ModelFile } from './model-bytes.js'

const { errno: E } = constants

export class ModelFolder {
  readonly kind = 'folder'
  readonly children = new Map<string, ModelNode>()
  readonly links = 2
  mode: number

  constructor(mode: number) {
    this.mode = mode
  }
}

export type ModelNode = ModelFile | ModelFolder

export const RENAME_NOREPLACE = 1

interface Place {
  readonly folder: ModelFolder
  readonly name: string
  readonly node: ModelNode | undefined
}

export class ModelTree {
  readonly root = new ModelFolder(0o755)

  /** The node at a path, or the errno of looking for it. */
  find(path: string): ModelNode | number {
    const place = this.#locate(path)
    return typeof place === 'number' ? place : (place.node ?? E.ENOENT)
  }

  open(path: string, wanted: number, mode: number): ModelFile | number {
    const place = this.#locate(path)
    if (typeof place === 'number') return place
    const { folder, name, node } = place
    const creates = (wanted & flags.O_CREAT) !== 0
    if (node === undefined) {
      if (!creates) return E.ENOENT
      const fault = nameFault(folder, name)
      if (fault !== 0) return fault
      const file = new ModelFile(Buffer.alloc(0), mode)
      folder.children.set(name, file)
      return file
    }
    if (creates && (wanted & flags.O_EXCL) !== 0) return E.EEXIST
    if (node.kind === 'folder') return E.EISDIR
    if ((wanted & flags.O_TRUNC) !== 0) node.resize(0)
    return node
  }

  mkdir(path: string, mode: number): number {
    const place = this.#locate(path)
    if (typeof place === 'number') return place
    if (place.node !== undefined) return E.EEXIST
    const fault = nameFault(place.folder, place.name)
    if (fault === 0) place.folder.children.set(place.name, new ModelFolder(mode))
    return fault
  }

  unlink(path: string): number {
    const place = this.#locate(path)
    if (typeof place === 'number') return place
    if (place.node === undefined) return E.ENOENT
    if (place.node.kind === 'folder') return E.EISDIR
    place.node.links = 0
    place.folder.children.delete(place.name)
    return 0
  }

  rmdir(path: string): number {
    const place = this.#locate(path)
    if (typeof place === 'number') return place
    if (place.node === undefined) return E.ENOENT
    if (place.node.kind === 'file') return E.ENOTDIR
    if (place.node.children.size > 0) return E.ENOTEMPTY
    place.folder.children.delete(place.name)
    return 0
  }

  /** In the order in which the kernel and then the drive look. */
  rename(from: string, to: string, how: number): number {
    const source = this.#locate(from)
    if (typeof source === 'number') return source
    const target = this.#locate(to)
    if (typeof target === 'number') return target
    const { node } = source
    const victim = target.node
    if (node === undefined) return E.ENOENT
    if (victim !== undefined && how === RENAME_NOREPLACE) return E.EEXIST
    if (holds(node, target.folder)) return E.EINVAL
    if (victim !== undefined && holds(victim, source.folder)) return E.ENOTEMPTY
    if (node === victim) return 0
    if (victim !== undefined && node.kind !== victim.kind) return node.kind === 'folder' ? E.ENOTDIR : E.EISDIR
    if (victim === undefined) {
      const fault = nameFault(target.folder, target.name, node)
      if (fault !== 0) return fault
    }
    if (victim?.kind === 'folder' && victim.children.size > 0) return E.ENOTEMPTY
    if (victim?.kind === 'file') victim.links = 0
    source.folder.children.delete(source.name)
    target.folder.children.set(target.name, node)
    return 0
  }

  #locate(path: string): Place | number {
    const names = path.split('/')
    let folder = this.root
    for (const name of names.slice(0, -1)) {
      const next = folder.children.get(name)
      if (next === undefined) return E.ENOENT
      if (next.kind === 'file') return E.ENOTDIR
      folder = next
    }
    const name = names.at(-1) ?? ''
    return { folder, name, node: folder.children.get(name) }
  }
}

/** What is at and below a folder, by path. */
export function walk(folder: ModelFolder, path: string): readonly (readonly [string, ModelNode])[] {
  return [...folder.children].flatMap(([name, node]) => {
    const below = path === '' ? name : `${path}/${name}`
    return node.kind === 'folder' ? [[below, node] as const, ...walk(node, below)] : [[below, node] as const]
  })
}

function holds(node: ModelNode, folder: ModelFolder): boolean {
  return node.kind === 'folder' && (node === folder || [...node.children.values()].some((child) => holds(child, folder)))
}

/** The portal forbids some characters, and takes names that differ by case for the same. `own`: the item that is renamed. */
function nameFault(folder: ModelFolder, name: string, own?: ModelNode): number {
  if (/[<>:"|?*\\]/.test(name)) return E.EINVAL
  for (const [taken, node] of folder.children) if (node !== own && taken.toLowerCase() === name.toLowerCase()) return E.EEXIST
  return 0
}
