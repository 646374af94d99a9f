/** Calls by tokens, against the embedded portal: renewal when a call is refused for it, once for everybody, and what cannot be renewed. */
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { inspect } from 'node:util'
import t, { type Test } from 'tap'
import { removeTree } from '../../scripts/checks/remove-tree.js'
import { systemClock, type Clock } from '../../src/base/clock.js'
import { DriveError } from '../../src/base/errors.js'
import { createLog } from '../../src/base/log.js'
import { seededRandom } from '../../src/base/random.js'
import { createDrive, type OpenDrive } from '../../src/drive/create-drive.js'
import type { GrantStore, OAuthGrant } from '../../src/rest/oauth-access.js'
import { bytesOf, textSource } from '../drive/portal-drive.js'
import { portalFor, type TestPortal } from '../portal/drive-client.js'
import { text } from '../portal/json.js'
import { Browser } from '../portal/oauth-browser.js'
import { asRemoteId } from '../../src/base/ids.js'

const person = { priority: 'interactive' } as const

interface Signed {
  readonly portal: TestPortal
  readonly browser: Browser
  readonly open: OpenDrive
  readonly store: MemoryStore
  readonly logged: string[]
  /** How often the authorization server was asked to refresh. */
  readonly refreshes: () => Promise<number>
}

/** Everything twenty times as fast, for pauses between looks. */
const quickClock: Clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() * 20, setTimer: (delayMs, callback) => systemClock.setTimer(delayMs / 20, callback) }

/** Keeps a grant in memory; may fail as a disk does. */
class MemoryStore implements GrantStore {
  stored: OAuthGrant
  failures = 0

  constructor(grant: OAuthGrant) {
    this.stored = grant
  }

  read(): Promise<OAuthGrant> {
    return Promise.resolve(this.stored)
  }

  async update(change: (stored: OAuthGrant) => Promise<OAuthGrant>): Promise<OAuthGrant> {
    const next = await change(this.stored)
    if (this.failures > 0) {
      this.failures -= 1
      throw new DriveError('disk-full', 'the disk is full')
    }
    this.stored = next
    return next
  }
}

async function grantOf(browser: Browser, way: OAuthGrant['way']): Promise<OAuthGrant> {
  const [{ clientId, clientSecret, memberId }, pair] = [await browser.card(), await browser.signIn()]
  return { server: browser.url, clientId, clientSecret, memberId, endpoint: text(pair.client_endpoint), accessToken: text(pair.access_token), refreshToken: text(pair.refresh_token), way }
}

async function signedIn(t: Test, options: { way?: OAuthGrant['way']; traits?: object; clock?: Clock } = {}): Promise<Signed> {
  const portal = await portalFor(t)
  await portal.hook('traits', options.traits ?? {})
  const browser = new Browser(portal.running)
  const store = new MemoryStore(await grantOf(browser, options.way ?? 'header'))
  const runtimeDirectory = await mkdtemp(join(tmpdir(), 'elastic-oauth-'))
  t.teardown(() => removeTree(runtimeDirectory))
  const logged: string[] = []
  const open = createDrive({
    grant: store.stored,
    grants: store,
    runtimeDirectory,
    clock: options.clock ?? systemClock,
    random: seededRandom(7),
    log: createLog('debug', { write: (line: string) => logged.push(line) }),
    stallDeadlineMs: () => 30_000,
    environment: {},
  })
  t.teardown(() => open.close())
  await portal.hook('requests', undefined, 'DELETE')
  const refreshes = async (): Promise<number> => ((await portal.hook('requests')) as unknown as { methods: Record<string, number> }).methods['oauth.token'] ?? 0
  return { portal, browser, open, store, logged, refreshes }
}

async function refusal(work: Promise<unknown>): Promise<DriveError> {
  return work.then(
    () => {
      throw new Error('should have been refused')
    },
    (error: unknown) => {
      if (error instanceof DriveError) return error
      throw error
    },
  )
}

