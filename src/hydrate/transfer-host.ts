/** What the transfers of all contents share, and what each of them needs of the hydrator. */
import type { Clock } from '../base/clock.js'
import type { Log } from '../base/log.js'
import type { Content } from '../cache/content.js'
import type { Drive, RemoteFile } from '../drive/drive.js'
import type { Store } from '../store/store.js'
import type { Looks } from './looks.js'

export interface TransferHost {
  readonly drive: Drive
  readonly looks: Looks
  readonly store: Store
  readonly clock: Clock
  readonly log: Log
  readonly stallDeadlineMs: () => number
  readonly onVersionMoved: (remote: RemoteFile) => void
  readonly isPaused: () => boolean
  /** The portal does not serve ranges, as far as is known. */
  readonly servesWholeOnly: () => boolean
  readonly noteWholeOnly: () => void
  readonly cacheLimitBytes: () => number
  /** A slot for a stream that nobody sits in front of; false: `pump` is called when one is free. */
  readonly takeSlot: (waiting: { pump(): void }) => boolean
  readonly freeSlot: () => void
  readonly onIdle: (content: Content) => void
}
