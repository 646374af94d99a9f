/** Puts a drive together: what opens the portal, the shared budget, the connections, and the typed calls on top. */
import type { Clock } from '../base/clock.js'
import type { Log } from '../base/log.js'
import type { Random } from '../base/random.js'
import type { Access } from '../rest/access.js'
import { AuthorizationServer } from '../rest/authorization-server.js'
import { FileBudgetStore } from '../rest/budget-store.js'
import { OAuthAccess, type GrantStore, type OAuthGrant } from '../rest/oauth-access.js'
import { readProxySettings } from '../rest/proxy-settings.js'
import { RestClient } from '../rest/rest-client.js'
import { Webhook } from '../rest/webhook.js'
import { Downloads } from './downloads.js'
import type { Drive } from './drive.js'
import { RestDrive } from './rest-drive.js'

/** The address as a person pasted it (`usage` when it is none), or an application's tokens and where they are kept. */
export type DriveAccess =
  | {
      readonly webhook: string
      /** The portal has a new address: the webhook to store from now on, with its secret. */
      readonly onMoved?: (webhook: string) => void
    }
  | { readonly grant: OAuthGrant; readonly grants: GrantStore }

export type DriveOptions = DriveSurroundings & DriveAccess

export interface DriveSurroundings {
  /** Holds the budgets that all processes of the user share; made 0700 when missing. */
  readonly runtimeDirectory: string
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** The setting `stallDeadline`; asked at each download. */
  readonly stallDeadlineMs: () => number
  /** The settings `downloadLimit` and `uploadLimit`, bytes per second; asked as bytes flow. */
  readonly downloadLimit?: () => number | undefined
  readonly uploadLimit?: () => number | undefined
  /** For HTTPS_PROXY and NO_PROXY: `process.env`. */
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Whether downloads serve ranges, where that is known from before; found out while it is not. */
  readonly servesRanges?: boolean | undefined
}

export interface OpenDrive {
  readonly drive: Drive
  readonly rest: RestClient
  close(): Promise<void>
}

export function createDrive(options: DriveOptions): OpenDrive {
  const { clock, random, log, runtimeDirectory, stallDeadlineMs } = options
  const { access, onMoved } = openAccess(options)
  const rest = new RestClient({
    access,
    budgetStore: new FileBudgetStore({ runtimeDirectory, portalHost: access.host, log }),
    clock,
    random,
    log,
    proxy: readProxySettings(options.environment),
    idleTimeoutMs: stallDeadlineMs,
    ...(options.downloadLimit === undefined ? {} : { downloadLimit: options.downloadLimit }),
    ...(options.uploadLimit === undefined ? {} : { uploadLimit: options.uploadLimit }),
    onMoved,
  })
  const drive = new RestDrive({ rest, downloads: new Downloads({ rest, clock, servesRanges: options.servesRanges ?? true }), random })
  return { drive, rest, close: () => rest.close() }
}

function openAccess(options: DriveOptions): { access: Access; onMoved: (origin: string) => void } {
  if ('webhook' in options) {
    const webhook = Webhook.parse(options.webhook)
    return { access: webhook, onMoved: (origin) => options.onMoved?.(webhook.movedTo(origin).reveal()) }
  }
  const { clock, log, grant, grants } = options
  const server = new AuthorizationServer({ server: grant.server, clock, proxy: readProxySettings(options.environment) })
  // The next token brings the portal's address of then, so a new one need not be stored.
  return { access: new OAuthAccess({ grant, store: grants, server, clock, log }), onMoved: () => undefined }
}
