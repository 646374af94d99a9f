/**
 * Aborts a FUSE connection by number: every request in it ends with ECONNABORTED, also those of a daemon that hangs in
 * the kernel. The only way out of a deadlock, and harmless on a connection that is gone.
 */
import { constants } from 'node:fs'
import { mkdtemp, open, rmdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemCode } from '../base/errors.js'
import type { MountCalls } from './mount-calls.js'

const CONTROL_FOLDER = '/sys/fs/fuse/connections'

/** False when there is no such connection, or no way to reach it (fusectl not mounted and not root). */
export async function abortConnection(calls: MountCalls, connection: number): Promise<boolean> {
  if (await writeAbort(CONTROL_FOLDER, connection)) return true
  if (process.geteuid?.() !== 0) return false
  // The kernel's control file system is not mounted here (containers): mount it for a moment, out of sight.
  const folder = await mkdtemp(join(tmpdir(), 'elastic-drive-control-'))
  try {
    if ((await calls.mount('fusectl', folder, 'fusectl', 0, '')) < 0) return false
    try {
      return await writeAbort(folder, connection)
    } finally {
      await calls.unmount(folder, 0)
    }
  } finally {
    await rmdir(folder)
  }
}

async function writeAbort(folder: string, connection: number): Promise<boolean> {
  try {
    const file = await open(join(folder, String(connection), 'abort'), constants.O_WRONLY)
    try {
      await file.write('1')
      return true
    } finally {
      await file.close()
    }
  } catch (error) {
    const code = systemCode(error)
    if (code === 'ENOENT' || code === 'EACCES' || code === 'EPERM' || code === 'ENOTDIR') return false
    throw error
  }
}
