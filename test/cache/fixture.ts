/** A cache on a real store in a fresh directory, with a way to "kill" it: abandon everything without close, open again. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { systemClock, type Clock } from '../../src/base/clock.js'
import { asRemoteId, type ContentId } from '../../src/base/ids.js'
import { silentLog, type Log } from '../../src/base/log.js'
import { ContentCache } from '../../src/cache/content-cache.js'
import type { Content } from '../../src/cache/content.js'
import type { RemoteOrigin } from '../../src/cache/content-rows.js'
import { contentPath } from '../../src/cache/content-path.js'
import type { FileLender } from '../../src/cache/file-lender.js'
import { CACHE_SCHEMA } from '../../src/cache/schema.js'
import { Store } from '../../src/store/store.js'

export const MIB = 1024 * 1024
export const BOOT = 'boot-1'
export const ORIGIN: RemoteOrigin = { fileId: asRemoteId('17'), version: 3, blobId: '900' }

export interface World {
  readonly directory: string
  readonly store: Store
  readonly cache: ContentCache
  path(id: ContentId): string
  /** Ends the timers of a killed process and keeps its teardown from touching what is closed. */
  stopTime(): void
}

export async function temporaryDirectory(test: Test): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'elastic-cache-'))
  test.teardown(() => rm(path, { recursive: true, force: true }))
  return path
}

export async function openWorld(
  test: Test,
  root: string,
  options: { bootId?: string; limitBytes?: number; freeSpaceFloorBytes?: number; log?: Log; directory?: string; lender?: FileLender } = {},
): Promise<World> {
  const directory = options.directory ?? join(root, 'cache')
  const store = await Store.open(join(root, 'db'), [CACHE_SCHEMA])
  const { clock, stop } = mortalClock()
  let killed = false
  const cache = await ContentCache.open({
    directory, store, clock, log: options.log ?? silentLog,
    bootId: options.bootId ?? BOOT, limitBytes: options.limitBytes ?? 1024 * MIB, freeSpaceFloorBytes: options.freeSpaceFloorBytes ?? 0,
    ...(options.lender !== undefined && { lender: options.lender }),
  })
  test.teardown(async () => {
    if (killed) return
    await cache.close()
    await store.close()
  })
  const stopTime = (): void => {
    killed = true
    stop()
  }
  return { directory, store, cache, path: (id) => contentPath(directory, id), stopTime }
}

/** What a kill leaves: files and committed rows. The abandoned cache does nothing more; the kernel closes its files. */
export async function kill(world: World, held: Iterable<Content> = []): Promise<void> {
  world.stopTime()
  await world.store.close()
  for (const content of held) await content.closeDescriptor()
}

/** The system clock, whose timers end with the process that it stands for. */
function mortalClock(): { clock: Clock; stop: () => void } {
  const pending = new Set<() => void>()
  let stopped = false
  const clock: Clock = {
    ...systemClock,
    setTimer: (delayMs, callback) => {
      if (stopped) return () => undefined
      const cancel = systemClock.setTimer(delayMs, () => {
        pending.delete(cancel)
        callback()
      })
      pending.add(cancel)
      return () => {
        pending.delete(cancel)
        cancel()
      }
    },
  }
  const stop = (): void => {
    stopped = true
    for (const cancel of pending) cancel()
  }
  return { clock, stop }
}

export function placeholder(world: World, sizeBytes: number, origin: RemoteOrigin = ORIGIN): Promise<ContentId> {
  return world.store.transact((tx) => world.cache.createPlaceholder(tx, sizeBytes, origin))
}

export async function local(world: World, bytes: Uint8Array): Promise<Content> {
  const content = await world.cache.acquire(await world.store.transact((tx) => world.cache.createLocal(tx)))
  await content.write(0, bytes)
  return content
}

/** A clean content with these bytes, persisted and released. */
export async function cached(world: World, bytes: Uint8Array): Promise<ContentId> {
  const id = await placeholder(world, bytes.length)
  const content = await world.cache.acquire(id)
  await content.fill(0, bytes)
  await content.release()
  return id
}

export function pattern(sizeBytes: number, seed = 1): Buffer {
  const bytes = Buffer.allocUnsafe(sizeBytes)
  for (let index = 0; index < sizeBytes; index += 1) bytes[index] = (index * 31 + (index >> 8) * 17 + seed * 101) & 0xff
  return bytes
}
