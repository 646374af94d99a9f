/**
 * The certificate of a portal with TLS: signed by itself, for loopback and the name it was given, kept with the portal's other state so
 * that who trusts it once trusts it after a restart too.
 */
import { X509Certificate } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { generate } from 'selfsigned'
import { systemClock } from '../base/clock.js' // clients compare with the real time, whatever the portal's clock says
import { systemCode } from '../base/errors.js'

export interface Certificate {
  /** PEM, for who is to trust the portal: `NODE_EXTRA_CA_CERTS`, `curl --cacert`. */
  readonly path: string
  readonly cert: string
  readonly key: string
}

const LIFE_MS = 365 * 24 * 3_600_000
const RENEWED_BEFORE_MS = 7 * 24 * 3_600_000 // nobody's test is to meet the last day

/** Of the portal whose directory this is; made where there is none or it ends soon. */
export async function portalCertificate(dir: string, host: string): Promise<Certificate> {
  const folder = join(dir, 'tls')
  const path = join(folder, 'certificate.pem')
  const keyPath = join(folder, 'key.pem')
  const cert = await readIfThere(path)
  const key = await readIfThere(keyPath)
  if (cert !== undefined && key !== undefined && serves(new X509Certificate(cert), host)) return { path, cert, key }
  const made = await generate([{ name: 'commonName', value: 'elastic-drive portal' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    notBeforeDate: new Date(systemClock.nowMs() - 3_600_000), // clocks differ
    notAfterDate: new Date(systemClock.nowMs() + LIFE_MS),
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      { name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }, { type: 2, value: 'localhost' }, ...(isIP(host) === 0 ? [{ type: 2 as const, value: host }] : [])] },
    ],
  })
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await writeFile(keyPath, made.private, { mode: 0o600 })
  await writeFile(path, made.cert, { mode: 0o600 })
  return { path, cert: made.cert, key: made.private }
}

function serves(certificate: X509Certificate, host: string): boolean {
  const isNamed = isIP(host) === 0 ? certificate.checkHost(host) !== undefined : certificate.checkIP(host) !== undefined
  return isNamed && Date.parse(certificate.validTo) > systemClock.nowMs() + RENEWED_BEFORE_MS
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}
