/**
 * Short seeded histories of what programs do in a folder, as calls of the kernel, each with the tree that it leaves. What is
 * said of ids is DESIGN.md 6a.6 and 6a.7; where neither promises anything, nothing is expected.
 */
import type { Random } from '../../src/base/random.js'
import { folderOf, isLocalOnlyName, join, moved, nameOf, put, without, type Tree, type TreeNode } from './tree.js'

export type Call =
  | { readonly do: 'create' | 'truncate-open' | 'open' | 'close' | 'empty' | 'unlink' | 'mkdir' | 'rmdir'; readonly path: string }
  | { readonly do: 'write'; readonly path: string; readonly at: number; readonly text: string }
  | { readonly do: 'rename'; readonly path: string; readonly to: string }
  /** Time passes, or the uploader is let on with its work. */
  | { readonly do: 'pass'; readonly ms: number; readonly turns: number }

export interface HistoryStep {
  readonly call: Call
  readonly after: Tree
}

export interface HistoryOptions {
  readonly random: Random
  readonly from: Tree
  readonly operations: number
  /** Nothing is sent before a pause. */
  readonly isDelayed: boolean
}

const NAMES = ['a.txt', 'b.odt', 'c.txt', 'd', 'e', 'f.txt', 'g.pdf']
const LONGEST_PASS_MS = 15_000

export function history(options: HistoryOptions): readonly HistoryStep[] {
  return new Writer(options).write()
}

class Writer {
  readonly #options: HistoryOptions
  readonly #steps: HistoryStep[] = []
  #tree: Tree
  #count = 0

  constructor(options: HistoryOptions) {
    this.#options = options
    this.#tree = options.from
  }

  write(): readonly HistoryStep[] {
    const operations = [this.#make, this.#make, this.#overwrite, this.#overwrite, this.#append, this.#patch, this.#patch, this.#saveByTemporary, this.#saveByTemporary, this.#saveAside, this.#rename, this.#rename, this.#mkdir, this.#remove, this.#removeFolder, this.#empty, this.#makeAgain, this.#pass, this.#pass]
    for (let operation = 0; operation < this.#options.operations; operation += 1) this.#pick(operations)?.call(this)
    return this.#steps
  }

  #make(): void {
    const path = this.#free()
    if (path !== undefined) this.#save(path)
  }

  #overwrite(): void {
    const path = this.#file()
    if (path !== undefined) this.#rewrite(path)
  }

