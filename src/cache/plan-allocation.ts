/** What fallocate(2) asks of a content: pure. Holes read as zeros already, so only written parts need explicit zeros. */
import type { ByteRange, ByteRanges } from '../base/byte-ranges.js'
import { DriveError } from '../base/errors.js'

// linux/falloc.h
const KEEP_SIZE = 0x01
const PUNCH_HOLE = 0x02
const ZERO_RANGE = 0x10

export interface AllocationPlan {
  /** Parts to overwrite with zeros. */
  readonly zero: readonly ByteRange[]
  /** The size afterwards, never smaller than before. */
  readonly sizeBytes: number
  /** What the caller wants room for. */
  readonly roomBytes: number
}

/** `invalid` for a range that is none, `unsupported` for a mode we do not have. */
export function planAllocation(request: { offset: number; lengthBytes: number; mode: number; sizeBytes: number; written: ByteRanges }): AllocationPlan {
  const { offset, lengthBytes, mode, sizeBytes, written } = request
  if (offset < 0 || lengthBytes <= 0) throw new DriveError('invalid', 'an allocation needs an offset and a length')
  const end = offset + lengthBytes
  const grown = (mode & KEEP_SIZE) === 0 ? Math.max(sizeBytes, end) : sizeBytes
  switch (mode) {
    case 0:
    case KEEP_SIZE:
      return { zero: [], sizeBytes: grown, roomBytes: missingBytes(written, { start: offset, end }) }
    case PUNCH_HOLE | KEEP_SIZE:
    case ZERO_RANGE:
    case ZERO_RANGE | KEEP_SIZE:
      return { zero: writtenParts(written, { start: offset, end: Math.min(end, sizeBytes) }), sizeBytes: grown, roomBytes: 0 }
    default:
      throw new DriveError('unsupported', 'this kind of allocation is not supported')
  }
}

function missingBytes(written: ByteRanges, range: ByteRange): number {
  return written.missing(range).reduce((sum, { start, end }) => sum + end - start, 0)
}

function writtenParts(written: ByteRanges, range: ByteRange): readonly ByteRange[] {
  return written.remove({ start: 0, end: range.start }).remove({ start: Math.max(range.start, range.end), end: Number.MAX_SAFE_INTEGER }).ranges
}
