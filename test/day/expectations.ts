/** What nobody deleted and what the laptop's user wrote: it is there, once, whatever happened on the way. */
import { createHash } from 'node:crypto'
import { isConflictName } from '../../src/mirror/conflict-name.js'
import { RECOVERY_FOLDER_NAME } from '../../src/mirror/recovery-place.js'
import type { Item } from '../../src/mirror/item.js'
import type { Remote } from './company.js'

export interface OwnFile {
  readonly text: string
  /** Of the folder into which the user put it; undefined: the portal does not have that yet. */
  readonly folderId: string | undefined
}

export class Expectations {
  /** Names of what colleagues made, by id. */
  readonly made = new Map<string, string>()
  /** Ids that colleagues put into the trash, with all below them. */
  readonly trashed = new Set<string>()
  /** Ids that were in the trash meanwhile. */
  readonly restored = new Set<string>()
  /** The rows here, by id. */
  readonly #inos = new Map<string, number>()
  /** Ids and names that went here: the portal may have kept them for an edit that nobody here had seen (C9). */
  readonly deletedHere = new Set<string>()
  /** The user's own files, by the tag their names begin with. */
  readonly own = new Map<string, OwnFile>()

  /** What is not as it must be, in words. */
  faults(there: readonly Remote[]): readonly string[] {
    const ids = new Map(there.map((row) => [row.id, row]))
    const gone = [...this.made].filter(([id]) => !ids.has(id) && !this.trashed.has(id) && !this.deletedHere.has(id)).map(([id, name]) => `${name} (${id}) is gone, and nobody deleted it`)
    const back = [...this.trashed].filter((id) => ids.has(id)).map((id) => `${ids.get(id)?.path ?? ''} (${id}) is back from the trash`)
    const own = [...this.own].flatMap(([tag, { text }]) => {
      const found = there.filter(({ path }) => tagOf(path) === tag)
      const [only] = found
      if (only === undefined || found.length > 1) return [`${tag} is there ${found.length} times: ${found.map(({ path }) => path).join(', ')}`]
      return only.sha256 === createHash('sha256').update(text).digest('hex') ? [] : [`${only.path} does not hold "${text}"`]
    })
    const returned = [...this.deletedHere].filter((tag) => there.some(({ path }) => tagOf(path) === tag)).map((tag) => `${tag} was deleted here and is there`)
    return [...gone, ...back, ...own, ...returned]
  }

  /** Items whose row here was given up and made anew since the last question, as if the portal had not had them for a while. */
  lostRows(here: ReadonlyMap<string, Item>): readonly string[] {
    const lost: string[] = []
    for (const [path, { ino, base }] of here) {
      if (base === null) continue
      const before = this.#inos.get(base.id)
      if (before !== undefined && before !== ino && !this.restored.has(base.id) && !this.deletedHere.has(base.id)) lost.push(path)
      this.#inos.set(base.id, ino)
    }
    return lost
  }

  /** Copies that a conflict made, and edits that went to the recovery folder though nobody trashed the folder they were put into (C15, C17). */
  falseConflicts(there: readonly Remote[]): readonly string[] {
    return there.filter(({ path, type }) => type === 'file' && (isConflictName(path) || (isRecovered(path) && !this.#lostItsFolder(path)))).map(({ path }) => path)
  }

  #lostItsFolder(path: string): boolean {
    const folderId = this.own.get(tagOf(path) ?? '')?.folderId
    return folderId !== undefined && this.trashed.has(folderId)
  }
}

/** Where nobody puts anything but the client. */
export function isRecovered(path: string): boolean {
  return path.startsWith(RECOVERY_FOLDER_NAME)
}

/** Of a file of the laptop's user, however it was renamed; undefined: somebody else's. */
export function tagOf(path: string): string | undefined {
  return /(?:^|\/)(ada-\d+)[^/]*$/u.exec(path)?.[1]
}
