/** `mkdir -p`. */
import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { systemCode } from './errors.js'

/**
 * Makes the directory and those above it that are missing; one that is there keeps its mode. Throws as mkdir(2). Node's own
 * `recursive` never ends where a directory exists and yet answers ENOENT to every new name, as /proc does.
 */
export async function makeDirectories(path: string, mode: number): Promise<void> {
  try {
    await mkdir(path, { mode })
  } catch (error) {
    if (systemCode(error) === 'EEXIST' && (await isDirectory(path))) return
    if (systemCode(error) !== 'ENOENT' || (await isDirectory(dirname(path)))) throw error
    await makeDirectories(dirname(path), mode)
    await makeDirectories(path, mode)
  }
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false
    throw error
  }
}
