/** What a person may paste, where the secret may go, and that it is never shown. */
import { inspect } from 'node:util'
import t from 'tap'
import { DriveError } from '../../src/base/errors.js'
import { safeUrl } from '../../src/rest/redirects.js'
import { mayCarrySecret } from '../../src/rest/safe-host.js'
import { Webhook } from '../../src/rest/webhook.js'

const SECRET = 'a1b2c3d4e5f6'

t.test('a webhook is read with and without scheme, slash or method', (t) => {
  for (const text of [
    `https://acme.bitrix24.com/rest/7/${SECRET}/`,
    `https://acme.bitrix24.com/rest/7/${SECRET}`,
    `  https://acme.bitrix24.com/rest/7/${SECRET}/profile.json\n`,
    `https://ACME.bitrix24.com/rest/7/${SECRET}/disk.file.get/?id=1`,
    `acme.bitrix24.com/rest/7/${SECRET}/`,
  ]) {
    const webhook = Webhook.parse(text)
    t.equal(webhook.origin, 'https://acme.bitrix24.com')
    t.equal(webhook.userId, '7')
    t.equal(webhook.methodUrl('profile'), `https://acme.bitrix24.com/rest/7/${SECRET}/profile`)
    t.equal(webhook.reveal(), `https://acme.bitrix24.com/rest/7/${SECRET}/`)
  }
  t.end()
})

t.test('http is taken on loopback only, and what is no webhook is refused in clear words', (t) => {
  t.equal(Webhook.parse(`http://127.0.0.1:8080/rest/1/${SECRET}/`).host, '127.0.0.1:8080')
  t.equal(Webhook.parse(`http://localhost:8080/rest/1/${SECRET}/`).host, 'localhost:8080')
  t.equal(Webhook.parse(`http://[::1]:8080/rest/1/${SECRET}/`).host, '[::1]:8080')
  for (const text of ['', 'nonsense', `http://acme.bitrix24.com/rest/7/${SECRET}/`, `http://127.0.0.1.evil.example/rest/7/${SECRET}/`, 'https://acme.bitrix24.com/', 'https://acme.bitrix24.com/rest/7/', `ftp://acme.bitrix24.com/rest/7/${SECRET}/`, `https://u:p@acme.bitrix24.com/rest/7/${SECRET}/`]) {
    try {
      Webhook.parse(text)
      t.fail(`took ${text}`)
    } catch (error) {
      t.ok(error instanceof DriveError && error.code === 'usage', text)
      t.notOk(inspect(error).includes(SECRET), 'without the secret')
    }
  }
  t.end()
})

t.test('a webhook shows its secret in no form but the one for storing', (t) => {
  const webhook = Webhook.parse(`https://acme.bitrix24.com/rest/7/${SECRET}/`)
  for (const shown of [inspect(webhook), inspect({ webhook }, { depth: 9, showHidden: true }), JSON.stringify({ webhook }), String(webhook)]) {
    t.notOk(shown.includes(SECRET), shown)
    t.ok(shown.includes('acme.bitrix24.com'))
  }
  t.equal(webhook.scrub(`see /rest/7/${SECRET}/profile`), 'see /rest/7/***/profile')
  t.end()
})

t.test('the secret follows a portal to another name of its domain, and nowhere else', (t) => {
  const cases: readonly (readonly [string, string, boolean])[] = [
    ['https://acme.bitrix24.com', 'https://acme.bitrix24.com', true],
    ['https://acme.bitrix24.com', 'https://new-acme.bitrix24.com', true],
    ['https://acme.bitrix24.com.br', 'https://new.bitrix24.com.br', true],
    ['https://acme.bitrix24.com', 'http://new-acme.bitrix24.com', false],
    ['https://acme.bitrix24.com', 'https://acme.bitrix24.ru', false],
    ['https://acme.bitrix24.com', 'https://evil.example', false],
    ['https://acme.bitrix24.com', 'https://bitrix24.com.evil.example', false],
    ['https://portal.co.uk', 'https://evil.co.uk', false],
    ['https://192.168.1.5', 'https://10.0.1.5', false],
    ['https://acme.bitrix24.com', 'http://127.0.0.1:80', false],
    ['http://127.0.0.1:1', 'http://localhost:2', true],
  ]
  for (const [from, to, allowed] of cases) t.equal(mayCarrySecret(new URL(from), new URL(to)), allowed, `${from} → ${to}`)
  t.end()
})

t.test('an address from the portal is used only where the secret may go', (t) => {
  const webhook = Webhook.parse(`https://acme.bitrix24.com/rest/7/${SECRET}/`)
  t.equal(safeUrl('https://acme.bitrix24.com/rest/7/x/download/?token=1', webhook).hostname, 'acme.bitrix24.com')
  t.equal(safeUrl('http://acme.bitrix24.com/rest/7/x/download/?token=1', webhook).protocol, 'https:')
  t.equal(safeUrl('/rest/7/x/download/', webhook).origin, 'https://acme.bitrix24.com')
  for (const address of ['https://evil.example/rest/7/x/', 'file:///etc/passwd', '', 'http://127.0.0.1/']) t.throws(() => safeUrl(address, webhook), { code: 'bad-answer' })
  t.end()
})
