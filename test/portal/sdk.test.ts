// The vendor's SDK against the portal over TLS, in a process that trusts the portal's certificate (acceptance: the portal is judged by somebody else's client).
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { startPortal } from '../../src/portal/portal.js'

t.setTimeout(120_000)

await t.test('the official SDK works with the portal over TLS', async (t) => {
  const portal = await startPortal({ tls: true })
  t.teardown(() => portal.close())
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: portal.certificatePath, PORTAL_WEBHOOK: portal.webhook, PORTAL_HOOKS: portal.hooks, PORTAL_STORAGE: portal.storageId }
  await t.spawn(process.execPath, ['--enable-source-maps', fileURLToPath(new URL('sdk-cases.js', import.meta.url))], { env })
})
