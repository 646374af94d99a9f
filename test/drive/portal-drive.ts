/** A portal and a drive on it, for one test: both gone with it, hooks at hand. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { systemClock, type Clock } from '../../src/base/clock.js'
import { createLog } from '../../src/base/log.js'
import { seededRandom } from '../../src/base/random.js'
import { createDrive, type OpenDrive } from '../../src/drive/create-drive.js'
import type { CallOptions, Download, RemoteFile, UploadSource } from '../../src/drive/drive.js'
import type { RemoteId } from '../../src/base/ids.js'
import { startPortal, type PortalOptions, type RunningPortal } from '../../src/portal/portal.js'
import { withPortalTraits } from '../support/portal-traits.js'

export const person: CallOptions = { priority: 'interactive' }

export interface DriveUnderTest extends OpenDrive {
  readonly portal: RunningPortal
  readonly rootId: RemoteId
  /** Everything it logged. */
  readonly logged: readonly string[]
  readonly hook: (name: string, order?: object, verb?: string) => Promise<unknown>
  readonly fault: (order: object) => Promise<unknown>
  /** How often each method was called since the last clear. */
  readonly calls: () => Promise<{ total: number; limited: number; methods: Readonly<Record<string, number>> }>
}

/** Timers a hundred times as fast, for what retries with pauses. */
export const hastyClock: Clock = { ...systemClock, setTimer: (delayMs, callback) => systemClock.setTimer(delayMs / 100, callback) }

export async function driveFor(t: Test, options: PortalOptions = {}, more: { clock?: Clock; stallDeadlineMs?: number } = {}): Promise<DriveUnderTest> {
  const portal = await startPortal(withPortalTraits(options))
  t.teardown(() => portal.close())
  const runtimeDirectory = await mkdtemp(join(tmpdir(), 'elastic-drive-rest-'))
  t.teardown(() => rm(runtimeDirectory, { recursive: true, force: true }))
  const logged: string[] = []
  const open = createDrive({
    webhook: portal.webhook,
    runtimeDirectory,
    clock: more.clock ?? systemClock,
    random: seededRandom(5),
    log: createLog('debug', { write: (line: string) => logged.push(line) }),
    stallDeadlineMs: () => more.stallDeadlineMs ?? 30_000,
    environment: {},
  })
  t.teardown(() => open.close())
  const hook = async (name: string, order?: object, verb = order === undefined ? 'GET' : 'POST'): Promise<unknown> => {
    const response = await fetch(`${portal.hooks}/${name}`, order === undefined ? { method: verb } : { method: verb, body: JSON.stringify(order) })
    if (!response.ok) throw new Error(`${name}: ${await response.text()}`)
    return response.json()
  }
  const { rootId } = await open.drive.ownStorage((await open.drive.account(person)).userId, person)
  return {
    ...open,
    portal,
    rootId,
    logged,
    hook,
    fault: (order) => hook('faults', order),
    calls: async () => (await hook('requests')) as Awaited<ReturnType<DriveUnderTest['calls']>>,
  }
}

/** Bytes in pieces of odd sizes. */
export function source(bytes: Uint8Array, pieceBytes = 1_000): UploadSource {
  return {
    sizeBytes: bytes.byteLength,
    // eslint-disable-next-line @typescript-eslint/require-await -- a stream of what is in memory
    async *open() {
      for (let start = 0; start < bytes.byteLength; start += pieceBytes) yield bytes.subarray(start, start + pieceBytes)
    },
  }
}

export const textSource = (text: string): UploadSource => source(Buffer.from(text))

export async function bytesOf({ body }: Pick<Download, 'body'>): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for await (const piece of body) pieces.push(piece)
  return Buffer.concat(pieces)
}

/** Bytes that differ everywhere, so that a shifted range shows. */
export function patterned(sizeBytes: number): Buffer {
  const random = seededRandom(sizeBytes + 1)
  return Buffer.from(random.hex(sizeBytes), 'hex')
}

export async function upload({ drive, rootId }: DriveUnderTest, name: string, bytes: Uint8Array): Promise<RemoteFile> {
  const file = await drive.uploadNew(rootId, name, source(bytes), person)
  return drive.getFile(file.id, person)
}
