import fc from 'fast-check'
import t from 'tap'
import { createLog } from '../../src/base/log.js'
import { redact } from '../../src/base/redact.js'

const SECRET = 's3cr3tc0de12345'

await t.test('a secret is gone from every text that the portal and the client put it into (bitrix24-rest.md 1.1, 1.2, 1.4)', (t) => {
  const texts = [
    `https://a.bitrix24.com/rest/1/${SECRET}/disk.file.get.json?id=4`,
    `https://a.bitrix24.com/rest/1/${SECRET}/`,
    `https://a.bitrix24.com/rest/1/${SECRET}`,
    `https://a.bitrix24.com/rest/login/${SECRET}/disk.file.get`,
    `{"DOWNLOAD_URL":"https:\\/\\/a.bitrix24.com\\/rest\\/1\\/${SECRET}\\/download\\/?token=disk"}`,
    JSON.stringify({ body: `{"uploadUrl":"https:\\/\\/a.bitrix24.com\\/rest\\/1\\/${SECRET}\\/upload"}` }),
    `https://proxy.example/?url=https%3A%2F%2Fa.bitrix24.com%2Frest%2F1%2F${SECRET}%2Fdownload`,
    `https://a.bitrix24.com/rest/download.json?auth=${SECRET}&id=4`,
    `https://a.bitrix24.com/rest/download.json?auth=x&token=disk%7C${SECRET}%7Cabc`,
    `auth%3D${SECRET}`,
    `auth[auth]=${SECRET}&x=1`,
    `auth[access_token]=${SECRET}`,
    `auth%5Baccess_token%5D=${SECRET}`,
    `{"access_token":"${SECRET}","expires_in":3600}`,
    `{"refresh_token" : "${SECRET}"}`,
    `{"clientSecret":"${SECRET}","accessToken":"${SECRET}","refreshToken":"${SECRET}"}`,
    JSON.stringify({ body: JSON.stringify({ access_token: SECRET }) }),
    `https://oauth.bitrix24.tech/oauth/token/?grant_type=authorization_code&client_secret=${SECRET}&code=x`,
    `https://127.0.0.1/callback?code=${SECRET}&state=1`,
    `Authorization: Bearer ${SECRET}`,
    `HTTPS_PROXY=http://user:${SECRET}@proxy.example:3128/`,
  ]
  for (const text of texts) t.notMatch(redact(text), SECRET, text)
  t.end()
})

await t.test('what is no secret stays readable', (t) => {
  const texts = [
    '{"level":50,"code":"not-found","msg":"a turn of the service failed"}',
    '{"CODE":"FOR_UPLOADED_FILES","NAME":"Uploaded files"}',
    'https://a.bitrix24.com/rest/disk.file.get.json?id=4',
    'https://a.bitrix24.com/company/personal/user/1/disk/path/',
    'exit code 4',
  ]
  for (const text of texts) t.equal(redact(text), text)
  t.end()
})

await t.test('the method and the parameters of a redacted URL can still be read', (t) => {
  t.equal(redact(`https://a.bitrix24.com/rest/1/${SECRET}/disk.file.get.json?id=4`), 'https://a.bitrix24.com/rest/1/***/disk.file.get.json?id=4')
  t.end()
})

await t.test('redacting twice is redacting once', (t) => {
  const part = fc.constantFrom('/rest/1/', SECRET, '/', 'auth=', '"token":"', '"', '&', '%2F', 'Bearer ', '://u:', '@', '\\/', 'code=', '?', ' ')
  fc.assert(
    fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
      const once = redact(parts.join(''))
      t.equal(redact(once), once)
    }),
    { numRuns: 5_000, seed: 7 },
  )
  t.end()
})

await t.test('a log line is redacted wherever its fields hold the secret, and keeps its error code', (t) => {
  const lines: string[] = []
  const log = createLog('debug', { write: (line) => lines.push(line) })
  const url = `https://a.bitrix24.com/rest/1/${SECRET}/profile`
  log.error({ code: 'not-found', url, nested: { error: new Error(url) } }, `failed: ${url}`)
  log.child({ url }).info({}, 'again')
  t.notMatch(lines.join(''), SECRET)
  t.match(JSON.parse(lines[0]!), { code: 'not-found' })
  t.end()
})
