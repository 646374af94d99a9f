/**
 * One portal per directory: a held abstract socket named after it. The kernel lets go of it when the process ends, however
 * it ends, so nothing stale is ever in the way.
 */
import { createHash } from 'node:crypto'
import { realpath } from 'node:fs/promises'
import { createServer } from 'node:net'
import { DriveError } from '../base/errors.js'

/** Resolves with the release. Fails with `already-running`. */
export async function lockDirectory(dir: string): Promise<() => Promise<void>> {
  const name = createHash('sha256').update(await realpath(dir)).digest('hex').slice(0, 32)
  const holder = createServer((socket) => {
    socket.destroy()
  })
  await new Promise<void>((resolve, reject) => {
    holder.once('error', (error) => {
      reject(new DriveError('already-running', `Another portal works in ${dir}.`, { cause: error }))
    })
    holder.listen({ path: `\0elastic-drive-portal-${name}` }, resolve)
  })
  return () =>
    new Promise((resolve) => {
      holder.close(() => {
        resolve()
      })
    })
}
