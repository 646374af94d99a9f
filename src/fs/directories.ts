/**
 * Listing directories without a handle: entries come in the order of their making, and the offset of each follows from
 * its ino, so that a listing can go on whatever came and went meanwhile. The native answers count the same way
 * (native/answer-table.cc), so a listing may begin there and end here.
 */
import { ROOT_INO, type Ino } from '../base/ids.js'
import type { Item } from '../mirror/item.js'
import type { Mirror } from '../mirror/mirror.js'
import type { DirectoryEntry } from './operations.js'

// Bytes of a fuse_dirent and of a fuse_direntplus before the name: how many entries can fit a reply at all.
const DIRENT_BYTES = 24
const DIRENT_PLUS_BYTES = 152

/** `.` and `..` have the offsets 1 and 2; a child has its ino and this. */
const DOTS = 2

export class Directories {
  readonly #mirror: Mirror

  constructor(mirror: Mirror) {
    this.#mirror = mirror
  }

  /** As many of the entries after `offset` as can fit `sizeBytes`. */
  async entriesFrom(folder: Ino, offset: number, sizeBytes: number, plus: boolean): Promise<readonly DirectoryEntry[]> {
    const children = await this.#mirror.children(folder)
    const after = [...children].filter(([, ino]) => ino + DOTS > offset).sort(([, a], [, b]) => a - b)
    const dots = offset < DOTS ? await this.#dots(folder, offset) : []
    const room = countFitting([...dots.map(({ name }) => name), ...after.map(([name]) => name)], sizeBytes, plus)
    const items = await this.#mirror.getMany(after.slice(0, Math.max(room - dots.length, 0)).map(([, ino]) => ino))
    return [...dots, ...items.map(named)].slice(0, room)
  }

  async #dots(folder: Ino, offset: number): Promise<readonly DirectoryEntry[]> {
    const parent = (await this.#mirror.get(folder))?.parent ?? ROOT_INO
    const dots: readonly DirectoryEntry[] = [
      { name: '.', kind: 'directory', ino: folder, nextOffset: 1 },
      { name: '..', kind: 'directory', ino: parent, nextOffset: DOTS },
    ]
    return dots.slice(offset)
  }
}

function countFitting(names: readonly string[], sizeBytes: number, plus: boolean): number {
  let left = sizeBytes
  let count = 0
  for (const name of names) {
    left -= (plus ? DIRENT_PLUS_BYTES : DIRENT_BYTES) + Buffer.byteLength(name)
    if (left < 0) break
    count += 1
  }
  return count
}

function named(item: Item): DirectoryEntry {
  return { name: item.name, kind: item.kind === 'folder' ? 'directory' : 'file', ino: item.ino, nextOffset: item.ino + DOTS }
}
