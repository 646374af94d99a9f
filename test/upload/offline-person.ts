/** Somebody who works in the folder at random, and knows what is where. */
import type { Random } from '../../src/base/random.js'
import type { LocalFiles } from './local-files.js'

export class OfflinePerson {
  readonly #files: LocalFiles
  readonly #random: Random
  /** The size of a file, undefined for one that was not edited, null for a folder. */
  readonly #tree: Map<string, number | undefined | null>
  #made = 0

  constructor(files: LocalFiles, random: Random, rows: readonly { readonly path: string; readonly type: string }[]) {
    this.#files = files
    this.#random = random
    this.#tree = new Map(rows.map(({ path, type }) => [path, type === 'folder' ? null : undefined]))
  }

  paths(): readonly string[] {
    return [...this.#tree.keys()].sort()
  }

  sizeOf(path: string): number | undefined {
    return this.#tree.get(path) ?? undefined
  }

  async workOnce(): Promise<void> {
    const chance = this.#random.fraction()
    if (chance < 0.35) await this.#write(this.#file())
    else if (chance < 0.55) await this.#write(this.#newName('note', '.txt'))
    else if (chance < 0.67) await this.#rename(this.#file(), this.#newName('renamed', '.txt'))
    else if (chance < 0.72) await this.#saveByRename(this.#file())
    else if (chance < 0.76) await this.#swap(this.#file(), this.#file())
    else if (chance < 0.8) await this.#renameOver(this.#file(), this.#file())
    else if (chance < 0.92) await this.#remove(this.#file())
    else if (chance < 0.96) await this.#newTree()
    else if (chance < 0.985) await this.#rename(this.#folder(), this.#newName('folder', ''))
    else await this.#removeTree(this.#folder())
  }

  async #write(path: string): Promise<void> {
    const text = 'x'.repeat(1 + Math.floor(this.#random.fraction() * 2_000))
    await this.#files.write(path, text)
    this.#tree.set(path, text.length)
  }

  async #saveByRename(path: string): Promise<void> {
    const temporary = `${path}.${this.#made}.tmp`
    await this.#write(temporary)
    await this.#rename(temporary, path)
  }

  async #swap(one: string, other: string): Promise<void> {
    if (one === other) return
    const between = `${one}.between`
    await this.#rename(one, between)
    await this.#rename(other, one)
    await this.#rename(between, other)
  }

  async #renameOver(from: string, to: string): Promise<void> {
    if (from !== to) await this.#rename(from, to)
  }

  async #rename(from: string, to: string): Promise<void> {
    if (`${to}/`.startsWith(`${from}/`)) return
    await this.#files.rename(from, to)
    const moved = [...this.#tree].filter(([path]) => path === from || path.startsWith(`${from}/`))
    this.#tree.delete(to)
    for (const [path] of moved) this.#tree.delete(path)
    for (const [path, size] of moved) this.#tree.set(`${to}${path.slice(from.length)}`, size)
  }

  async #remove(path: string): Promise<void> {
    await this.#files.remove(path)
    this.#tree.delete(path)
  }

  async #newTree(): Promise<void> {
    let folder = this.#newName('tree', '')
    for (let depth = 0; depth < 3; depth += 1) {
      await this.#files.mkdir(folder)
      this.#tree.set(folder, null)
      await this.#write(`${folder}/a.txt`)
      folder = `${folder}/below`
    }
  }

  async #removeTree(folder: string): Promise<void> {
    const below = [...this.#tree.keys()].filter((path) => path === folder || path.startsWith(`${folder}/`))
    if (below.length > 30) return
    await this.#files.removeTree(folder)
    for (const path of below) this.#tree.delete(path)
  }

  #newName(stem: string, extension: string): string {
    this.#made += 1
    return `${this.#folder()}/${stem} ${this.#made}${extension}`
  }

  #file(): string {
    return this.#pick((size) => size !== null)
  }

  #folder(): string {
    return this.#pick((size) => size === null)
  }

  #pick(fits: (size: number | undefined | null) => boolean): string {
    const fitting = [...this.#tree].filter(([, size]) => fits(size))
    return fitting[Math.floor(this.#random.fraction() * fitting.length)]?.[0] ?? ''
  }
}
