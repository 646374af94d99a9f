/**
 * One of many who work in the drive on the web: adds, edits, renames, moves, trashes and brings back. The laptop user's own
 * files are renamed and moved too, and their folders, but never edited or trashed: nothing that happens is a conflict.
 */
import type { Dice } from '../mount/model-dice.js'
import { Overtaken, type Company, type Remote } from './company.js'
import { isRecovered, tagOf, type Expectations } from './expectations.js'

export class Colleague {
  readonly #name: string
  readonly #company: Company
  readonly #dice: Dice
  readonly #expected: Expectations
  readonly #trash: Remote[] = []
  #made = 0

  constructor(name: string, { company, dice, expected }: { readonly company: Company; readonly dice: Dice; readonly expected: Expectations }) {
    this.#name = name
    this.#company = company
    this.#dice = dice
    this.#expected = expected
  }

  async actOnce(): Promise<void> {
    const there = (await this.#company.there()).filter(({ path }) => !isRecovered(path))
    const folders = there.filter(({ type }) => type === 'folder')
    const files = there.filter(({ type }) => type === 'file')
    const acts: readonly [number, () => Promise<unknown>][] = [
      [25, () => this.#make('write', this.#dice.pick(folders), { content: this.#text() })],
      [5, () => this.#make('mkdir', this.#dice.pick(folders), {})],
      [25, () => this.#edit(files.filter(({ path }) => tagOf(path) === undefined))],
      [12, () => this.#rename(this.#dice.pick(files))],
      [10, () => this.#move(this.#dice.pick(files), there)],
      [4, () => this.#rename(this.#dice.pick(folders))],
      [3, () => this.#move(this.#dice.pick(folders), there)],
      [12, () => this.#discard(files.filter(({ path }) => tagOf(path) === undefined), there)],
      [2, () => this.#discardFolder(there)],
      [3, () => this.#bringBack(folders)],
    ]
    let choice = this.#dice.below(acts.reduce((sum, [weight]) => sum + weight, 0))
    for (const [weight, act] of acts) {
      choice -= weight
      if (choice >= 0) continue
      try {
        await act()
      } catch (error) {
        if (!(error instanceof Overtaken)) throw error
      }
      return
    }
  }

  async #make(op: 'write' | 'mkdir', folder: Remote, fields: object): Promise<void> {
    const row = await this.#company.act(op, { path: `${folder.path}/${this.#newName()}`, ...fields })
    this.#expected.made.set(row.id, row.path)
  }

  async #edit(files: readonly Remote[]): Promise<void> {
    if (files.length > 0) await this.#company.act('write', { path: this.#dice.pick(files).path, content: this.#text() })
  }

  async #rename(row: Remote): Promise<void> {
    const tag = tagOf(row.path)
    await this.#company.act('rename', { path: row.path, name: tag === undefined ? this.#newName() : `${tag}-${this.#newName()}` })
  }

  async #move(row: Remote, there: readonly Remote[]): Promise<void> {
    const name = row.path.slice(row.path.lastIndexOf('/') + 1)
    const taken = new Set(there.map(({ path }) => path))
    const targets = there.filter(({ type, path }) => type === 'folder' && !`${path}/`.startsWith(`${row.path}/`) && !taken.has(`${path}/${name}`))
    if (targets.length > 0) await this.#company.act('move', { path: row.path, to: this.#dice.pick(targets).path })
  }

  async #discard(from: readonly Remote[], there: readonly Remote[]): Promise<void> {
    if (from.length === 0) return
    const row = this.#dice.pick(from)
    await this.#company.act('trash', { path: row.path })
    for (const { id, path } of there) if (path === row.path || path.startsWith(`${row.path}/`)) this.#expected.trashed.add(id)
    if (row.type === 'file' && row.path.includes(`/${this.#name}-`)) this.#trash.push(row) // a name that nobody else takes meanwhile
  }

  /** One in which the laptop's user has nothing, also nothing that is only on its way there. */
  async #discardFolder(there: readonly Remote[]): Promise<void> {
    if ((await this.#company.laptop.core.upload.pending()).count > 0) return
    const isNeeded = ({ type, path }: Remote): boolean => type === 'folder' || tagOf(path) !== undefined
    await this.#discard(there.filter(({ type, path }) => type === 'folder' && !there.some((row) => row.path.startsWith(`${path}/`) && isNeeded(row))), there)
  }

  /** Where the folder is gone, too, all that was trashed with it would come back. */
  async #bringBack(folders: readonly Remote[]): Promise<void> {
    const row = this.#trash.pop()
    if (row === undefined || !folders.some(({ id }) => id === row.parentId)) return
    await this.#company.act('restore', { id: row.id })
    this.#expected.trashed.delete(row.id)
    this.#expected.restored.add(row.id)
  }

  #newName(): string {
    this.#made += 1
    return `${this.#name}-${this.#made}`
  }

  #text(): string {
    return `${this.#name} at ${this.#company.clock.nowMs()} `.repeat(1 + this.#dice.below(40))
  }
}