for (const accessOutlivesRefresh of [true, false]) {
  await t.test(`100 calls with a token that ran out make one refresh${accessOutlivesRefresh ? '' : ', where it ends the old token too'}`, async (t) => {
    const { browser, open, store, refreshes } = await signedIn(t, { traits: { accessOutlivesRefresh } })
    await open.rest.setPlan({ capacity: 1_000, perSecond: 1_000 })
    const { accessToken: old } = store.stored
    await browser.card({ endAccess: true })
    const accounts = await Promise.all(Array.from({ length: 100 }, () => open.drive.account(person)))
    t.ok(accounts.every(({ userId }) => userId === '1'))
    t.equal(await refreshes(), 1)
    t.not(store.stored.accessToken, old)
    await browser.card({ endAccess: true })
    t.equal((await open.drive.account(person)).userId, '1', 'and the next one too')
    t.equal(await refreshes(), 2)
  })
}

await t.test('a token that works is not renewed, however old it is', async (t) => {
  const { open, refreshes } = await signedIn(t)
  for (let times = 0; times < 3; times += 1) await open.drive.account(person)
  t.equal(await refreshes(), 0)
})

await t.test('a new pair is stored before it is presented, and a pair that cannot be stored is not lost', async (t) => {
  const { portal, browser, open, store, refreshes } = await signedIn(t, { clock: quickClock })
  await browser.card({ endAccess: true })
  store.failures = 1
  const { accessToken: old } = store.stored
  t.match(await refusal(open.drive.account(person)), { code: 'disk-full' })
  t.equal(store.stored.accessToken, old)
  const { log } = (await portal.hook('requests')) as unknown as { log: readonly { method: string; status: number }[] }
  t.same(log.filter(({ method }) => method === 'profile').map(({ status }) => status), [401], 'the new token was not presented')
  await portal.hook('requests', undefined, 'DELETE')
  t.equal((await eventually(() => open.drive.account(person))).userId, '1')
  t.equal(await refreshes(), 0, 'the refresh token was spent: the pair in memory is the one')
  t.not(store.stored.accessToken, old)
})

await t.test('what another process stored meanwhile is taken, and nothing is refreshed', async (t) => {
  const { browser, open, store, refreshes } = await signedIn(t)
  const { json } = await browser.refresh(store.stored.refreshToken)
  const before = await refreshes()
  await browser.card({ endAccess: true })
  const { json: newest } = await browser.refresh(json.refresh_token)
  store.stored = { ...store.stored, accessToken: text(newest.access_token), refreshToken: text(newest.refresh_token) }
  t.equal((await open.drive.account(person)).userId, '1')
  t.equal(await refreshes(), before + 1, 'only the other process asked')
})

