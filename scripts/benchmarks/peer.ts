/** rclone for one group of rows, where it is wanted: for the first user only, because it is the same for everybody. */
import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import type { Bench } from './bench.js'
import { WebdavPeer } from './webdav-peer.js'

/** Undefined also where rclone does not come up, which is told: a row without it still says something. */
export async function peerFor(bench: Bench, served: string): Promise<WebdavPeer | undefined> {
  if (!bench.options.withRclone || !bench.isFirstUser) return undefined
  try {
    return await WebdavPeer.start({ served, directory: await mkdtemp(join(bench.directory, 'rclone-')), tidy: bench.tidy, signal: bench.signal })
  } catch (error) {
    bench.signal.throwIfAborted()
    console.error(`without rclone: ${error instanceof Error ? error.message : String(error)}`)
    return undefined
  }
}
