import { once } from 'node:events'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { PassThrough } from 'node:stream'
import t, { type Test } from 'tap'
import { systemClock } from '../../src/base/clock.js'
import { signInByOAuth } from '../../src/cli/connect-oauth.js'
import type { Session } from '../../src/cli/session.js'
import { startPortal, type PortalOptions, type RunningPortal } from '../../src/portal/portal.js'
import { until } from '../mount/playground.js'
import { ask, Browser } from '../portal/oauth-browser.js'
import { connectByRedirect, followRedirect, keyFile, OAuthConnect } from './oauth-connect.js'
import { Home } from './run-program.js'

async function scene(t: Test, options: PortalOptions = {}): Promise<{ home: Home; portal: RunningPortal; browser: Browser }> {
  const [home, portal] = await Promise.all([Home.make(t), startPortal(options)])
  t.teardown(() => portal.close())
  return { home, portal, browser: new Browser(portal) }
}

const storedGrant = async (home: Home): Promise<Readonly<Record<string, string>>> => JSON.parse(await readFile(home.path('home', 'config', 'default', 'oauth.json'), 'utf8')) as Readonly<Record<string, string>>

await t.test('by redirect: the address is printed, the browser comes back, the profile is connected', async (t) => {
  const { home, browser } = await scene(t)
  const run = new OAuthConnect(home, browser, ['--application', await keyFile(home, browser), '--port', '0', '--folder', 'Drive'])
  const address = new URL(await run.address())
  t.equal(address.pathname, '/oauth/authorize/')
  t.match(address.searchParams.get('state'), /^[0-9a-f]{32}$/)
  const back = await run.sees(/sends you to (http:\S+)/u)
  t.equal(new URL(back).hostname, '127.0.0.1')
  for (const forged of ['?code=abcdefghij&state=wrong', '?code=abcdefghij', `?state=${address.searchParams.get('state') ?? ''}`, 'favicon.ico']) t.equal((await ask(`${back}${forged}`)).status, 400, forged)
  const page = await followRedirect(run, browser)
  t.match([page.status, page.text], [200, /close this page/])
  t.match(await run.finish(), { code: 0, stdout: /^Connected to 127\.0\.0\.1:\d+ as Ada Byron: .+\. Next: elastic-drive mount\n$/ })
  await t.rejects(ask(back), 'nothing listens any more')
  t.match(await home.run(['status', '--json']), { code: 0, json: { connection: 'offline', mounted: false } })
  t.match(await home.run(['doctor']), { stdout: /ok +application +accepted, belongs to Ada Byron/ })
  t.match(await home.run(['connect', '--dry-run']), { code: 2 }, 'a webhook is asked for as before')
})

await t.test('the browser is opened at the address, without the application\'s keys in its environment', async (t) => {
  const { home, browser } = await scene(t)
  const { clientId, clientSecret } = await browser.card()
  const opened = home.path('opened')
  await writeFile(home.path('xdg-open'), `#!/bin/sh\n{ echo "$1"; env; } > '${opened}.new'; mv '${opened}.new' '${opened}'\n`, { mode: 0o700 })
  Object.assign(home.env, { PATH: `${home.directory}:${process.env.PATH ?? ''}`, DISPLAY: ':7', ELASTIC_DRIVE_CLIENT_ID: clientId, ELASTIC_DRIVE_CLIENT_SECRET: clientSecret })
  const child = home.start(['connect', '--oauth', browser.url, '--oauth-server', browser.url, '--port', '0'])
  const ended = once(child, 'close')
  await until('the browser is opened', async () => (await readdir(home.directory)).includes('opened'))
  child.kill()
  await ended
  const told = await readFile(opened, 'utf8')
  t.match(told, /^http\S+\/oauth\/authorize\/\?client_id=/)
  t.match(told, /^DISPLAY=:7$/m)
  t.notOk(told.includes(clientSecret))
})

await t.test('while the redirect is waited for, the terminal is its own again: Ctrl-C ends it', async (t) => {
  const modes: boolean[] = []
  const stdin = Object.assign(new PassThrough(), { isTTY: true, setRawMode: (isRaw: boolean) => modes.push(isRaw) })
  let modeAtTheAddress: boolean | undefined
  const session = {
    terminal: { stdin, stderr: new PassThrough().resume(), env: {}, workingDirectory: '/' },
    output: { note: (text: string) => { if (text.includes('/oauth/authorize/')) modeAtTheAddress = modes.at(-1) } },
    clock: { ...systemClock, setTimer: (_delayMs: number, callback: () => void) => systemClock.setTimer(0, callback) },
  } as unknown as Session
  stdin.write('local.0123456789abcd.01234567\r0123456789abcdef\r')
  await t.rejects(signInByOAuth(session, { oauth: 'acme.bitrix24.com', browser: false, port: 0 }), { code: 'deadline' })
  t.equal(modes[0], true, 'what is typed is not shown')
  t.equal(modeAtTheAddress, false)
})

