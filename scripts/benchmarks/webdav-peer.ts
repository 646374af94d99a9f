/**
 * What Linux users have instead: `rclone mount` with the full cache over WebDAV, here of a folder of this disk behind a
 * proxy with the portal's latency. It runs as root, whoever the row is about. Uploads wait as long as the drive's do.
 */
import { mkdir } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Resident, run } from './child.js'
import { LatencyProxy } from './latency-proxy.js'
import type { Tidy } from './tidy.js'

const START_MS = 15_000
const DAY = '24h'

export class WebdavPeer {
  readonly folder: string
  readonly cacheDirectory: string
  readonly #proxy: LatencyProxy

  /** `served` is shown at `directory`/mount. Throws when rclone does not come up. */
  static async start({ served, directory, tidy, signal }: { served: string; directory: string; tidy: Tidy; signal: AbortSignal }): Promise<WebdavPeer> {
    const folder = join(directory, 'mount')
    await mkdir(folder, { recursive: true })
    const env = { PATH: process.env.PATH ?? '', HOME: directory, RCLONE_CONFIG: join(directory, 'rclone.conf') }
    const port = await freePort()
    const server = Resident.start('rclone', ['serve', 'webdav', served, '--addr', `127.0.0.1:${port}`, '--dir-cache-time', '1s'], env)
    tidy.teardown(() => server.end())
    const proxy = await LatencyProxy.start(port, tidy)
    await comesUp('the WebDAV server', server, signal, async () => (await fetch(`http://127.0.0.1:${port}/`, { method: 'OPTIONS' }).catch(() => undefined))?.ok === true)

    const cacheDirectory = join(directory, 'cache')
    const cached = ['--vfs-cache-mode', 'full', '--cache-dir', cacheDirectory, '--dir-cache-time', DAY, '--vfs-cache-max-age', DAY, '--vfs-write-back', DAY]
    const mount = Resident.start('rclone', ['mount', ':webdav:', folder, '--webdav-url', `http://127.0.0.1:${proxy.port}`, ...cached], env)
    tidy.teardown(async () => {
      await run('umount', ['-l', folder], { signal: new AbortController().signal })
      await mount.end()
    })
    await comesUp('rclone mount', mount, signal, async () => (await run('mountpoint', ['-q', folder], { signal })).code === 0)
    return new WebdavPeer({ folder, cacheDirectory, proxy })
  }

  private constructor({ folder, cacheDirectory, proxy }: { folder: string; cacheDirectory: string; proxy: LatencyProxy }) {
    this.folder = folder
    this.cacheDirectory = cacheDirectory
    this.#proxy = proxy
  }

  /** Filling the cache is not what is measured, so it may go on without. */
  set latencyMs(ms: number) {
    this.#proxy.latencyMs = ms
  }
}

async function comesUp(what: string, resident: Resident, signal: AbortSignal, isUp: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + START_MS
  while (performance.now() < endMs && resident.isRunning) {
    if (await isUp()) return
    await sleep(100, undefined, { signal })
  }
  throw new Error(`${what} did not come up`)
}

/** Free a moment ago; nobody else starts servers here in between. */
function freePort(): Promise<number> {
  const server = createServer()
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => {
        resolve(port)
      })
    })
  })
}
