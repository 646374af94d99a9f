/**
 * What a REST method works with: the rows, the rights, the contents, the clock; and the shape of a method. Methods hold no
 * state of their own.
 */
import type { Random } from '../base/random.js'
import type { Account, Caller } from './account.js'
import type { Attachments } from './attachments.js'
import type { BlobGrants } from './blob-grants.js'
import type { ContentStore } from './content-store.js'
import type { FaultEffect, ResultKind } from './faults.js'
import type { Hosts } from './hosts.js'
import type { Parameters } from './parameters.js'
import type { PortalTime } from './portal-time.js'
import type { Presenter } from './present.js'
import type { RequestTimer } from './request-timer.js'
import type { Rights } from './rights.js'
import type { Sharings } from './sharings.js'
import type { SignedLinks } from './signed-links.js'
import type { Traits } from './traits.js'
import type { Tree } from './tree.js'

export interface Desk {
  readonly tree: Tree
  readonly rights: Rights
  readonly contents: ContentStore
  readonly time: PortalTime
  readonly random: Random
  readonly account: Account
  readonly links: SignedLinks
  readonly sharings: Sharings
  readonly attachments: Attachments
  readonly hosts: Hosts
  readonly blobs: BlobGrants
  readonly presenter: Presenter
  /** Bytes that the whole portal may hold (E-70); undefined: no limit. */
  readonly quotaBytes: () => number | undefined
  readonly traits: () => Traits
  /** Told of content bytes that came with a request, stored or not. */
  readonly countUp: (bytes: number) => void
  /** The portal's address without a trailing slash. */
  readonly address: () => string
}

export interface Call {
  readonly method: string
  readonly parameters: Parameters
  readonly caller: Caller
  /** Of the HTTP request that the call is in. */
  readonly timer: RequestTimer
  /** The fault ordered for this call that changes its result in this way. */
  readonly ordered: (kind: ResultKind) => FaultEffect | undefined
}

export interface MethodAnswer {
  readonly result: unknown
  readonly total?: number
  readonly next?: number
}

export interface Method {
  /** Null: needs no scope. */
  readonly scope: string | null
  /** In the order of the PHP signature, required ones with a trailing `*`. */
  readonly parameters: readonly string[]
  /** Unknown where the plan lacks it (E-5). */
  readonly needsHistory?: boolean
  /** Unknown to portals of these traits. */
  readonly hiddenBy?: (traits: Traits) => boolean
  run(call: Call, desk: Desk): MethodAnswer | Promise<MethodAnswer>
}

export type MethodTable = Readonly<Record<string, Method>>