  #append(): void {
    const path = this.#file()
    if (path === undefined) return
    const before = this.#node(path)
    const text = this.#text()
    this.#call({ do: 'open', path }, this.#tree)
    this.#call({ do: 'write', path, at: before.text?.length ?? 0, text }, put(this.#tree, path, { ...before, text: (before.text ?? '') + text, isHere: true, versions: before.versions + 1 }))
    this.#call({ do: 'close', path }, this.#tree)
  }

  /** Saves in place in quick succession, as a database makes them: one may come while another is being sent. */
  #patch(): void {
    const path = this.#file()
    if (path === undefined) return
    for (let round = 2 + Math.floor(this.#options.random.fraction() * 3); round > 0; round -= 1) {
      const before = this.#node(path)
      const old = before.text ?? ''
      const piece = `${this.#next()}!`
      const at = Math.max(0, Math.floor(this.#options.random.fraction() * (old.length - piece.length)))
      const text = old.slice(0, at) + piece + old.slice(at + piece.length)
      this.#call({ do: 'open', path }, this.#tree)
      this.#call({ do: 'write', path, at, text: piece }, put(this.#tree, path, { ...before, text, versions: before.versions + 1, isHere: true }))
      this.#call({ do: 'close', path }, this.#tree)
      this.#call({ do: 'pass', ms: 0, turns: Math.floor(this.#options.random.fraction() * 60) }, this.#tree)
    }
  }

  /** A temporary name that only programs use never reaches the portal; any other may, when it is looked at early. */
  #saveByTemporary(): void {
    const target = this.#file()
    if (target === undefined) return
    const isProgramsName = this.#chance(0.5)
    const temporary = join(folderOf(target), isProgramsName ? `.goutputstream-${this.#next()}` : `${nameOf(target)}.${this.#next()}new`)
    if (this.#tree.has(temporary)) return
    this.#save(temporary)
    const before = this.#node(target)
    const keepsId = isProgramsName || this.#options.isDelayed
    this.#call({ do: 'rename', path: temporary, to: target }, put(moved(this.#tree, temporary, target), target, { ...this.#node(temporary), wasMoved: before.wasMoved, id: keepsId ? before.id : undefined, versions: before.versions + 1 }))
  }

  /** The old file is moved aside, and the name made again. */
  #saveAside(): void {
    const path = this.#file()
    if (path === undefined) return
    const aside = this.#chance(0.5) ? `${path}~` : `${path}.bak`
    const before = this.#node(path)
    const keepsId = this.#options.isDelayed && before.isHere && !before.wasMoved
    const replaced = this.#tree.get(aside)
    if (replaced?.text === null) return
    this.#call({ do: 'rename', path, to: aside }, moved(this.#tree, path, aside))
    this.#call({ do: 'create', path }, put(put(this.#tree, aside, { ...before, id: undefined, wasMoved: true }), path, { text: '', id: undefined, versions: before.versions, isHere: true, wasMoved: false }))
    const text = this.#text()
    this.#call({ do: 'write', path, at: 0, text }, put(this.#tree, path, { text, id: keepsId ? before.id : undefined, versions: before.versions + 2, isHere: true, wasMoved: false }))
    this.#call({ do: 'close', path }, this.#tree)
    if (this.#chance(0.6)) this.#call({ do: 'unlink', path: aside }, without(this.#tree, aside))
  }

  #rename(): void {
    const path = this.#pick([...this.#tree.keys()])
    const to = this.#chance(0.6) ? this.#free() : this.#file()
    if (path === undefined || to === undefined || path === to || `${to}/`.startsWith(`${path}/`) || isLocalOnlyName(nameOf(path))) return
    const before = this.#node(path)
    if (this.#tree.has(to) && before.text === null) return
    this.#call({ do: 'rename', path, to }, put(moved(this.#tree, path, to), to, { ...before, wasMoved: true }))
  }

  #mkdir(): void {
    const path = this.#free()
    if (path !== undefined) this.#call({ do: 'mkdir', path }, put(this.#tree, path, { text: null, id: undefined, versions: 0, isHere: true, wasMoved: false }))
  }

  #remove(): void {
    const path = this.#file()
    if (path !== undefined) this.#call({ do: 'unlink', path }, without(this.#tree, path))
  }

  #removeFolder(): void {
    const folder = this.#pick([...this.#tree].filter(([, { text }]) => text === null).map(([path]) => path))
    if (folder === undefined) return
    const below = [...this.#tree.keys()].filter((path) => path.startsWith(`${folder}/`)).sort().reverse()
    for (const path of [...below, folder]) this.#call({ do: this.#node(path).text === null ? 'rmdir' : 'unlink', path }, without(this.#tree, path))
  }

  #empty(): void {
    const path = this.#file()
    if (path !== undefined) this.#call({ do: 'empty', path }, put(this.#tree, path, emptied(this.#node(path))))
  }

  #makeAgain(): void {
    const path = this.#file()
    if (path === undefined) return
    this.#call({ do: 'unlink', path }, without(this.#tree, path))
    this.#save(path)
  }

  #pass(): void {
    this.#call({ do: 'pass', ms: this.#chance(0.5) ? 0 : Math.floor(this.#options.random.fraction() * LONGEST_PASS_MS), turns: Math.floor(this.#options.random.fraction() * 300) }, this.#tree)
  }

  #save(path: string): void {
    this.#call({ do: 'create', path }, put(this.#tree, path, { text: '', id: undefined, versions: 1, isHere: true, wasMoved: false }))
    this.#pieces(path)
  }

  #rewrite(path: string): void {
    const before = this.#node(path)
    this.#call({ do: 'truncate-open', path }, put(this.#tree, path, emptied(before)))
    this.#pieces(path, before)
  }

  /** One write or two, and close. `before`: whose object it stays. */
  #pieces(path: string, before?: TreeNode): void {
    let text = ''
    for (let piece = this.#chance(0.3) ? 2 : 1; piece > 0; piece -= 1) {
      const more = this.#text()
      const at = text.length
      text += more
      const node = before ?? this.#node(path)
      this.#call({ do: 'write', path, at, text: more }, put(this.#tree, path, { ...node, text, versions: node.versions + 1, isHere: true }))
    }
    this.#call({ do: 'close', path }, this.#tree)
  }

  #call(call: Call, after: Tree): void {
    this.#tree = after
    this.#steps.push({ call, after })
  }

  #node(path: string): TreeNode {
    const node = this.#tree.get(path)
    if (node === undefined) throw new Error(`the history knows no ${path}`)
    return node
  }

  #file(): string | undefined {
    return this.#pick([...this.#tree].filter(([path, { text }]) => text !== null && !isLocalOnlyName(nameOf(path))).map(([path]) => path))
  }

  /** A path that is free, whatever the case of its letters. */
  #free(): string | undefined {
    const folder = this.#pick(['', ...[...this.#tree].filter(([path, { text }]) => text === null && !isLocalOnlyName(nameOf(path))).map(([path]) => path)])
    const path = join(folder ?? '', this.#pick(NAMES) ?? '')
    return this.#tree.has(path) ? undefined : path
  }

  #text(): string {
    return `${this.#next()}:`.padEnd(4 + Math.floor(this.#options.random.fraction() * 60), '.')
  }

  #next(): number {
    this.#count += 1
    return this.#count
  }

  #chance(chance: number): boolean {
    return this.#options.random.fraction() < chance
  }

  /** Undefined where there is nothing to choose from. */
  #pick<T>(from: readonly T[]): T | undefined {
    return from[Math.floor(this.#options.random.fraction() * from.length)]
  }
}

/** A version cannot be empty: when this is what is sent, the portal gets another object (6a.7). */
function emptied(node: TreeNode): TreeNode {
  return { ...node, text: '', id: undefined, versions: node.versions + 1, isHere: true }
}
