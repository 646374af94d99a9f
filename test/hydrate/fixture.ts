/** A hydrator on a real cache and store, over a drive in memory. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { systemClock, type Clock } from '../../src/base/clock.js'
import { silentLog } from '../../src/base/log.js'
import { ContentCache } from '../../src/cache/content-cache.js'
import type { Content } from '../../src/cache/content.js'
import { CACHE_SCHEMA } from '../../src/cache/schema.js'
import type { Drive, RemoteFile } from '../../src/drive/drive.js'
import { Hydrator } from '../../src/hydrate/hydrator.js'
import { Mirror } from '../../src/mirror/mirror.js'
import { MIRROR_SCHEMA } from '../../src/mirror/schema.js'
import { Store } from '../../src/store/store.js'

export const KIB = 1024
export const MIB = 1024 * KIB

export interface House {
  readonly cache: ContentCache
  readonly store: Store
  readonly mirror: Mirror
  readonly hydrator: Hydrator
  readonly moved: RemoteFile[]
  /** A placeholder of the file as it is now, held. */
  hold(file: RemoteFile): Promise<Content>
}

export async function openHouse(
  test: Test,
  drive: Drive,
  options: { limitBytes?: number; clock?: Clock; stallDeadlineMs?: number; isPaused?: () => boolean } = {},
): Promise<House> {
  const root = await mkdtemp(join(tmpdir(), 'elastic-hydrate-'))
  const clock = options.clock ?? systemClock
  const store = await Store.open(join(root, 'db'), [MIRROR_SCHEMA, CACHE_SCHEMA])
  const cache = await ContentCache.open({
    directory: join(root, 'cache'), store, clock, log: silentLog, bootId: 'boot', limitBytes: options.limitBytes ?? 4096 * MIB, freeSpaceFloorBytes: 0,
  })
  const mirror = new Mirror(store)
  const moved: RemoteFile[] = []
  const hydrator = new Hydrator({
    drive, cache, mirror, store, clock, log: silentLog,
    stallDeadlineMs: () => options.stallDeadlineMs ?? 30_000,
    onVersionMoved: (remote) => moved.push(remote),
    ...(options.isPaused === undefined ? {} : { isPaused: options.isPaused }),
  })
  test.teardown(async () => {
    await hydrator.stop()
    await cache.close()
    await store.close()
    await rm(root, { recursive: true, force: true })
  })
  const hold = async (file: RemoteFile): Promise<Content> => {
    const origin = { fileId: file.id, version: file.version, blobId: file.blobId }
    return cache.acquire(await store.transact((tx) => cache.createPlaceholder(tx, file.sizeBytes, origin)))
  }
  return { cache, store, mirror, hydrator, moved, hold }
}

export function pattern(sizeBytes: number, seed = 1): Buffer {
  const bytes = Buffer.allocUnsafe(sizeBytes)
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, sizeBytes >> 2)
  for (let index = 0; index < words.length; index += 1) words[index] = Math.imul(index + 1, 0x9e3779b1) ^ (seed * 0x85ebca6b)
  for (let index = words.length * 4; index < sizeBytes; index += 1) bytes[index] = (index * 31 + seed) & 0xff
  return bytes
}

export const never = new AbortController().signal
