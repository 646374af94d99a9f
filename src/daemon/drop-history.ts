/** The history of a profile goes: mirror, journal, bases, and the cache that they speak of. */
import { readdir, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { syncDirectory } from '../base/sync-directory.js'
import type { ProfilePaths } from './paths.js'

/** The caller knows that no file of the cache holds what is nowhere else. */
export async function dropHistory(paths: ProfilePaths): Promise<void> {
  await rm(paths.contentDirectory, { recursive: true, force: true })
  const database = basename(paths.databasePath)
  const directory = dirname(paths.databasePath)
  const names = (await readdir(directory)).filter((name) => name === database || name.startsWith(`${database}.`) || name.startsWith(`${database}-`))
  for (const name of names) await rm(join(directory, name), { force: true })
  await syncDirectory(directory)
}
