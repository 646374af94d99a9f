/** Bodies that are in memory as a whole: of a request, and of an answer that is small enough. */
import { DriveError } from '../base/errors.js'
import type { Exchange, StreamedBody } from './transport.js'

export function wholeBody(contentType: string, text: string): StreamedBody {
  return { contentType, ...wholeSource(Buffer.from(text)) }
}

export function wholeSource(bytes: Uint8Array): Pick<StreamedBody, 'sizeBytes' | 'open'> {
  return {
    sizeBytes: bytes.byteLength,
    // eslint-disable-next-line @typescript-eslint/require-await -- a stream of one piece
    async *open() {
      yield bytes
    },
  }
}

/** The whole answer as text; `bad-answer` when it is larger. Throws TransportFailure when it breaks off. `whose`: `the portal`. */
export async function wholeText(exchange: Exchange, largestBytes: number, whose: string): Promise<string> {
  const pieces: Uint8Array[] = []
  let sizeBytes = 0
  for await (const piece of exchange.body) {
    sizeBytes += piece.byteLength
    if (sizeBytes > largestBytes) throw new DriveError('bad-answer', `${whose}'s answer is too large`)
    pieces.push(piece)
  }
  return Buffer.concat(pieces).toString('utf8')
}
