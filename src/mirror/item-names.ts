/** Where items stand here, read from the rows alone: for who has a database and no mirror around it. */
import { ROOT_INO, type Ino } from '../base/ids.js'
import type { Reader } from '../store/store.js'
import { shownName, type Item } from './item.js'
import { getItem } from './item-queries.js'

export class ItemNames {
  readonly #reader: Reader
  /** Of folders; undefined: it stands nowhere. */
  readonly #known = new Map<Ino, readonly string[] | undefined>([[ROOT_INO, []]])

  constructor(reader: Reader) {
    this.#reader = reader
  }

  /** From the root down; undefined when it, or a folder above it, stands nowhere. */
  async of({ parent, name }: Pick<Item, 'parent' | 'name'>): Promise<readonly string[] | undefined> {
    const above = parent === null ? undefined : await this.#ofFolder(parent)
    return above === undefined ? undefined : [...above, name]
  }

  async #ofFolder(ino: Ino): Promise<readonly string[] | undefined> {
    if (this.#known.has(ino)) return this.#known.get(ino)
    const folder = await getItem(this.#reader, ino)
    const names = folder === undefined || folder.deleted || folder.excluded ? undefined : await this.of(folder)
    this.#known.set(ino, names)
    return names
  }
}

/** From the root down to where an item stands, or stood before it was deleted here: for messages. */
export async function lastNames(item: Item, get: (ino: Ino) => Promise<Item | undefined>): Promise<readonly string[]> {
  const names: string[] = []
  const seen = new Set<Ino>() // where something stood before may lie below what it holds now
  for (let at: Item | undefined = item; at !== undefined && at.ino !== ROOT_INO && !seen.has(at.ino); ) {
    seen.add(at.ino)
    const { parent, name } = lastPlace(at)
    names.unshift(name)
    at = parent === null ? undefined : await get(parent)
  }
  return names
}

function lastPlace({ parent, name, base }: Item): { readonly parent: Ino | null; readonly name: string } {
  return parent === null && base !== null ? { parent: base.parent, name: shownName(base.name, base.id) } : { parent, name }
}
