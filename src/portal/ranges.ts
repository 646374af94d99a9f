/**
 * How a download answers `Range` (E-52, bitrix24-rest.md 8.2): A nginx, B PHP's own parser with its quirks, C a bucket
 * proxied by PHP that says 206 and sends everything, D no ranges at all. Pure: header and size in, the shape of the answer
 * out. `declaredBytes` may differ from what is sent.
 */
import type { RangeMode } from './traits.js'

export interface BodyPlan {
  readonly status: 200 | 206 | 416
  /** Bytes to send: `start` up to but without `end`. */
  readonly start: number
  readonly end: number
  readonly declaredBytes: number
  readonly headers: Readonly<Record<string, string>>
}

export function planBody(mode: RangeMode, rangeHeader: string | undefined, sizeBytes: number): BodyPlan {
  switch (mode) {
    case 'A':
      return nginx(rangeHeader, sizeBytes)
    case 'B':
      return php(rangeHeader, sizeBytes)
    case 'C':
      return bucketProxy(rangeHeader, sizeBytes)
    case 'D':
      return whole(sizeBytes, {})
  }
}

function whole(sizeBytes: number, headers: Readonly<Record<string, string>>): BodyPlan {
  return { status: 200, start: 0, end: sizeBytes, declaredBytes: sizeBytes, headers }
}

/** Ends are clamped, suffixes served, several ranges answered by the first of them, what lies outside is 416. */
function nginx(rangeHeader: string | undefined, sizeBytes: number): BodyPlan {
  const accept = { 'Accept-Ranges': 'bytes' }
  const match = /^bytes=\s*(\d*)\s*-\s*(\d*)\s*(?:,|$)/.exec(rangeHeader ?? '')
  const [, first = '', last = ''] = match ?? []
  if (match === null || (first === '' && last === '')) return whole(sizeBytes, accept)
  const start = first === '' ? Math.max(0, sizeBytes - Number(last)) : Number(first)
  const end = first === '' || last === '' ? sizeBytes : Math.min(Number(last) + 1, sizeBytes)
  if (start >= end || start >= sizeBytes) {
    return { status: 416, start: 0, end: 0, declaredBytes: 0, headers: { ...accept, 'Content-Range': `bytes */${sizeBytes}` } }
  }
  return { status: 206, start, end, declaredBytes: end - start, headers: { ...accept, 'Content-Range': `bytes ${start}-${end - 1}/${sizeBytes}` } }
}

/** The quirks of PHP's parser, one by one. */
function php(rangeHeader: string | undefined, sizeBytes: number): BodyPlan {
  const accept = { 'Accept-Ranges': 'bytes' }
  const match = /=\s*(\d*)\s*-\s*(\d*)/.exec(rangeHeader ?? '')
  const [, first = '', last = ''] = match ?? []
  const range = (start: number, lastByte: number): Record<string, string> => ({ ...accept, 'Content-Range': `bytes ${start}-${lastByte}/${sizeBytes}` })
  if (match === null) return whole(sizeBytes, { ...accept, 'Content-Range': `bytes 0-${sizeBytes - 1}/${sizeBytes}` })
  const start = first === '' ? 0 : Number(first)
  let lastByte = last === '' ? sizeBytes - 1 : Number(last)
  // A suffix is taken for the file's beginning, and without the status of a range.
  if (first === '') return { status: 200, start: 0, end: Math.min(lastByte + 1, sizeBytes), declaredBytes: lastByte + 1, headers: range(0, lastByte) }
  // An end of 0 and a start behind the end mean the whole file.
  if (lastByte === 0 || start > lastByte) {
    lastByte = sizeBytes - 1
    return { status: 206, start: 0, end: sizeBytes, declaredBytes: sizeBytes, headers: range(0, lastByte) }
  }
  // An end beyond the file is not clamped: the length promised is too large.
  return { status: 206, start: Math.min(start, sizeBytes), end: Math.min(lastByte + 1, sizeBytes), declaredBytes: lastByte - start + 1, headers: range(start, lastByte) }
}

/** 206 with the length of the part, no Content-Range, and then the whole body. */
function bucketProxy(rangeHeader: string | undefined, sizeBytes: number): BodyPlan {
  const match = /^bytes=(\d+)-(\d*)/.exec(rangeHeader ?? '')
  if (match === null) return whole(sizeBytes, {})
  const start = Number(match[1])
  const end = match[2] === undefined || match[2] === '' ? sizeBytes : Math.min(Number(match[2]) + 1, sizeBytes)
  return { status: 206, start: 0, end: sizeBytes, declaredBytes: Math.max(0, end - start), headers: {} }
}
