/**
 * Listing directories: one snapshot a handle, so that offsets stay true while names come and go; entries in the order of
 * their making after `.` and `..`.
 */
import { ROOT_INO, type Ino } from '../base/ids.js'
import type { Item } from '../mirror/item.js'
import type { Mirror } from '../mirror/mirror.js'
import type { OpenDirectory } from './handles.js'
import type { DirectoryEntry } from './operations.js'

// Bytes of a fuse_dirent and of a fuse_direntplus before the name: how many entries can fit a reply at all.
const DIRENT_BYTES = 24
const DIRENT_PLUS_BYTES = 152

export class Directories {
  readonly #mirror: Mirror

  constructor(mirror: Mirror) {
    this.#mirror = mirror
  }

  /** Entries after `offset`; offset 0 takes a new snapshot, as rewinddir(3) asks. */
  async entriesFrom(directory: OpenDirectory, offset: number): Promise<readonly DirectoryEntry[]> {
    if (offset === 0 || directory.entries === undefined) directory.entries = await this.#snapshot(directory.node.ino)
    return directory.entries.slice(offset)
  }

  /** As many of the entries as can fit `sizeBytes`. */
  fitting(entries: readonly DirectoryEntry[], sizeBytes: number, plus: boolean): readonly DirectoryEntry[] {
    let left = sizeBytes
    let count = 0
    for (const { name } of entries) {
      left -= (plus ? DIRENT_PLUS_BYTES : DIRENT_BYTES) + Buffer.byteLength(name)
      if (left < 0) break
      count += 1
    }
    return entries.slice(0, count)
  }

  async #snapshot(ino: Ino): Promise<readonly DirectoryEntry[]> {
    const folder = await this.#mirror.get(ino)
    const children = await this.#mirror.children(ino)
    const items = await this.#mirror.getMany([...children.values()])
    const own = { name: '.', kind: 'directory', ino } as const
    const above = { name: '..', kind: 'directory', ino: folder?.parent ?? ROOT_INO } as const
    return [own, above, ...items.map(named)].map((entry, index) => ({ ...entry, nextOffset: index + 1 }))
  }
}

function named(item: Item): Omit<DirectoryEntry, 'nextOffset'> {
  return { name: item.name, kind: item.kind === 'folder' ? 'directory' : 'file', ino: item.ino }
}
