/** INIT: what the kernel offers, what is taken of it, and the reply. Pure. */
import { DriveError } from '../base/errors.js'
import type { EngineFeature } from './engine-features.js'
import type { ReplyWriter } from './reply-writer.js'
import { INIT, INIT_SECOND, MAX_PAGES, MAX_WRITE_BYTES, OLDEST_MINOR, PROTOCOL_MAJOR, PROTOCOL_MINOR } from './wire-layout.js'
import type { WireReader } from './wire-reader.js'

export interface KernelOffer {
  readonly major: number
  readonly minor: number
  readonly maxReadaheadBytes: number
  readonly flags: number
  readonly secondFlags: number
}

export interface Agreement {
  readonly minor: number
  readonly maxReadaheadBytes: number
  readonly flags: number
  readonly secondFlags: number
  /** INVAL_ENTRY may ask for a fresh lookup instead of dropping the dentry (Linux 6.2). */
  readonly expireOnly: boolean
  /** Files may be given to the kernel, if it lets this process (Linux 6.9). */
  readonly passthrough: boolean
}

const WANTED =
  INIT.asyncRead |
  INIT.atomicTruncate |
  INIT.bigWrites |
  // Always, not "automatically": then the kernel takes attributes with the first names only, and asks for each other one.
  INIT.readdirPlus |
  INIT.asyncDirectIo |
  INIT.parallelDirectoryOperations |
  INIT.abortError |
  INIT.maxPages |
  INIT.cacheSymlinks |
  // Without it every write(2) asks for security.capability first.
  INIT.handleKillPrivilegesV2
const WANTED_SECOND = INIT_SECOND.directIoAllowsMmap | INIT_SECOND.passthrough
// The files given to the kernel lie on a file system that is not stacked on another one.
const PASSTHROUGH_STACK_DEPTH = 1

type FlagsOfFeature = Readonly<Partial<Record<EngineFeature, number>>>

const FLAGS_OF_FEATURE: FlagsOfFeature = {
  readdirplus: INIT.readdirPlus,
}
const SECOND_FLAGS_OF_FEATURE: FlagsOfFeature = {
  passthrough: INIT_SECOND.passthrough,
}

export const MAX_READAHEAD_BYTES = 1 << 20
// A read that waits for the network is a background request to the kernel: with its default of 12, fourteen of them
// froze every other file (fuse-engine.md fact 3). For an ordinary user the kernel lowers this to its own limit.
const MAX_BACKGROUND = 16_384
// From here on the kernel leaves out readahead that nobody asked for; reads that somebody waits for go on.
const CONGESTION_THRESHOLD = 1024

/** fuse_init_in: major, minor, max_readahead, flags, flags2, unused[11]; before 7.36 it ends after flags. */
export function decodeInit(args: WireReader): KernelOffer {
  const [major, minor] = [args.u32(), args.u32()]
  const maxReadaheadBytes = args.remaining >= 4 ? args.u32() : 0
  const flags = args.remaining >= 4 ? args.u32() : 0
  const hasSecond = (flags & INIT.extended) !== 0 && args.remaining >= 4
  return { major, minor, maxReadaheadBytes, flags, secondFlags: hasSecond ? args.u32() : 0 }
}

/** Undefined: a newer major; the kernel asks again with ours. Fails with `mount-failed` on a kernel that is too old. */
export function negotiate(offer: KernelOffer, without: readonly EngineFeature[] = []): Agreement | undefined {
  if (offer.major > PROTOCOL_MAJOR) return undefined
  if (offer.major < PROTOCOL_MAJOR || offer.minor < OLDEST_MINOR) {
    throw new DriveError('mount-failed', `The kernel speaks FUSE ${offer.major}.${offer.minor}; Linux 5.10 or newer is needed.`)
  }
  const extended = offer.flags & INIT.extended
  const unwanted = (flagsOf: FlagsOfFeature): number => without.reduce((flags, feature) => flags | (flagsOf[feature] ?? 0), 0)
  const secondFlags = offer.secondFlags & WANTED_SECOND & ~unwanted(SECOND_FLAGS_OF_FEATURE)
  return {
    minor: Math.min(offer.minor, PROTOCOL_MINOR),
    maxReadaheadBytes: Math.min(offer.maxReadaheadBytes, MAX_READAHEAD_BYTES),
    flags: (offer.flags & WANTED & ~unwanted(FLAGS_OF_FEATURE)) | extended,
    secondFlags,
    expireOnly: (offer.secondFlags & INIT_SECOND.expireOnly) !== 0 && !without.includes('expire-only'),
    passthrough: (secondFlags & INIT_SECOND.passthrough) !== 0,
  }
}

/**
 * fuse_init_out: major, minor, max_readahead, flags, u16 max_background, u16 congestion_threshold, max_write, time_gran,
 * u16 max_pages, u16 map_alignment, flags2, max_stack_depth, request_timeout and unused (24 bytes).
 */
export function encodeInit(reply: ReplyWriter, agreement: Agreement | undefined): void {
  reply.u32(PROTOCOL_MAJOR)
  reply.u32(agreement?.minor ?? PROTOCOL_MINOR)
  reply.u32(agreement?.maxReadaheadBytes ?? 0)
  reply.u32(agreement?.flags ?? 0)
  reply.u16(MAX_BACKGROUND)
  reply.u16(CONGESTION_THRESHOLD)
  reply.u32(MAX_WRITE_BYTES)
  reply.u32(1)
  reply.u16(MAX_PAGES)
  reply.u16(0)
  reply.u32(agreement?.secondFlags ?? 0)
  reply.u32(agreement?.passthrough === true ? PASSTHROUGH_STACK_DEPTH : 0)
  reply.zeros(24)
}
