/**
 * Who works on the laptop: reads anything, makes, edits, renames, moves and deletes files of her own, and tidies other
 * people's files now and then. What a state of the connection does not allow, she leaves.
 */
import { DriveError } from '../../src/base/errors.js'
import type { Item } from '../../src/mirror/item.js'
import type { Dice } from '../mount/model-dice.js'
import type { Company } from './company.js'
import { isRecovered, tagOf, type Expectations } from './expectations.js'

type Place = readonly [path: string, item: Item]

export class LaptopUser {
  /** How often what was not possible, by code. */
  readonly refused = new Map<string, number>()
  done = 0
  readonly #company: Company
  readonly #dice: Dice
  readonly #expected: Expectations
  #made = 0

  constructor({ company, dice, expected }: { readonly company: Company; readonly dice: Dice; readonly expected: Expectations }) {
    this.#company = company
    this.#dice = dice
    this.#expected = expected
  }

  async workOnce(): Promise<void> {
    const here = [...(await this.#company.here())]
    const folders = here.filter(([path, { kind }]) => kind === 'folder' && !isRecovered(path))
    const files = here.filter(([, { kind }]) => kind === 'file')
    const own = files.filter(([path]) => tagOf(path) !== undefined)
    const others = files.filter(([path]) => tagOf(path) === undefined)
    const works: readonly [number, readonly Place[], (place: Place) => Promise<void>][] = [
      [30, files, ([path]) => this.#read(path)],
      [20, folders, ([path, folder]) => this.#write(`${path}/ada-${(this.#made += 1)}.txt`, folder.base?.id)],
      [25, own, ([path]) => this.#write(path, this.#folderOf(path))],
      [8, own, ([path]) => this.#rename(path, `${parentOf(path)}${tagOf(path) ?? ''}-${this.done}.txt`)],
      [6, own, ([path]) => this.#move(path, this.#dice.pick(folders))],
      [4, own, (place) => this.#unlink(place)],
      [4, others, ([path]) => this.#rename(path, `${parentOf(path)}tidied-${this.done}.txt`)],
      [2, others, (place) => this.#unlink(place)],
      [1, folders, ([path]) => this.#rename(path, `${parentOf(path)}tidied-${this.done}`)],
    ]
    let choice = this.#dice.below(works.reduce((sum, [weight]) => sum + weight, 0))
    for (const [weight, places, work] of works) {
      choice -= weight
      if (choice >= 0) continue
      if (places.length > 0) await this.#attempt(() => work(this.#dice.pick(places)))
      return
    }
  }

  async #read(path: string): Promise<void> {
    await this.#company.laptop.read(path)
  }

  async #write(path: string, folderId: string | undefined): Promise<void> {
    const tag = tagOf(path) ?? ''
    const text = `${tag} as of ${this.done} `.repeat(1 + this.#dice.below(30))
    this.#company.log.debug({ path }, 'writes')
    await this.#company.laptop.write(path, text)
    this.#expected.own.set(tag, { text, folderId })
  }

  async #move(from: string, [folder, { base }]: Place): Promise<void> {
    const tag = tagOf(from) ?? ''
    await this.#rename(from, `${folder}/${tag}-${this.done}.txt`)
    const file = this.#expected.own.get(tag)
    if (file !== undefined) this.#expected.own.set(tag, { ...file, folderId: base?.id })
  }

  #folderOf(path: string): string | undefined {
    return this.#expected.own.get(tagOf(path) ?? '')?.folderId
  }

  async #rename(from: string, to: string): Promise<void> {
    this.#company.log.debug({ from, to }, 'renames')
    await this.#company.laptop.rename(from, to)
  }

  async #unlink([path, { base }]: Place): Promise<void> {
    this.#company.log.debug({ path }, 'deletes')
    await this.#company.laptop.unlink(path)
    const tag = tagOf(path)
    if (tag !== undefined) this.#expected.own.delete(tag)
    this.#expected.deletedHere.add(tag ?? base?.id ?? '')
  }

  async #attempt(work: () => Promise<void>): Promise<void> {
    try {
      await this.#company.during(work())
      this.done += 1
    } catch (error) {
      if (!(error instanceof DriveError)) throw error
      this.#company.log.debug({ code: error.code, error: error.message }, 'was refused')
      this.refused.set(error.code, (this.refused.get(error.code) ?? 0) + 1)
    }
  }
}

/** With its slash; '' for the root. */
function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1)
}
