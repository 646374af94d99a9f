/**
 * Puts the files of an ended connection into the user's folder, out of the cache: the file itself where both are on one
 * file system, else a copy, and no name is ever written over. A file of the cache goes only when its place in the folder is
 * on the disk, so that whoever dies here does the rest by doing it again: nothing is lost and nothing there twice.
 */
import { constants } from 'node:fs'
import { chmod, copyFile, link, lstat, mkdir, open, rename, rm, utimes } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DriveError, systemCode } from '../base/errors.js'
import { splitExtension } from '../base/names.js'
import { syncDirectory } from '../base/sync-directory.js'
import { contentPath } from '../cache/content-path.js'
import { isDiskFull } from '../cache/system-failure.js'
import { fileDigest } from './file-digest.js'
import { isThere } from './is-there.js'
import { MARKER_NAME } from './marker.js'
import type { KeptFile, KeptFolder } from './disconnection.js'

/** Nothing but a copy in the making has it. */
const PART_NAME = `${MARKER_NAME}-part`
const AGAIN = 'then run "elastic-drive disconnect" again'

export interface GiveBack {
  /** Exists, and its owner may write into it. */
  readonly folder: string
  readonly contentDirectory: string
  readonly folders: readonly KeptFolder[]
  readonly files: readonly KeptFile[]
}

/** Where a file was given another name, because something else had the one it should have. */
export interface Aside {
  readonly path: string
  readonly savedAs: string
}

/** 'disk-full', 'exists' where a file stands in the place of a folder; both after some of it was done. */
export async function giveBack({ folder, contentDirectory, folders, files }: GiveBack): Promise<readonly Aside[]> {
  const aside: Aside[] = []
  try {
    for (const { names } of folders) await makeFolder(join(folder, ...names))
    for (const [directory, group] of byDirectory(folder, files)) {
      for (const file of group) {
        const path = join(folder, ...file.names)
        const savedAs = await place(contentPath(contentDirectory, file.content), path, file)
        if (savedAs !== undefined && savedAs !== path) aside.push({ path, savedAs })
      }
      await syncDirectory(directory)
      for (const { content } of group) await rm(contentPath(contentDirectory, content), { force: true })
      await rm(join(directory, PART_NAME), { force: true })
    }
    // Deepest first: a folder may be one that its owner cannot write to.
    for (const { names, mode } of [...folders].reverse()) await chmod(join(folder, ...names), mode)
  } catch (error) {
    if (!isDiskFull(error)) throw error
    throw new DriveError('disk-full', `the disk that holds ${folder} is full: free some space, ${AGAIN}`, { cause: error })
  }
  return aside
}

function byDirectory(folder: string, files: readonly KeptFile[]): ReadonlyMap<string, readonly KeptFile[]> {
  const groups = new Map<string, KeptFile[]>()
  for (const file of files) {
    const directory = dirname(join(folder, ...file.names))
    const group = groups.get(directory)
    if (group === undefined) groups.set(directory, [file])
    else group.push(file)
  }
  return groups
}

async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 })
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error
    if ((await lstat(path)).isDirectory()) return
    throw new DriveError('exists', `${path} is in the way of a folder of the drive: move it elsewhere, ${AGAIN}`, { cause: error })
  }
  await syncDirectory(dirname(path))
}

/** Answers where the file is; undefined: it was placed before, and its cache file is gone. */
async function place(source: string, path: string, file: KeptFile): Promise<string | undefined> {
  const found = await isThere(source)
  if (!found && file.sizeBytes > 0) return undefined
  for (let attempt = 1; ; attempt += 1) {
    const target = attempt === 1 ? path : numbered(path, attempt)
    const isPlaced = found ? await placeFile(source, target, file) : await makeEmpty(target, file)
    if (isPlaced) return target
  }
}

/** False when the name is taken by something else. */
async function placeFile(source: string, target: string, file: KeptFile): Promise<boolean> {
  await dress(source, file)
  if ((await linkNew(source, target)) === 'done') return true
  if (await isThere(target)) return await isSameFile(source, target)
  const part = join(dirname(target), PART_NAME)
  await rm(part, { force: true })
  await copyFile(source, part, constants.COPYFILE_FICLONE)
  await dress(part, file)
  const outcome = await linkNew(part, target)
  if (outcome === 'taken') return false
  // Where there are no links nobody else makes names in this folder at this moment, as far as we can know.
  if (outcome === 'impossible') await rename(part, target)
  await rm(part, { force: true })
  return true
}

/** With the mode and time it had in the drive, and on the disk. */
async function dress(path: string, { mode, mtimeMs }: KeptFile): Promise<void> {
  await chmod(path, mode | 0o600)
  await utimes(path, mtimeMs / 1_000, mtimeMs / 1_000)
  const file = await open(path)
  try {
    await file.sync()
  } finally {
    await file.close()
  }
  if ((mode & 0o600) !== 0o600) await chmod(path, mode)
}

async function linkNew(source: string, target: string): Promise<'done' | 'taken' | 'impossible'> {
  try {
    await link(source, target)
    return 'done'
  } catch (error) {
    const code = systemCode(error)
    if (code === 'EEXIST') return 'taken'
    // Another file system, one without links, or too many of them.
    if (['EXDEV', 'EPERM', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(code ?? '')) return 'impossible'
    throw error
  }
}

async function makeEmpty(target: string, file: KeptFile): Promise<boolean> {
  try {
    await (await open(target, 'wx', 0o600)).close()
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error
    const found = await lstat(target)
    return found.isFile() && found.size === 0
  }
  await dress(target, file)
  return true
}

/** The file itself, or one with the same bytes: it was placed by whoever died before the cache file went. */
async function isSameFile(source: string, target: string): Promise<boolean> {
  const [one, other] = [await lstat(source), await lstat(target)]
  if (one.ino === other.ino && one.dev === other.dev) return true
  return other.isFile() && one.size === other.size && (await fileDigest(source)) === (await fileDigest(target))
}

function numbered(path: string, attempt: number): string {
  const [stem, extension] = splitExtension(path.slice(dirname(path).length + 1))
  return join(dirname(path), `${stem} (${attempt})${extension}`)
}
