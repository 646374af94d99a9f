/** An application's tokens on disk: whole, private, renewed by one process at a time, and safe before they are used. */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { removeTree } from '../../scripts/checks/remove-tree.js'
import { errorCode } from '../../src/base/errors.js'
import { fileGrants } from '../../src/daemon/grant-store.js'
import { prepareDirectories, profilePaths, type ProfilePaths } from '../../src/daemon/paths.js'
import type { OAuthGrant } from '../../src/rest/oauth-access.js'
import { until } from '../mount/playground.js'
import { portalFor, type TestPortal } from '../portal/drive-client.js'
import { text } from '../portal/json.js'
import { Browser } from '../portal/oauth-browser.js'

const uid = process.getuid?.() ?? 0
const CHILD = fileURLToPath(new URL('./grant-child.js', import.meta.url))

interface Scene {
  readonly portal: TestPortal
  readonly browser: Browser
  readonly paths: ProfilePaths
  readonly home: string
  readonly counts: () => Promise<Readonly<Record<string, number>>>
}

async function scene(t: Test): Promise<Scene> {
  const home = await mkdtemp(join(tmpdir(), 'elastic-grants-'))
  t.teardown(() => removeTree(home))
  const paths = profilePaths('default', { env: { ELASTIC_DRIVE_HOME: home }, homeDirectory: home, temporaryDirectory: tmpdir(), uid, workingDirectory: home })
  await prepareDirectories(paths, uid)
  const portal = await portalFor(t)
  const browser = new Browser(portal.running)
  const [{ clientId, clientSecret, memberId }, pair] = [await browser.card(), await browser.signIn()]
  await fileGrants(paths).write({ server: browser.url, clientId, clientSecret, memberId, endpoint: text(pair.client_endpoint), accessToken: text(pair.access_token), refreshToken: text(pair.refresh_token), way: 'header' })
  await portal.hook('requests', undefined, 'DELETE')
  const counts = async (): Promise<Readonly<Record<string, number>>> => ((await portal.hook('requests')) as unknown as { methods: Record<string, number> }).methods
  return { portal, browser, paths, home, counts }
}

async function otherProcess(t: Test, { home }: Scene): Promise<ChildProcess> {
  const child = fork(CHILD, [home], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  t.teardown(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const exit = once(child, 'exit')
    child.kill('SIGKILL')
    await exit
  })
  await once(child, 'message')
  return child
}

async function ask(child: ChildProcess, calls: number): Promise<readonly string[]> {
  child.send(calls)
  const [answers] = (await once(child, 'message')) as [readonly string[]]
  return answers
}

/** A promise, and what resolves it. */
function gate(): readonly [Promise<void>, () => void] {
  let open: () => void = () => undefined
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return [opened, open]
}

await t.test('two processes that meet the same expiry spend one refresh token, again and again', async (t) => {
  const here = await scene(t)
  const children = await Promise.all([otherProcess(t, here), otherProcess(t, here), otherProcess(t, here)])
  await here.portal.hook('limits', { off: true })
  for (let round = 1; round <= 5; round += 1) {
    await here.browser.card({ endAccess: true })
    const answers = await Promise.all(children.map((child) => ask(child, 20)))
    t.same(new Set(answers.flat()), new Set(['1']))
    t.equal((await here.counts())['oauth.token'], round)
  }
})

await t.test('a process killed in the middle of renewing holds nobody up', async (t) => {
  const here = await scene(t)
  const [first, second] = await Promise.all([otherProcess(t, here), otherProcess(t, here)])
  await here.browser.card({ endAccess: true })
  // Refused before it was carried out, but after a while: the refresh token is still good.
  await here.portal.hook('faults', { method: 'oauth.token', kind: 'stall', ms: 600_000 })
  first.send(1)
  await until('the first one asks for tokens', async () => ((await here.counts())['oauth.token'] ?? 0) > 0)
  const answer = ask(second, 1)
  const exit = once(first, 'exit')
  first.kill('SIGKILL')
  await exit
  t.same(await answer, ['1'])
})

await t.test('a new pair is on the disk before its first use: killed right then, the next start works', async (t) => {
  const here = await scene(t)
  const before = await fileGrants(here.paths).read()
  const child = await otherProcess(t, here)
  await here.browser.card({ endAccess: true })
  await here.portal.hook('faults', { method: 'profile', kind: 'stall', ms: 600_000, after: 1 })
  child.send(1)
  await until('the new token is presented', async () => {
    const { log } = (await here.portal.hook('requests')) as unknown as { log: readonly { method: string }[] }
    return log.filter(({ method }) => method === 'profile').length === 2
  })
  const stored = JSON.parse(await readFile(here.paths.grantPath, 'utf8')) as OAuthGrant
  const exit = once(child, 'exit')
  child.kill('SIGKILL')
  await exit
  t.not(stored.accessToken, before.accessToken)
  t.same((await readdir(here.paths.configDirectory)).sort(), ['oauth.json'], 'and nothing lies beside it')
  t.same(await ask(await otherProcess(t, here), 1), ['1'])
  t.equal((await here.counts())['oauth.token'], 1, 'with the pair that was stored')
})

await t.test('what a person got by connecting is not overwritten by a renewal under way', async (t) => {
  const here = await scene(t)
  const grants = fileGrants(here.paths)
  const old = await grants.read()
  const fresh = { ...old, accessToken: 'fresh-access', refreshToken: 'fresh-refresh' }
  const [held, release] = gate()
  const [begun, begin] = gate()
  const renewal = grants.update(async (stored) => {
    begin()
    await held
    return { ...stored, accessToken: 'renewed', refreshToken: 'renewed' }
  })
  await begun // else it is anybody's lock
  const connect = grants.write(fresh)
  release()
  await Promise.all([renewal, connect])
  t.same(await grants.read(), fresh)
})

await t.test('whoever closes does not wait for another process that renews', async (t) => {
  const { paths } = await scene(t)
  const grants = fileGrants(paths)
  const [held, release] = gate()
  const [begun, begin] = gate()
  const renewal = grants.update(async (stored) => {
    begin()
    await held
    return stored
  })
  await begun
  const closing = new AbortController()
  const waiting = grants.update(() => Promise.reject(new Error('not its turn')), closing.signal).then(
    () => 'done',
    (error: unknown) => errorCode(error),
  )
  closing.abort()
  const late = setTimeout(release, 5_000)
  t.equal(await waiting, 'cancelled')
  clearTimeout(late)
  release()
  await renewal
})

await t.test('tokens are for their owner alone; none or damaged ones say how to go on', async (t) => {
  const { paths } = await scene(t)
  const grants = fileGrants(paths)
  t.equal((await stat(paths.grantPath)).mode & 0o777, 0o600)
  await chmod(paths.grantPath, 0o644)
  const grant = await grants.read()
  t.equal((await stat(paths.grantPath)).mode & 0o777, 0o600, 'opened up by a restored backup')
  for (const damaged of ['', '{', '{}', JSON.stringify({ ...grant, refreshToken: '' }), JSON.stringify({ ...grant, endpoint: 'acme' })]) {
    await writeFile(paths.grantPath, damaged)
    await t.rejects(grants.read(), { code: 'profile-damaged', message: /connect again/ }, damaged.slice(0, 20))
  }
  await grants.remove()
  await t.rejects(grants.read(), { code: 'not-connected', message: /--oauth/ })
  await grants.remove()
})
