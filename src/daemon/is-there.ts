/** Whether a name leads to something, and how large that is. What cannot be looked at is no answer: it throws. */
import { lstat, stat } from 'node:fs/promises'
import { systemCode } from '../base/errors.js'

/** A dangling link included. */
export async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path)
    return true
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false
    throw error
  }
}

/** Of what the name leads to; undefined when it leads nowhere. */
export async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}
