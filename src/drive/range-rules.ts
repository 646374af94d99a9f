/**
 * What to ask for and what to make of the answer when bytes are fetched (bitrix24-rest.md 8.2, rules 1–4). Portals serve
 * ranges well, with quirks, or not at all while saying they do; only an exact `Content-Range` is believed. Pure.
 */
import type { ByteRange } from '../base/byte-ranges.js'

/** What goes over the wire for a wanted range; `header` undefined asks for the whole file. */
export interface RangeQuestion {
  readonly header: string | undefined
  readonly asked: ByteRange
}

export type RangeVerdict =
  /** The body is exactly `carries`; `ranged` tells whether the portal served a range. */
  | { readonly verdict: 'take'; readonly carries: ByteRange; readonly ranged: boolean }
  /** Not the file and not the range: ask again for the whole. */
  | { readonly verdict: 'ask-whole' }
  /** Not what the file should be now: it may have changed. */
  | { readonly verdict: 'mismatch' }

/** `bytes=a-b` with 0 ≤ a ≤ b ≤ size−1 and b > 0: never a suffix, never past the end, never `0-0` (rule 1). */
export function rangeQuestion(wanted: ByteRange | undefined, sizeBytes: number, servesRanges: boolean): RangeQuestion {
  const whole = { start: 0, end: sizeBytes }
  if (wanted === undefined || !servesRanges || (wanted.start === 0 && wanted.end >= sizeBytes)) return { header: undefined, asked: whole }
  // One byte at the start would be `0-0`, which some portals answer with the whole file: ask for two.
  const end = wanted.end === 1 ? Math.min(2, sizeBytes) : wanted.end
  if (wanted.start === 0 && end >= sizeBytes) return { header: undefined, asked: whole }
  return { header: `bytes=${wanted.start}-${end - 1}`, asked: { start: wanted.start, end } }
}

export interface RangeAnswer {
  readonly status: number
  readonly contentRange: string | undefined
  readonly contentLength: string | undefined
}

export function judgeRange({ header, asked }: RangeQuestion, sizeBytes: number, answer: RangeAnswer): RangeVerdict {
  const length = answer.contentLength === undefined ? undefined : Number(answer.contentLength)
  const whole = { start: 0, end: sizeBytes }
  if (header !== undefined && answer.status === 206) {
    if (answer.contentRange === `bytes ${asked.start}-${asked.end - 1}/${sizeBytes}`) {
      return length === undefined || length === asked.end - asked.start ? { verdict: 'take', carries: asked, ranged: true } : { verdict: 'mismatch' }
    }
    // The portal knows ranges and another size: the file has changed.
    if (answer.contentRange?.startsWith(`bytes ${asked.start}-`) === true) return { verdict: 'mismatch' }
  }
  if (length === undefined || length === sizeBytes) return { verdict: 'take', carries: whole, ranged: false }
  // A 206 without its Content-Range: the length is the range's and the bytes are the file's first (way C).
  if (header !== undefined && answer.status === 206) return { verdict: 'ask-whole' }
  return { verdict: 'mismatch' }
}