await t.test('by paste: id, secret and code come from standard input, the code alone or in its address', async (t) => {
  const { home, browser } = await scene(t)
  const { clientId, clientSecret } = await browser.card()
  const run = new OAuthConnect(home, browser, ['--paste', '--folder', 'Drive', '--json'])
  await run.sees(/Local application/)
  run.type(clientId)
  run.type(clientSecret)
  const page = await ask(await run.address())
  run.type(/<code>(\w+)<\/code>/.exec(page.text)?.[1] ?? '')
  t.match(await run.finish(), { code: 0, json: { portal: new URL(browser.url).host, user: { id: '1', name: 'Ada Byron' }, folder: home.path('Drive'), reconnected: false } })

  await browser.card({ redirectUri: 'https://example.org/paste' })
  const again = new OAuthConnect(home, browser, ['--paste', '--application', await keyFile(home, browser), '--json'])
  const { location } = await ask(await again.address())
  again.type(location?.href ?? '')
  t.match(await again.finish(), { code: 0, json: { reconnected: true } })
})

await t.test('what is pasted wrong is said: another attempt, no code, a code that is used up', async (t) => {
  const { home, browser } = await scene(t)
  const application = await keyFile(home, browser)
  const paste = async (line: string | undefined): Promise<unknown> => {
    const run = new OAuthConnect(home, browser, ['--paste', '--application', application, '--json'])
    await run.address()
    if (line !== undefined) run.type(line)
    return run.finish()
  }
  t.match(await paste('https://example.org/?code=abcdefghij&state=other'), { code: 2, json: { error: { code: 'usage', message: /another attempt/ } } })
  t.match(await paste('what?'), { code: 2, json: { error: { message: /not a code/ } } })
  t.match(await paste(undefined), { code: 2, json: { error: { message: /no code was given/ } } })
  const code = await browser.code()
  await browser.token({ grant_type: 'authorization_code', code })
  t.match(await paste(code), { code: 1, json: { error: { code: 'bad-credentials', message: /older than 30 seconds: connect again/ } } })
  t.match(await home.run(['status']), { code: 3 }, 'nothing is connected')
})

await t.test('keys come from the environment of the short process too, and wrong ones are named', async (t) => {
  const { home, browser } = await scene(t)
  const { clientId, clientSecret } = await browser.card()
  Object.assign(home.env, { ELASTIC_DRIVE_CLIENT_ID: clientId, ELASTIC_DRIVE_CLIENT_SECRET: clientSecret })
  const run = new OAuthConnect(home, browser, ['--port', '0', '--json'])
  await followRedirect(run, browser)
  t.match(await run.finish(), { code: 0 })
  Object.assign(home.env, { ELASTIC_DRIVE_CLIENT_SECRET: 'wrong-secret' })
  const wrong = new OAuthConnect(home, browser, ['--port', '0', '--json'])
  await followRedirect(wrong, browser)
  const { code, json, stderr, stdout } = await wrong.finish()
  t.match([code, json], [1, { error: { code: 'bad-credentials', message: /client_secret is not right/ } }])
  t.notMatch(stderr + stdout, 'wrong-secret')
  await writeFile(home.path('keys'), 'nothing', { mode: 0o644 })
  const unread = new OAuthConnect(home, browser, ['--port', '0', '--application', 'keys'])
  t.match(await unread.finish(), { code: 2, stderr: /chmod 600[^]*client_id is not valid/ })
})

