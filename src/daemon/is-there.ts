/** Whether a name leads to something, a dangling link included. What cannot be looked at is no answer: it throws. */
import { lstat } from 'node:fs/promises'
import { systemCode } from '../base/errors.js'

export async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path)
    return true
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false
    throw error
  }
}
