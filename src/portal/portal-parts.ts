/**
 * The parts of one portal, put together: state over its seed, desk, calls, limits, hooks.
 */
import type { Clock } from '../base/clock.js'
import { DriveError, errorText } from '../base/errors.js'
import type { Log } from '../base/log.js'
import type { Random } from '../base/random.js'
import type { Plan } from './account.js'
import { act } from './acts.js'
import { Calls } from './calls.js'
import { BlobGrants } from './blob-grants.js'
import type { Desk } from './desk.js'
import { Faults } from './faults.js'
import type { HookParts } from './hooks.js'
import { Hosts } from './hosts.js'
import { LeakyBucket, type RateLimit } from './leaky-bucket.js'
import { OAuthServer } from './oauth-server.js'
import { Operating } from './operating.js'
import { PortalTime } from './portal-time.js'
import { Presenter } from './present.js'
import { Requests } from './requests.js'
import { RestServer, type BodyLimits } from './rest-server.js'
import { OWNER_STORAGE_ID } from './seeds/seed.js'
import { SignedLinks } from './signed-links.js'
import { openState } from './state.js'
import { TrashKeeper } from './trash-keeper.js'
import { changeTraits, DEFAULT_TRAITS, type Traits } from './traits.js'

export interface PortalSetup {
  readonly dir: string
  readonly isLasting: boolean
  readonly seed: string
  readonly plan: Plan
  readonly latencyMs: number
  readonly traits: Partial<Traits>
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly address: () => string
}

export interface PortalParts {
  readonly desk: Desk
  readonly rest: RestServer
  readonly oauth: OAuthServer
  readonly hookParts: HookParts
  readonly ownerStorageId: number
  close(): Promise<void>
}

/** 4.1: the burst and the drain of each plan; self-hosted has no bucket. */
const RATE_LIMITS: Readonly<Record<Plan, RateLimit | undefined>> = {
  basic: { burst: 50, perSecond: 2 },
  enterprise: { burst: 250, perSecond: 5 },
  'self-hosted': undefined,
}
/** 4.3: 2 GB in the cloud; a self-hosted server has its own limits, here none until a test sets them. */
const CLOUD_BODY: BodyLimits = { clientMaxBytes: 2 ** 31, postMaxBytes: 2 ** 31 }
const BODY_LIMITS: Readonly<Record<Plan, BodyLimits>> = {
  basic: CLOUD_BODY,
  enterprise: CLOUD_BODY,
  'self-hosted': { clientMaxBytes: Infinity, postMaxBytes: Infinity },
}
const OPERATING_SECONDS = 480 // the docs' example (4.2)
const REQUEST_SECONDS = 60 // 4.3, in the cloud

export async function buildPortal(setup: PortalSetup): Promise<PortalParts> {
  const { clock, random, log } = setup
  let traits = firstTraits(setup.traits)
  let quotaBytes: number | undefined
  const time = new PortalTime(clock, () => traits.zoneMinutes)
  const state = await openState({ dir: setup.dir, isLasting: setup.isLasting, seed: setup.seed, time, random, traits: () => traits })
  const { tree, rights, account, application, contents, sharings, attachments } = state
  const hosts = new Hosts(setup.address)
  const address = (): string => hosts.address()
  const links = new SignedLinks({ secret: state.secret, random })
  const presenter = new Presenter({ tree, time, links, address, traits: () => traits })
  const requests = new Requests(clock)
  const desk: Desk = {
    tree, rights, contents, time, random, account, links, presenter, sharings, attachments, hosts, address,
    blobs: new BlobGrants(random),
    quotaBytes: () => quotaBytes,
    traits: () => traits,
    countUp: (bytes) => {
      requests.countUp(bytes)
    },
  }
  const faults = new Faults()
  const trash = new TrashKeeper(desk)
  const bucket = new LeakyBucket(clock, RATE_LIMITS[setup.plan])
  const operating = new Operating(setup.plan === 'self-hosted' ? undefined : OPERATING_SECONDS)
  const calls = new Calls({
    desk,
    operating,
    faults,
    counted: (method) => {
      requests.countMethod(method)
    },
  })
  const oauth = new OAuthServer({ application, faults, requests, clock, traits: () => traits, address })
  const rest = new RestServer({ desk, application, trash, calls, faults, bucket, requests, clock, log, latencyMs: setup.latencyMs, bodyLimits: BODY_LIMITS[setup.plan], requestSeconds: setup.plan === 'self-hosted' ? undefined : REQUEST_SECONDS })
  const hookParts: HookParts = {
    desk,
    application,
    rest,
    requests,
    faults,
    bucket,
    operating,
    trash,
    setTraits: (changes) => {
      traits = changeTraits(traits, changes)
      tree.forgetNames()
    },
    setQuota: (bytes) => {
      quotaBytes = bytes
    },
    setClockOffset: (offsetMs) => {
      time.offsetMs = offsetMs
    },
    act: (order) => act(desk, order),
  }
  return { desk, rest, oauth, hookParts, ownerStorageId: OWNER_STORAGE_ID, close: () => state.close() }
}

function firstTraits(changes: Partial<Traits>): Traits {
  try {
    return changeTraits(DEFAULT_TRAITS, changes)
  } catch (error) {
    throw new DriveError('usage', errorText(error), { cause: error })
  }
}