await t.test('a dead refresh token is asked for once, says to connect again, and a new grant in the store revives it', async (t) => {
  const { browser, open, store, refreshes, logged } = await signedIn(t)
  await browser.card({ endAccess: true, endRefresh: true })
  for (let times = 0; times < 5; times += 1) {
    const error = await refusal(open.drive.account(person))
    t.match(error, { code: 'bad-credentials', message: /connect again with "elastic-drive connect --oauth 127/ })
  }
  t.equal(await refreshes(), 1)
  t.match(open.rest.accountTrouble, { code: 'bad-credentials', text: /connect again/ })
  store.stored = await grantOf(browser, 'header')
  const { rootId } = await open.drive.ownStorage('1', person)
  t.equal(rootId, '31')
  t.equal(open.rest.accountTrouble, undefined)
  t.equal(open.rest.state().online, true)
  const { accessToken, refreshToken, clientSecret } = store.stored
  for (const secret of [accessToken, refreshToken, clientSecret]) t.notOk(logged.join('').includes(secret))
})

for (const [what, card, code, words] of [
  ['removed', { installed: false }, 'bad-credentials', /connect again/],
  ['not paid for', { paid: false }, 'no-rest-on-plan', /./],
] as const) {
  await t.test(`an application that was ${what} is told as that`, async (t) => {
    const { browser, open } = await signedIn(t)
    await browser.card(card)
    t.match(await refusal(open.drive.account(person)), { code, message: words })
    t.match(open.rest.accountTrouble, { code })
  })
}

await t.test('a new grant in the store is found also after a refusal that no renewal helps', async (t) => {
  const { browser, open, store, refreshes } = await signedIn(t)
  await browser.card({ installed: false })
  t.match(await refusal(open.drive.account(person)), { code: 'bad-credentials' })
  await browser.card({ installed: true })
  store.stored = await grantOf(browser, 'header')
  const before = await refreshes()
  t.equal((await open.drive.account(person)).userId, '1')
  t.equal(await refreshes(), before)
})

await t.test('an authorization server that is away is as a portal that is away, and costs no pair', async (t) => {
  const { portal, browser, open, refreshes } = await signedIn(t, { clock: quickClock })
  await browser.card({ endAccess: true })
  await portal.hook('faults', { method: 'oauth.token', kind: 'html', status: 502 })
  t.match(await refusal(open.drive.account(person)), { code: 'offline' })
  t.equal(open.rest.state().online, false)
  t.equal((await eventually(() => open.drive.account(person))).userId, '1')
  t.equal(open.rest.state().online, true)
  t.equal(await refreshes(), 2)
})

await t.test('a lost answer costs the pair: the refresh token is spent, and that is said', async (t) => {
  const { portal, browser, open } = await signedIn(t, { clock: quickClock })
  await browser.card({ endAccess: true })
  await portal.hook('faults', { method: 'oauth.token', kind: 'lost-answer' })
  t.match(await refusal(open.drive.account(person)), { code: 'offline' })
  await eventually(async () => {
    const { code } = await refusal(open.drive.account(person))
    if (code === 'offline') throw new DriveError('offline', 'not yet')
    t.equal(code, 'bad-credentials')
  })
})

await t.test('a portal that refuses what it has just given is not asked for ever', async (t) => {
  const { portal, open, refreshes } = await signedIn(t)
  await portal.hook('faults', { method: 'profile', kind: 'status', status: 401, error: 'expired_token', times: 100 })
  t.match(await refusal(open.drive.account(person)), { code: 'bad-credentials', message: /just given/ })
  t.equal(await refreshes(), 1)
})

await t.test('a token that was renewed and never used before the machine slept is renewed again', async (t) => {
  let sleptMs = 0
  const { portal, browser, open, refreshes } = await signedIn(t, { clock: { ...systemClock, nowMs: () => systemClock.nowMs() + sleptMs, monotonicMs: () => systemClock.monotonicMs() + Math.min(sleptMs, 120_000) } })
  await portal.hook('faults', { method: 'profile', kind: 'status', status: 401, error: 'expired_token' })
  await portal.hook('faults', { method: 'profile', kind: 'status', status: 400, error: 'ERROR_ARGUMENT' })
  t.match(await refusal(open.drive.account(person)), { code: 'bad-argument' })
  t.equal(await refreshes(), 1)
  await browser.card({ endAccess: true })
  sleptMs = 8 * 3_600_000 // and two minutes awake
  t.equal((await open.drive.account(person)).userId, '1')
  t.equal(await refreshes(), 2)
})

for (const [when, answerMs, laterMs] of [
  ['in the whole second of the portal before its life is over', 0, 4_500],
  ['within its life, counted from an answer that took long', 4_000, 2_000],
] as const) {
  await t.test(`a token that was renewed, never used, and runs out ${when} is renewed again`, async (t) => {
    let passedMs = 0
    const { portal, browser, open, refreshes } = await signedIn(t, { clock: { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + passedMs } })
    await browser.card({ accessSeconds: 5 })
    await portal.hook('faults', { method: 'profile', kind: 'status', status: 401, error: 'expired_token' })
    await portal.hook('faults', { method: 'profile', kind: 'status', status: 400, error: 'ERROR_ARGUMENT' })
    await portal.hook('faults', { method: 'oauth.token', kind: 'stall', ms: 100 })
    const first = refusal(open.drive.account(person))
    while ((await refreshes()) < 1) await sleep(5)
    passedMs = answerMs
    t.match(await first, { code: 'bad-argument' })
    await browser.card({ endAccess: true })
    passedMs += laterMs
    t.equal((await open.drive.account(person)).userId, '1')
    t.equal(await refreshes(), 2)
  })
}

await t.test('a write that met an expired token is sent again, once', async (t) => {
  const { browser, open, portal } = await signedIn(t)
  await browser.card({ endAccess: true })
  const file = await open.drive.uploadNew(asRemoteId('31'), 'new.txt', textSource('new'), person)
  await browser.card({ endAccess: true })
  await open.drive.uploadVersion(file.id, textSource('newer'), person)
  await browser.card({ endAccess: true })
  await open.drive.createFolder(asRemoteId('31'), 'folder', person)
  t.same((await portal.names('31')).sort(), ['folder', 'new.txt'])
})

for (const [way, traits] of [
  ['header', {}],
  ['header', { bearerLinks: 'with-auth', accessOutlivesRefresh: false }],
  ['query', { bearerHeader: 'ignored' }],
] as const) {
  await t.test(`E-51: reading and sending over many expirations, the token in the ${way} (${JSON.stringify(traits)})`, async (t) => {
    const { browser, open, refreshes } = await signedIn(t, { way, traits })
    const { drive, rest } = open
    const file = await drive.uploadNew(asRemoteId('31'), 'a.txt', textSource('content'), person)
    let known = await drive.getFile(file.id, person)
    for (let times = 1; times <= 3; times += 1) {
      await browser.card({ endAccess: true })
      t.equal(String(await bytesOf(await drive.download(known, undefined, person))), 'content', 'an address from before the expiry')
      await browser.card({ endAccess: true })
      await drive.uploadNew(asRemoteId('31'), `b-${times}.txt`, textSource('b'), person)
      known = await drive.getFile(file.id, person)
    }
    t.equal(await refreshes(), 6)
    t.equal(rest.accountTrouble, undefined)
  })
}

await t.test('an upload address whose token ran out between the two steps is asked for anew', async (t) => {
  const { portal, browser, open } = await signedIn(t, { way: 'query' })
  await portal.hook('faults', { method: 'upload', kind: 'status', status: 401, error: 'expired_token' })
  await browser.card({ endAccess: true })
  await open.drive.uploadNew(asRemoteId('31'), 'new.txt', textSource('new'), person)
  t.same(await portal.names('31'), ['new.txt'])
})

await t.test('closing waits for a pair on its way, and not for a server that is frozen', async (t) => {
  const { portal, browser, open, store, refreshes } = await signedIn(t)
  const { accessToken } = store.stored
  await browser.card({ endAccess: true })
  await portal.hook('faults', { method: 'oauth.token', kind: 'stall', ms: 100 })
  const call = refusal(open.drive.account(person))
  while ((await refreshes()) < 1) await sleep(5)
  await open.close()
  t.match(await call, { code: 'cancelled' })
  t.not(store.stored.accessToken, accessToken, 'the pair is stored')

  const frozen = await signedIn(t, { clock: quickClock })
  await frozen.browser.card({ endAccess: true })
  await frozen.portal.hook('faults', { method: 'oauth.token', kind: 'stall', ms: 600_000 })
  const stuck = refusal(frozen.open.drive.account(person))
  while ((await frozen.refreshes()) < 1) await sleep(5)
  await frozen.open.close()
  t.match((await stuck).code, /cancelled|offline/)
})

await t.test('neither an access nor its errors show a secret', async (t) => {
  const { browser, open, store } = await signedIn(t, { way: 'query' })
  await browser.card({ installed: false })
  const error = await refusal(open.drive.account(person))
  const shown = inspect([open.rest.access, error], { depth: 20, showHidden: true, getters: true }) + JSON.stringify([open.rest.access, error])
  for (const secret of [store.stored.accessToken, store.stored.refreshToken, store.stored.clientSecret]) t.notOk(shown.includes(secret))
})

/** Tries again as long as the portal counts as away; the looks have their own pauses. */
async function eventually<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof DriveError) || !['offline', 'disk-full'].includes(error.code)) throw error
      await sleep(20)
    }
  }
}
