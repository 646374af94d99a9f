/** Whether two contents are the same bytes: the portal tells no digest, so equal sizes are read and compared (C8, C22). */
import { createHash } from 'node:crypto'
import type { Snapshot } from '../cache/content-snapshot.js'
import type { RemoteFile } from '../drive/drive.js'
import { callOf, type Sending } from './sending.js'

/** SHA-256 of what the portal has, lower-case hexadecimal. */
export async function remoteDigest(sending: Sending, file: RemoteFile, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256')
  if (file.sizeBytes > 0) {
    const download = await sending.drive.download(file, undefined, callOf(signal))
    for await (const piece of download.body) hash.update(piece)
  }
  return hash.digest('hex')
}

export async function sameBytes(sending: Sending, snapshot: Snapshot, file: RemoteFile, signal: AbortSignal): Promise<boolean> {
  if (snapshot.sizeBytes !== file.sizeBytes) return false
  return file.sizeBytes === 0 || (await snapshot.digest()) === (await remoteDigest(sending, file, signal))
}
