/**
 * Starts an embedded portal: puts its parts together, listens on loopback, and takes everything away again at `close`.
 * Several may run in one process. This is the door for the command line and for tests.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { rmSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock, type Clock } from '../base/clock.js'
import { DriveError, errorText } from '../base/errors.js'
import { silentLog, type Log } from '../base/log.js'
import { systemRandom, type Random } from '../base/random.js'
import type { Plan } from './account.js'
import { answerHook } from './hooks.js'
import { buildPortal, type PortalParts } from './portal-parts.js'
import type { Traits } from './traits.js'

export interface PortalOptions {
  /** 0 (the default): any free port. */
  readonly port?: number
  /** Where state and contents live; without it they are gone after `close`. */
  readonly dataDir?: string
  /** `empty` (default), `demo`, `tree:FOLDERSxFILES[xBYTES]`. A directory with a state keeps its own seed. */
  readonly seed?: string
  readonly latencyMs?: number
  readonly plan?: Plan
  readonly tls?: boolean
  readonly traits?: Partial<Traits>
  readonly clock?: Clock
  readonly random?: Random
  readonly log?: Log
}

export interface RunningPortal {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string
  /** Ends in a slash; a secret. */
  readonly webhook: string
  /** Base of the hooks, ends in `/_portal`. */
  readonly hooks: string
  /** Id of the webhook owner's own drive. */
  readonly storageId: string
  /** Ends every connection, also busy ones; resolves when nothing of the portal runs or lies about. Safe to call twice. */
  close(): Promise<void>
}

const KEEP_ALIVE_MS = 75_000 // nginx's default

/** Fails with `usage` for options that do not fit, `already-running` where the port or the directory is taken. */
export async function startPortal(options: PortalOptions = {}): Promise<RunningPortal> {
  if (options.tls === true) throw new DriveError('usage', 'The embedded portal has no TLS yet: leave out --tls.')
  const log = options.log ?? silentLog
  const clock = options.clock ?? systemClock
  const { dir, removeTemporary } = await portalDirectory(options.dataDir)
  try {
    let url = ''
    const parts = await buildPortal({
      dir,
      isLasting: options.dataDir !== undefined,
      seed: options.seed ?? 'empty',
      plan: options.plan ?? 'basic',
      latencyMs: options.latencyMs ?? 0,
      traits: options.traits ?? {},
      clock,
      random: options.random ?? systemRandom,
      log,
      address: () => url,
    })
    const server = createServer((request, response) => {
      answer(request, response, parts).catch((error: unknown) => {
        log.error({ error: errorText(error) }, 'a request of the portal failed')
        response.destroy()
      })
    })
    try {
      url = await listen(server, options.port ?? 0)
    } catch (error) {
      await parts.close()
      throw error
    }
    return running(server, url, parts, removeTemporary)
  } catch (error) {
    await removeTemporary()
    throw error
  }
}

/** A directory given is made and kept; a temporary one goes with the portal, also when the process ends without closing it. */
async function portalDirectory(dataDir: string | undefined): Promise<{ dir: string; removeTemporary: () => Promise<void> }> {
  if (dataDir !== undefined) {
    await mkdir(dataDir, { recursive: true, mode: 0o700 })
    return { dir: dataDir, removeTemporary: () => Promise.resolve() }
  }
  const dir = await mkdtemp(join(tmpdir(), 'elastic-drive-portal-'))
  const removeAtExit = (): void => {
    rmSync(dir, { recursive: true, force: true })
  }
  process.once('exit', removeAtExit)
  const removeTemporary = async (): Promise<void> => {
    process.off('exit', removeAtExit)
    await rm(dir, { recursive: true, force: true })
  }
  return { dir, removeTemporary }
}

function running(server: Server, url: string, parts: PortalParts, removeTemporary: () => Promise<void>): RunningPortal {
  let closing: Promise<void> | undefined
  const close = async (): Promise<void> => {
    await new Promise<void>((resolve) => {
      server.close(() => {
        resolve()
      })
      server.closeAllConnections()
    })
    await parts.close()
    await removeTemporary()
  }
  return {
    url,
    webhook: url + parts.desk.account.webhookPath,
    hooks: `${url}/_portal`,
    storageId: String(parts.ownerStorageId),
    close: () => (closing ??= close()),
  }
}

async function answer(request: IncomingMessage, response: ServerResponse, parts: PortalParts): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://portal.invalid')
  if (url.pathname.startsWith('/_portal/')) await answerHook(request, response, url, parts.hookParts)
  else await parts.rest.handle(request, response, url)
}

async function listen(server: Server, port: number): Promise<string> {
  server.keepAliveTimeout = KEEP_ALIVE_MS
  server.requestTimeout = 0 // a large upload may take its time
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      reject(new DriveError('already-running', `The portal cannot listen on port ${port}: ${errorText(error)}`, { cause: error }))
    })
    server.listen(port, '127.0.0.1', resolve)
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
