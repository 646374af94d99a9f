/** Makes names durable: what was created, renamed or removed in the directory before this survives a power loss (fsync(2)). */
import { open } from 'node:fs/promises'

export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path)
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
