/**
 * Removes a folder with all that is in it, also folders that are closed to the user they belong to: a drive's folder is
 * sealed (0555) while it is connected, which stops everybody but root. Never to be called where a mount may be inside.
 */
import { chmod, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

export async function removeTree(path: string): Promise<void> {
  if (process.getuid?.() !== 0) await openFolders(path)
  await rm(path, { recursive: true, force: true })
}

async function openFolders(path: string): Promise<void> {
  await chmod(path, 0o700)
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (entry.isDirectory()) await openFolders(join(path, entry.name))
  }
}