await t.test('the secrets stand in one file of 0600 and nowhere else, and a webhook takes their place', async (t) => {
  const { home, portal, browser } = await scene(t)
  await connectByRedirect(home, browser, ['--folder', 'Drive'])
  await home.run(['doctor'])
  const { accessToken = '', refreshToken = '', clientSecret = '' } = await storedGrant(home)
  const holders = new Set<string>()
  for (const { parentPath, name } of (await readdir(home.path('home'), { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile())) {
    const bytes = await readFile(`${parentPath}/${name}`)
    if ([accessToken, refreshToken, clientSecret].some((secret) => bytes.includes(secret))) holders.add(name)
  }
  t.same([...holders], ['oauth.json'])
  t.equal((await stat(home.path('home', 'config', 'default', 'oauth.json'))).mode & 0o777, 0o600)
  t.match(await home.run(['connect', portal.webhook, '--json']), { code: 0, json: { reconnected: true } })
  t.same((await readdir(home.path('home', 'config', 'default'))).sort(), ['profile.json', 'webhook'])
  t.match(await home.run(['doctor']), { stdout: /ok +webhook +accepted/ })
  await connectByRedirect(home, browser, [])
  t.same((await readdir(home.path('home', 'config', 'default'))).sort(), ['oauth.json', 'profile.json'])
})

await t.test('1.4: where the Bearer header is not known, the token goes into the query', async (t) => {
  const { home, browser } = await scene(t, { traits: { bearerHeader: 'ignored' } })
  t.match(await connectByRedirect(home, browser, ['--folder', 'Drive']), { code: 0 })
  t.equal((await storedGrant(home)).way, 'query')
  t.match(await home.run(['doctor']), { stdout: /ok +application/ })
})

await t.test('1.5: nor does it matter how that refusal is spelled', async (t) => {
  const { home, browser, portal } = await scene(t)
  await fetch(`${portal.hooks}/faults`, { method: 'POST', body: JSON.stringify({ method: 'profile', kind: 'status', status: 401, error: 'no_auth_found' }) })
  t.match(await connectByRedirect(home, browser, ['--folder', 'Drive']), { code: 0 })
  t.equal((await storedGrant(home)).way, 'query')
})

await t.test('the same portal at another address is the same account, another user is not', async (t) => {
  const home = await Home.make(t)
  const dataDir = home.path('portal')
  const first = await startPortal({ dataDir })
  t.match(await connectByRedirect(home, new Browser(first), ['--folder', 'Drive']), { code: 0 })
  await first.close()
  const second = await startPortal({ dataDir })
  t.teardown(() => second.close())
  const browser = new Browser(second)
  t.match(await connectByRedirect(home, browser, ['--json']), { code: 0, json: { reconnected: true, portal: new URL(second.url).host, folder: home.path('Drive') } })
  t.equal((await storedGrant(home)).endpoint, `${second.url}/rest/`)
  await browser.card({ signedIn: 'colleague' })
  t.match(await connectByRedirect(home, browser, ['--json']), { code: 4, json: { error: { code: 'would-lose-data' } } })
  t.match(await home.run(['doctor']), { stdout: /belongs to Ada Byron/ }, 'what was there stays')
})

await t.test('each refusal of the portal is told in its own words', async (t) => {
  const { home, browser, portal } = await scene(t)
  await browser.card({ scopes: ['user_brief'] })
  t.match(await connectByRedirect(home, browser, ['--json']), { code: 1, json: { error: { code: 'missing-scope', message: /application lacks.*its card/ } } })
  await browser.card({ scopes: ['disk'], paid: false })
  t.match(await connectByRedirect(home, browser, ['--json']), { code: 1, json: { error: { code: 'no-rest-on-plan' } } })
  await browser.card({ paid: true })
  await fetch(`${portal.hooks}/account`, { method: 'POST', body: JSON.stringify({ restOnPlan: false }) })
  t.match(await connectByRedirect(home, browser, ['--json']), { code: 1, json: { error: { code: 'no-rest-on-plan', message: /does not include REST/ } } })
  t.match(await home.run(['status']), { code: 3 }, 'nothing is connected')
})

await t.test('a secret goes nowhere without https, and a webhook does not go with --oauth', async (t) => {
  const { home, browser } = await scene(t)
  const application = await keyFile(home, browser)
  const refused = async (words: readonly string[], message: RegExp): Promise<void> => {
    t.match(await home.run(['connect', '--no-browser', '--application', application, '--port', '0', ...words]), { code: 2, stderr: message })
  }
  await refused(['--oauth', 'http://acme.example'], /begins with https/)
  await refused(['--oauth', 'acme.example', '--oauth-server', 'http://oauth.example'], /must begin with https/)
  await refused(['--oauth', 'acme.example', '--oauth-server', browser.url], /must begin with https/)
  await refused(['--oauth', browser.url, '--oauth-server', 'http://oauth.example'], /must begin with https/)
  await refused(['--oauth', browser.url, `${browser.url}/rest/1/abcdefgh/`], /choose one/)
  const taken = new URL(browser.url).port
  t.match(await home.run(['connect', '--oauth', browser.url, '--application', application, '--port', taken]), { code: 1, stderr: /port \d+ of this computer is in use/ })
})
