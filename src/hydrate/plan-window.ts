/**
 * Which bytes to ask for when a reader meets a gap: pure. Small files and portals without ranges: the whole gap. Large
 * files: a window that grows while the reader stays sequential, so that a first look moves little and a long read
 * costs few requests (bitrix24-rest.md 8.2 rule 6). Never bytes that are here or on their way.
 */
import type { ByteRange, ByteRanges } from '../base/byte-ranges.js'

export const WHOLE_FILE_BYTES = 8 * 1024 * 1024 // up to here a second request costs more than the bytes
export const FIRST_WINDOW_BYTES = 2 * 1024 * 1024 // covers what the kernel reads ahead for a first look
const GROWTH = 4 // at 1 Gbit/s and 50 ms the third window is asked for before the second has come
const LARGEST_WINDOW_BYTES = 256 * 1024 * 1024
/** The kernel reads ahead in parallel and out of order: a gap that begins this little before is the same run. */
const SAME_RUN_BYTES = 1024 * 1024

export interface WindowRequest {
  readonly sizeBytes: number
  /** What is here. */
  readonly present: ByteRanges
  /** What streams under way will still bring. */
  readonly claimed: ByteRanges
  /** What a reader waits for. */
  readonly need: ByteRange
  /** Windows of before, latest last. */
  readonly earlier: readonly ByteRange[]
  /** Somebody wants all of the file, or ranges are not served. */
  readonly whole: boolean
}

/** The window to fetch, undefined when everything needed is here or claimed. */
export function planWindow(request: WindowRequest): ByteRange | undefined {
  const { sizeBytes, present, claimed, need, earlier } = request
  const free = claimed.ranges.reduce((left, range) => left.remove(range), withoutPresent(present, sizeBytes))
  const gap = free.ranges.find((range) => range.end > need.start && range.start < need.end)
  if (gap === undefined) return undefined
  const wanted = Math.max(gap.start, need.start)
  if (request.whole || sizeBytes <= WHOLE_FILE_BYTES) return gap
  const start = wanted - gap.start <= SAME_RUN_BYTES ? gap.start : wanted
  const windowBytes = Math.max(windowAfter(earlier, start), Math.min(need.end, gap.end) - start)
  const end = start + windowBytes
  // A crumb left behind would cost a request of its own.
  return { start, end: end + FIRST_WINDOW_BYTES / 2 >= gap.end ? gap.end : end }
}

/** The window to read ahead once a reader has come past the middle of one it waited for. */
export function planReadAhead(request: Omit<WindowRequest, 'need' | 'whole'> & { readonly readTo: number }): ByteRange | undefined {
  const current = request.earlier.findLast(({ start, end }) => start < request.readTo && request.readTo <= end)
  if (current === undefined || current.end >= request.sizeBytes) return undefined
  if (request.readTo - current.start < (current.end - current.start) / 2) return undefined
  return planWindow({ ...request, need: { start: current.end, end: current.end + 1 }, whole: false })
}

function windowAfter(earlier: readonly ByteRange[], start: number): number {
  const before = earlier.findLast((window) => window.end <= start && start - window.end <= SAME_RUN_BYTES)
  return before === undefined ? FIRST_WINDOW_BYTES : Math.min(Math.max(before.end - before.start, FIRST_WINDOW_BYTES) * GROWTH, LARGEST_WINDOW_BYTES)
}

function withoutPresent(present: ByteRanges, sizeBytes: number): ByteRanges {
  const all = present.remove({ start: 0, end: Number.MAX_SAFE_INTEGER }).add({ start: 0, end: sizeBytes })
  return present.ranges.reduce((left, range) => left.remove(range), all)
}
