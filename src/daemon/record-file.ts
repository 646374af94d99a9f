/**
 * Small private files that are there whole or not at all: written beside, synced, renamed over. Used for everything a
 * profile remembers outside its database.
 */
import { randomBytes } from 'node:crypto'
import { open, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { DriveError, systemCode } from '../base/errors.js'
import { syncDirectory } from '../base/sync-directory.js'

/** After this the new text survives a power loss; at any moment the file has the old text or the new. */
export async function writeFileAtomic(path: string, text: string, mode = 0o600): Promise<void> {
  const beside = `${path}.${randomBytes(6).toString('hex')}.new`
  try {
    const file = await open(beside, 'wx', mode)
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(beside, path)
  } catch (error) {
    await rm(beside, { force: true })
    throw error
  }
  await syncDirectory(dirname(path))
}

/** The text of a file, undefined when there is none. */
export async function readFileIfAny(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}

export type Fields = Readonly<Record<string, unknown>>

/** A JSON object from a file, undefined when there is no file; `profile-damaged` with `nextStep` when it is no JSON object. */
export async function readRecord(path: string, nextStep: string): Promise<Fields | undefined> {
  const text = await readFileIfAny(path)
  if (text === undefined) return undefined
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw damagedRecord(path, nextStep, error)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw damagedRecord(path, nextStep)
  return value as Fields
}

export function damagedRecord(path: string, nextStep: string, cause?: unknown): DriveError {
  return new DriveError('profile-damaged', `the file ${path} is damaged: ${nextStep}`, { cause })
}
