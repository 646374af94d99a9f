/**
 * Starts an embedded portal: puts its parts together, listens on loopback, and takes everything away again at `close`.
 * Several may run in one process. This is the door for the command line and for tests.
 */
import { createServer as createPlainServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock, type Clock } from '../base/clock.js'
import { DriveError, errorText } from '../base/errors.js'
import { silentLog, type Log } from '../base/log.js'
import { systemRandom, type Random } from '../base/random.js'
import { makeDirectories } from '../base/make-directories.js'
import type { Plan } from './account.js'
import { portalCertificate, type Certificate } from './certificate.js'
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
  /** https only, with a certificate of its own. */
  readonly tls?: boolean
  /** The name that clients reach it by, behind a proxy for example; it listens on loopback all the same. */
  readonly host?: string
  readonly traits?: Partial<Traits>
  readonly clock?: Clock
  readonly random?: Random
  readonly log?: Log
}

export interface RunningPortal {
  /** `http://127.0.0.1:PORT`, with TLS `https://`, or with the name it was given. */
  readonly url: string
  /** With TLS: the PEM file that a client has to trust. */
  readonly certificatePath: string | undefined
  /** Ends in a slash; a secret. */
  readonly webhook: string
  /** Base of the hooks, ends in `/_portal`. */
  readonly hooks: string
  /** Id of the webhook owner's own drive. */
  readonly storageId: string
  /** Ends every connection, also busy ones; resolves when nothing of the portal runs or lies about. Safe to call twice. */
  close(): Promise<void>
}

const LOOPBACK = '127.0.0.1'
const KEEP_ALIVE_MS = 75_000 // nginx's default

/** Fails with `usage` for options that do not fit, `already-running` where the port or the directory is taken. */
export async function startPortal(options: PortalOptions = {}): Promise<RunningPortal> {
  const log = options.log ?? silentLog
  const clock = options.clock ?? systemClock
  const { dir, removeTemporary } = await portalDirectory(options.dataDir)
  try {
    let url = ''
    const host = options.host ?? LOOPBACK
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
    try {
      const certificate = options.tls === true ? await portalCertificate(dir, host) : undefined
      const server = createServer(certificate, (request, response) => {
        answer(request, response, parts).catch((error: unknown) => {
          log.error({ error: errorText(error) }, 'a request of the portal failed')
          response.destroy()
        })
      })
      const port = await listen(server, options.port ?? 0)
      const scheme = certificate === undefined ? 'http' : 'https'
      url = `${scheme}://${host}:${port}`
      return running(server, { url, hooks: `${scheme}://${LOOPBACK}:${port}/_portal`, certificatePath: certificate?.path }, parts, removeTemporary)
    } catch (error) {
      await parts.close()
      throw error
    }
  } catch (error) {
    await removeTemporary()
    throw error
  }
}

/** A directory given is made and kept; a temporary one goes with the portal, also when the process ends without closing it. */
async function portalDirectory(dataDir: string | undefined): Promise<{ dir: string; removeTemporary: () => Promise<void> }> {
  if (dataDir !== undefined) {
    await makeDirectories(dataDir, 0o700)
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

function createServer(certificate: Certificate | undefined, listener: RequestListener): Server {
  return certificate === undefined ? createPlainServer(listener) : createTlsServer({ cert: certificate.cert, key: certificate.key }, listener)
}

function running(server: Server, where: Pick<RunningPortal, 'url' | 'hooks' | 'certificatePath'>, parts: PortalParts, removeTemporary: () => Promise<void>): RunningPortal {
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
    ...where,
    webhook: where.url + parts.desk.account.webhookPath,
    storageId: String(parts.ownerStorageId),
    close: () => (closing ??= close()),
  }
}

async function answer(request: IncomingMessage, response: ServerResponse, parts: PortalParts): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://portal.invalid')
  if (url.pathname.startsWith('/_portal/')) await answerHook(request, response, url, parts.hookParts)
  else if (url.pathname.startsWith('/oauth/')) await parts.oauth.handle(request, response, url)
  else await parts.rest.handle(request, response, url)
}

async function listen(server: Server, port: number): Promise<number> {
  server.keepAliveTimeout = KEEP_ALIVE_MS
  server.requestTimeout = 0 // a large upload may take its time
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      reject(new DriveError('already-running', `The portal cannot listen on port ${port}: ${errorText(error)}`, { cause: error }))
    })
    server.listen(port, LOOPBACK, resolve)
  })
  return (server.address() as AddressInfo).port
}
