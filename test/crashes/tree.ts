/** What a person believes to have: names, bytes, and which of it must still be the same object on the portal. Never changed in place. */
import { DEFAULT_LOCAL_ONLY_NAMES, namePatterns } from '../../src/base/names.js'

export interface TreeNode {
  /** Null: a folder. */
  readonly text: string | null
  /** Of the portal's object; undefined: whichever. */
  readonly id: string | undefined
  /** Versions that the object may have at most. */
  readonly versions: number
  /** All its bytes are here. */
  readonly isHere: boolean
  /** It was renamed since the portal was last known to have everything. */
  readonly wasMoved: boolean
}

export type Tree = ReadonlyMap<string, TreeNode>

export const isLocalOnlyName = namePatterns(DEFAULT_LOCAL_ONLY_NAMES)

export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

export function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')))
}

export function join(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`
}

export function put(tree: Tree, path: string, node: TreeNode): Tree {
  return new Map(tree).set(path, node)
}

export function without(tree: Tree, path: string): Tree {
  const left = new Map(tree)
  left.delete(path)
  return left
}

/** Also what is below. */
export function moved(tree: Tree, from: string, to: string): Tree {
  const result = new Map<string, TreeNode>()
  for (const [path, node] of tree) {
    if (path === to) continue
    if (path === from || path.startsWith(`${from}/`)) result.set(to + path.slice(from.length), node)
    else result.set(path, node)
  }
  return result
}

/** Names and bytes, in order. */
export function shown(tree: ReadonlyMap<string, Pick<TreeNode, 'text'>>): readonly string[] {
  return [...tree].map(([path, { text }]) => (text === null ? `${path}/` : `${path}: ${JSON.stringify(text)}`)).sort()
}

/** What of it the portal is to have. */
export function sendable(tree: Tree): Tree {
  return new Map([...tree].filter(([path]) => !isLocalOnlyName(nameOf(path))))
}
