/**
 * A disk that is played up to a moment of a recording and then loses power. Names follow the strict reading of POSIX: a
 * name is durable when its folder was synced, and until then any of its changes may be lost, in any order. What the portal
 * keeps stands for another machine and loses nothing.
 */
import { lstatSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Random } from '../../src/base/random.js'
import { DiskFile, type LeftFile } from './disk-file.js'
import type { FileTimes, Recorded } from './recording.js'

const FOLDER = 'folder'
type Entry = DiskFile | typeof FOLDER
type Names = Map<string, Entry>

/** What the kernel would say of files that a test could only make anew, by inode number. */
export type PretendedTimes = Map<bigint, { readonly realCtimeNs: bigint; readonly times: FileTimes }>

interface NameChange {
  readonly event: Recorded
  /** What the new name leads to. */
  readonly entry: Entry | undefined
}

export class Disk {
  /** By inode number, which another file may get later. */
  readonly #files = new Map<bigint, DiskFile>()
  readonly #folders = new Map<bigint, string>()
  readonly #now: Names = new Map()
  readonly #durable: Names = new Map()
  #pending: NameChange[] = []
  readonly #safeFolder: string

  /** `safeFolder`: of the other machine. */
  constructor(safeFolder: string) {
    this.#safeFolder = `${safeFolder}/`
  }

  play(event: Recorded): void {
    switch (event.kind) {
      case 'create': {
        const file = new DiskFile()
        file.note(event)
        this.#files.set(event.inode, file)
        this.#name({ event, entry: file })
        return
      }
      case 'make-folder':
        this.#folders.set(event.inode, event.path)
        this.#name({ event, entry: FOLDER })
        return
      case 'rename':
        this.#name({ event, entry: this.#now.get(event.path) })
        return
      case 'unlink':
      case 'remove-folder':
        this.#name({ event, entry: undefined })
        return
      case 'sync-all':
        this.syncAll()
        return
      case 'sync':
      case 'data-sync': {
        const folder = this.#folders.get(event.inode)
        if (folder !== undefined) this.#syncFolder(folder)
        else if (event.kind === 'sync') this.#files.get(event.inode)?.sync()
        else this.#files.get(event.inode)?.syncData()
        return
      }
      case 'allocate':
      case 'times':
      case 'truncate':
      case 'write':
        this.#files.get(event.inode)?.note(event)
    }
  }

  syncAll(): void {
    for (const file of this.#files.values()) file.sync()
    this.#pending = []
    this.#durable.clear()
    for (const [path, entry] of this.#now) this.#durable.set(path, entry)
  }

  /** Makes below `directory` what is left after a crash now. Answers the times of the files. */
  crash(directory: string, random: Random): PretendedTimes {
    const times: PretendedTimes = new Map()
    const names = new Map(this.#durable)
    const isOrdered = random.fraction() < 0.5
    const kept = random.fraction()
    for (const [index, change] of this.#pending.entries()) {
      if (isOrdered ? index < kept * (this.#pending.length + 1) : random.fraction() < kept) apply(names, change)
    }
    for (const path of names.keys()) if (this.#isSafe(path)) names.delete(path)
    for (const [path, entry] of this.#now) if (this.#isSafe(path)) names.set(path, entry)
    for (const [path, entry] of [...names].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (dirname(path) !== '.' && names.get(dirname(path)) !== FOLDER) names.delete(path) // lost with its folder
      else if (entry === FOLDER) mkdirSync(join(directory, path))
      else if (!path.endsWith('-shm')) this.#makeFile(join(directory, path), this.#isSafe(path) ? entry.whole() : entry.torn(random), times)
    }
    return times
  }

  #makeFile(path: string, left: LeftFile, times: PretendedTimes): void {
    writeFileSync(path, left.bytes, { mode: 0o600 })
    const { ino, ctimeNs } = lstatSync(path, { bigint: true })
    times.set(ino, { realCtimeNs: ctimeNs, times: left.times })
  }

  #isSafe(path: string): boolean {
    return path.startsWith(this.#safeFolder)
  }

  #name(change: NameChange): void {
    apply(this.#now, change)
    this.#pending.push(change)
  }

  #syncFolder(folder: string): void {
    this.#pending = this.#pending.filter((change) => {
      const { event } = change
      const touches = dirname(event.path) === folder || (event.kind === 'rename' && dirname(event.target) === folder)
      if (touches) apply(this.#durable, change)
      return !touches
    })
  }
}

function apply(names: Names, { event, entry }: NameChange): void {
  names.delete(event.path)
  if (entry !== undefined) names.set(event.kind === 'rename' ? event.target : event.path, entry)
}
