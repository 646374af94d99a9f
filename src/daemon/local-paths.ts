/** Between absolute local paths and items of the drive. Lexical: nothing here touches the mount. */
import { relative, join } from 'node:path'
import { DriveError } from '../base/errors.js'
import type { Ino } from '../base/ids.js'
import type { Item } from '../mirror/item.js'
import { lastNames } from '../mirror/item-names.js'
import type { Mirror } from '../mirror/mirror.js'

export class LocalPaths {
  readonly #folder: string
  readonly #mirror: Mirror

  constructor(folder: string, mirror: Mirror) {
    this.#folder = folder
    this.#mirror = mirror
  }

  /** Names from the drive's root to the path; 'not-found' when the path is outside the folder. */
  names(path: string): readonly string[] {
    const inside = relative(this.#folder, path)
    if (inside === '..' || inside.startsWith('../')) throw new DriveError('not-found', `${path} is not in the drive's folder ${this.#folder}`)
    return inside === '' ? [] : inside.split('/')
  }

  /** The path of names from the drive's root. */
  join(names: readonly string[]): string {
    return join(this.#folder, ...names)
  }

  /** Where an item stands, for messages; undefined when it has no place any more. */
  async of(ino: Ino): Promise<string | undefined> {
    const names = await this.#mirror.path(ino)
    return names === undefined ? undefined : this.join(names)
  }

  /** As `of`, with its last place for an item that stands nowhere (a deletion to be sent). */
  async describe(item: Item): Promise<string> {
    return this.join(await lastNames(item, (ino) => this.#mirror.get(ino)))
  }
}
