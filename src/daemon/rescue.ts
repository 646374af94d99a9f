/**
 * Copies every unsent edit out under its real name, with or without a daemon, a portal or a sound database. Opens the
 * database read-only beside a running daemon and changes nothing.
 */
import { copyFile, readdir } from 'node:fs/promises'
import { constants, type Dirent } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { DriveError, errorText, hasCode, systemCode } from '../base/errors.js'
import type { Ino } from '../base/ids.js'
import { ROOT_INO } from '../base/ids.js'
import { makeDirectories } from '../base/make-directories.js'
import { splitExtension } from '../base/names.js'
import { contentPath } from '../cache/content-path.js'
import { readUnsent } from '../cache/recover-rows.js'
import { itemOf, ITEM_COLUMNS, type Item } from '../mirror/item.js'
import { Connection } from '../store/connection.js'
import { storeError, type Reader } from '../store/store.js'
import { sizeOf } from './is-there.js'
import { isDatabaseLost } from './lost-database.js'
import type { ProfilePaths } from './paths.js'

export interface RescuedFile {
  /** Where the edit belongs, below the drive's folder; null when the database could not tell. */
  readonly path: string | null
  readonly savedAs: string
  readonly bytes: number
}

export interface Rescue {
  readonly files: readonly RescuedFile[]
  /** Edits whose bytes could not be copied; they stay where they are. */
  readonly failed: readonly { readonly path: string; readonly reason: string }[]
}

/** 'folder-not-empty' unless `directory` is empty or new: nothing there is ever overwritten. */
export async function rescueInto(paths: ProfilePaths, directory: string): Promise<Rescue> {
  await makeDirectories(directory, 0o700)
  if ((await readdir(directory)).length > 0) throw new DriveError('folder-not-empty', `${directory} is not empty: name a new folder for the rescued files`)
  let connection: Connection
  try {
    connection = await Connection.open(paths.databasePath, 'read-only')
  } catch (error) {
    if ((await sizeOf(paths.databasePath)) === undefined) return await rescueUnnamed(paths, directory)
    throw storeError(paths.databasePath, error)
  }
  try {
    return await rescueByName(connection, paths, directory)
  } catch (error) {
    if (!hasCode(storeError(paths.databasePath, error), 'database-damaged') && !(await isDatabaseLost(paths))) throw error
    return await rescueUnnamed(paths, directory)
  } finally {
    await connection.close()
  }
}

async function rescueByName(reader: Reader, paths: ProfilePaths, directory: string): Promise<Rescue> {
  const files: RescuedFile[] = []
  const failed: { path: string; reason: string }[] = []
  for (const content of await readUnsent(reader, paths.contentDirectory)) {
    const row = await reader.get(`SELECT ${ITEM_COLUMNS} FROM items WHERE content_id = ?`, content.id)
    if (row === undefined) continue // deleted by the user
    const item = itemOf(row)
    if (item.localOnly) continue
    const path = await pathOf(reader, item)
    try {
      files.push({ path, ...(await copyOut(contentPath(paths.contentDirectory, content.id), directory, path, content.sizeBytes)) })
    } catch (error) {
      failed.push({ path, reason: errorText(error) })
    }
  }
  return { files, failed }
}

/** The database cannot be read, or is gone: everything the cache holds is copied, edits and downloads alike, under its number. Nothing where nothing was ever mounted. */
async function rescueUnnamed(paths: ProfilePaths, directory: string): Promise<Rescue> {
  const files: RescuedFile[] = []
  const failed: { path: string; reason: string }[] = []
  for (const entry of await entriesIn(paths)) {
    if (!entry.isFile()) continue
    const source = join(entry.parentPath, entry.name)
    try {
      files.push({ path: null, ...(await copyOut(source, directory, join('unnamed', entry.name), undefined)) })
    } catch (error) {
      failed.push({ path: source, reason: errorText(error) })
    }
  }
  return { files, failed }
}

async function entriesIn({ contentDirectory, databasePath }: ProfilePaths): Promise<readonly Dirent[]> {
  try {
    return await readdir(contentDirectory, { recursive: true, withFileTypes: true })
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error
    if ((await sizeOf(databasePath)) === undefined) return []
    throw new DriveError('database-damaged', `the database ${databasePath} cannot be read, and the cache ${contentDirectory} is gone: there is nothing left to copy`)
  }
}

async function copyOut(source: string, directory: string, path: string, sizeBytes: number | undefined): Promise<{ savedAs: string; bytes: number }> {
  const found = await sizeOf(source)
  // An empty content has no file: nothing was ever written to it.
  if (found === undefined && (sizeBytes ?? 0) > 0) throw new DriveError('not-found', 'its bytes are missing in the cache')
  const savedAs = await freeName(join(directory, path))
  await makeDirectories(dirname(savedAs), 0o700)
  await copyFile(found === undefined ? '/dev/null' : source, savedAs, constants.COPYFILE_EXCL)
  return { savedAs, bytes: found ?? 0 }
}

/** Two edits of one place (a conflict in the making) both come out. */
async function freeName(path: string): Promise<string> {
  const [stem, extension] = splitExtension(basename(path))
  for (let attempt = 1; ; attempt += 1) {
    const candidate = attempt === 1 ? path : join(dirname(path), `${stem} (${attempt})${extension}`)
    if ((await sizeOf(candidate)) === undefined) return candidate
  }
}

async function pathOf(reader: Reader, item: Item): Promise<string> {
  const names = [item.name]
  for (let parent: Ino | null = item.parent; parent !== null && parent !== ROOT_INO; ) {
    const row = await reader.get(`SELECT ${ITEM_COLUMNS} FROM items WHERE ino = ?`, parent)
    if (row === undefined) break
    const folder = itemOf(row)
    names.unshift(folder.name)
    parent = folder.parent
  }
  return join(...names)
}
