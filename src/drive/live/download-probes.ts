/** Probes of how bytes come down: ranges, validators, agents. */
import type { Probe } from './probe.js'
import { textOf, type Scratch } from './scratch.js'

const SIZE_BYTES = 64

export const DOWNLOAD_PROBES: readonly Probe[] = [
  {
    trait: 'rangeMode',
    item: 'E-52',
    about: 'ranges of downloads: A served by nginx, B by PHP, C announced and not served, D ignored',
    run: async (scratch) => {
      const id = await bytesFile(scratch)
      const part = await scratch.download(id, { Range: 'bytes=2-5' })
      if (part.status === 200) return 'D'
      if (part.status !== 206) return undefined
      const range = part.header('content-range')
      if (range === undefined) return 'C'
      if (range !== `bytes 2-5/${SIZE_BYTES}`) return undefined
      // The first byte alone is a range to nginx, and the whole file to PHP's own parser.
      const first = await scratch.download(id, { Range: 'bytes=0-0' })
      return first.status === 206 && first.header('content-range') === `bytes 0-0/${SIZE_BYTES}` ? 'A' : 'B'
    },
  },
  {
    trait: 'downloadValidators',
    item: 'E-53',
    about: 'downloads carry ETag or Last-Modified',
    run: async (scratch) => {
      const { header } = await scratch.download(await bytesFile(scratch), {})
      const tag = header('etag')
      if (tag?.startsWith('W/') === true) return 'weak'
      return tag === undefined && header('last-modified') === undefined ? 'none' : 'strong'
    },
  },
  {
    trait: 'emptyAgentDownload',
    item: 'E-57',
    about: 'a download without a User-Agent',
    run: async (scratch) => {
      const id = await bytesFile(scratch)
      const refusal = await scratch.refusal(scratch.download(id, { 'User-Agent': '' }))
      if (refusal === undefined) return 'served'
      return refusal.status === 404 ? 'nginx-404' : undefined
    },
  },
]

async function bytesFile(scratch: Scratch): Promise<string> {
  return textOf(await scratch.file(Buffer.alloc(SIZE_BYTES, 7), '.bin'), 'ID')
}
