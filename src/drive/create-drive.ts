/** Puts a drive together: the webhook, the shared budget, the connections, and the typed calls on top. */
import type { Clock } from '../base/clock.js'
import type { Log } from '../base/log.js'
import type { Random } from '../base/random.js'
import { FileBudgetStore } from '../rest/budget-store.js'
import { readProxySettings } from '../rest/proxy-settings.js'
import { RestClient } from '../rest/rest-client.js'
import { Webhook } from '../rest/webhook.js'
import { Downloads } from './downloads.js'
import type { Drive } from './drive.js'
import { RestDrive } from './rest-drive.js'

export interface DriveOptions {
  /** The address as a person pasted it; throws `usage` when it is none. */
  readonly webhook: string
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
  /** The portal has a new address: the webhook to store from now on, with its secret. */
  readonly onMoved?: (webhook: string) => void
}

export interface OpenDrive {
  readonly drive: Drive
  readonly rest: RestClient
  close(): Promise<void>
}

export function createDrive(options: DriveOptions): OpenDrive {
  const { clock, random, log, runtimeDirectory, stallDeadlineMs } = options
  const webhook = Webhook.parse(options.webhook)
  const rest = new RestClient({
    webhook,
    budgetStore: new FileBudgetStore({ runtimeDirectory, portalHost: webhook.host, log }),
    clock,
    random,
    log,
    proxy: readProxySettings(options.environment),
    idleTimeoutMs: stallDeadlineMs,
    ...(options.downloadLimit === undefined ? {} : { downloadLimit: options.downloadLimit }),
    ...(options.uploadLimit === undefined ? {} : { uploadLimit: options.uploadLimit }),
    onMoved: (moved) => options.onMoved?.(moved.reveal()),
  })
  const drive = new RestDrive({ rest, downloads: new Downloads({ rest, clock }), random })
  return { drive, rest, close: () => rest.close() }
}
