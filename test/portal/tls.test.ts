// The portal over TLS: only who trusts its certificate may speak with it, and the certificate outlives a restart.
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { Agent } from 'node:https'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import fetch from 'node-fetch'
import t from 'tap'
import { startPortal } from '../../src/portal/portal.js'

await t.test('speaks TLS alone, with a certificate that has to be trusted, and closed to other users', async (t) => {
  const portal = await startPortal({ tls: true })
  t.teardown(() => portal.close())
  const path = portal.certificatePath ?? ''
  t.match(portal.webhook, /^https:\/\/127\.0\.0\.1:\d+\/rest\/1\/[a-z0-9]+\/$/u)
  await t.rejects(fetch(`${portal.webhook}profile`), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' })
  const trusting = new Agent({ ca: await readFile(path) })
  t.equal((await fetch(`${portal.webhook}profile`, { agent: trusting })).status, 200)
  await t.rejects(fetch(`${portal.webhook.replace('https', 'http')}profile`), { code: 'ECONNRESET' })
  t.equal((await stat(join(dirname(path), 'key.pem'))).mode & 0o777, 0o600)
  const answer = (await (await fetch(`${portal.webhook}disk.storage.getlist`, { agent: trusting })).json()) as { result: readonly { DETAIL_URL?: string }[] }
  t.ok(answer.result.length > 0)
})

await t.test('the certificate is kept with the data, and made anew for another name', async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'elastic-tls-'))
  t.teardown(() => rm(dataDir, { recursive: true, force: true }))
  const certificateOf = async (host?: string): Promise<string> => {
    const portal = await startPortal({ tls: true, dataDir, ...(host === undefined ? {} : { host }) })
    try {
      return await readFile(portal.certificatePath ?? '', 'utf8')
    } finally {
      await portal.close()
    }
  }
  const first = await certificateOf()
  t.equal(await certificateOf(), first)
  const named = await certificateOf('portal.example')
  t.not(named, first)
  t.equal(await certificateOf('portal.example'), named)
  t.equal(await certificateOf(), named, 'which serves loopback too')
})

await t.test('without TLS there is no certificate', async (t) => {
  const portal = await startPortal()
  t.teardown(() => portal.close())
  t.equal(portal.certificatePath, undefined)
})
