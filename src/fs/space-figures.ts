/** What statfs(2) says of the drive: the cache's ceiling as its size, what can still be written as its free space. */
import { statfs } from 'node:fs/promises'
import type { ContentCache } from '../cache/content-cache.js'
import type { SpaceFigures } from './operations.js'

const BLOCK_BYTES = 4_096
const NAME_MAX_BYTES = 255

export async function spaceFigures(cache: ContentCache, cacheDirectory: string): Promise<SpaceFigures> {
  const { limitBytes, usedBytes, pinnedBytes, dirtyBytes } = cache.usage()
  const disk = await statfs(cacheDirectory)
  const cleanBytes = Math.max(usedBytes - pinnedBytes - dirtyBytes, 0)
  // What can still be written: what the ceiling leaves beside content that cannot be evicted, and the disk can take.
  const freeBytes = Math.max(Math.min(limitBytes - pinnedBytes - dirtyBytes, disk.bavail * disk.bsize + cleanBytes), 0)
  const blocksFree = Math.floor(freeBytes / BLOCK_BYTES)
  return {
    blockSizeBytes: BLOCK_BYTES,
    blocks: Math.max(Math.floor(limitBytes / BLOCK_BYTES), blocksFree),
    blocksFree,
    blocksAvailable: blocksFree,
    files: 2 ** 31,
    filesFree: 2 ** 30,
    nameMaxBytes: NAME_MAX_BYTES,
  }
}
