import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import t, { type Test } from 'tap'
import { startPortal, type RunningPortal } from '../../src/portal/portal.js'
import { Home } from './run-program.js'

async function portalFor(test: Test): Promise<RunningPortal> {
  const portal = await startPortal()
  test.teardown(() => portal.close())
  return portal
}

await t.test('connecting stores the account, seals the folder and says what comes next', async (t) => {
  const [home, portal] = await Promise.all([Home.make(t), portalFor(t)])
  const connected = await home.run(['connect', portal.webhook, '--folder', 'Drive'])
  t.match(connected, { code: 0, stdout: /^Connected to 127\.0\.0\.1:\d+ as .+\. Next: elastic-drive mount\n$/ })
  t.equal((await stat(home.path('Drive'))).mode & 0o777, 0o555)
  t.equal((await stat(home.path('home', 'config', 'default', 'webhook'))).mode & 0o777, 0o600)
  const status = await home.run(['status', '--json'])
  t.match(status, { code: 0, json: { connection: 'offline', mounted: false, folder: home.path('Drive'), portal: new URL(portal.url).host, pendingUploads: 0, pid: null } })
  t.match(await home.run(['unmount']), { code: 3 })
  t.match(await home.run(['sync', '--wait', '1']), { code: 3 })
})

await t.test('the answer in JSON names account, storage and folder', async (t) => {
  const [home, portal] = await Promise.all([Home.make(t), portalFor(t)])
  const { code, json, stdout } = await home.run(['connect', '-', '--json'], portal.webhook)
  t.equal(code, 0)
  t.match(json, { profile: 'default', portal: new URL(portal.url).host, storage: portal.storageId, folder: home.path('Bitrix24'), mode: 'elastic', reconnected: false, dryRun: false })
  t.notMatch(stdout, new URL(portal.webhook).pathname)
})

await t.test('the secret stands in the webhook file and nowhere else', async (t) => {
  const [home, portal] = await Promise.all([Home.make(t), portalFor(t)])
  await home.run(['connect'], `${portal.webhook}\n`)
  const code = portal.webhook.split('/').at(-2) ?? ''
  const files = (await readdir(home.directory, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile())
  const holders: string[] = []
  for (const { parentPath, name } of files) if ((await readFile(`${parentPath}/${name}`)).includes(code)) holders.push(name)
  t.same(holders, ['webhook'])
})

await t.test('a dry run makes no folder and stores nothing', async (t) => {
  const [home, portal] = await Promise.all([Home.make(t), portalFor(t)])
  t.match(await home.run(['connect', portal.webhook, '--dry-run']), { code: 0, stdout: /Nothing was changed/ })
  t.match(await home.run(['status']), { code: 3 })
  t.notOk((await readdir(home.directory)).includes('Bitrix24'))
})

await t.test('a folder that is not empty is refused with exit code 4 and left as it is (6a.13)', async (t) => {
  const [home, portal] = await Promise.all([Home.make(t), portalFor(t)])
  await mkdir(home.path('Drive'))
  await writeFile(home.path('Drive', 'mine.txt'), 'mine')
  t.match(await home.run(['connect', portal.webhook, '--folder', 'Drive', '--json']), { code: 4, json: { error: { code: 'folder-not-empty' } } })
  t.same(await readdir(home.path('Drive')), ['mine.txt'])
  t.match(await home.run(['status']), { code: 3 }, 'nothing is connected')
  await writeFile(home.path('file'), '')
  t.match(await home.run(['connect', portal.webhook, '--folder', 'file']), { code: 1, stderr: /not a folder/ })
})

await t.test('reconnecting the same account keeps its folder; another account is refused', async (t) => {
  const [home, portal, other] = await Promise.all([Home.make(t), portalFor(t), portalFor(t)])
  await home.run(['connect', portal.webhook, '--folder', 'Drive'])
  t.match(await home.run(['connect', portal.webhook, '--json']), { code: 0, json: { reconnected: true, folder: home.path('Drive') } })
  t.match(await home.run(['connect', other.webhook]), { code: 4, stderr: /disconnect it first, or use another profile/ })
  t.match(await home.run(['connect', other.webhook, '--profile', 'two', '--folder', 'Drive']), { code: 4, stderr: /belongs to the profile "default"/ })
  t.match(await home.run(['connect', other.webhook, '--profile', 'two', '--folder', 'Other']), { code: 0, stdout: /elastic-drive mount --profile two/ })
})

await t.test('choosing another folder gives the first one back', async (t) => {
  const [home, portal] = await Promise.all([Home.make(t), portalFor(t)])
  await home.run(['connect', portal.webhook, '--folder', 'One'])
  t.match(await home.run(['connect', portal.webhook, '--folder', 'Two', '--json']), { code: 0, json: { folder: home.path('Two') } })
  t.same(await readdir(home.path('One')), [])
  t.equal((await stat(home.path('One'))).mode & 0o777, 0o755)
})

await t.test('a damaged profile record is mended by connecting the same account again, and only the same', async (t) => {
  const [home, portal, other] = await Promise.all([Home.make(t), portalFor(t), portalFor(t)])
  await home.run(['connect', portal.webhook, '--folder', 'Drive'])
  await writeFile(home.path('home', 'state', 'default', 'drive.db'), '')
  await writeFile(home.path('home', 'config', 'default', 'profile.json'), '{')
  t.match(await home.run(['status']), { code: 1, stderr: /damaged: connect again/ })
  t.match(await home.run(['connect', other.webhook, '--folder', 'Other']), { code: 4, stderr: /about another account/ })
  t.match(await home.run(['connect', portal.webhook, '--folder', 'Drive']), { code: 0 })
})

await t.test('each refusal of the portal is told in its own words, without the secret', async (t) => {
  const [home, portal] = await Promise.all([Home.make(t), portalFor(t)])
  const refused = async (webhook: string, code: string, words: RegExp): Promise<void> => {
    const { code: exit, stderr, stdout, json } = await home.run(['connect', webhook, '--json'])
    t.equal(exit, 1, code)
    t.match(json, { error: { code, message: words } })
    t.match(stderr, /^elastic-drive: [^\n]+\n$/)
    t.notMatch(stderr + stdout, webhook.split('/').at(-2) ?? '')
  }
  const rows: readonly (readonly [account: object, code: string, words: RegExp])[] = [
    [{ revoked: true }, 'bad-credentials', /does not accept this webhook/],
    [{ revoked: false, scopes: ['user_brief'] }, 'missing-scope', /Drive \(disk\)/],
    [{ scopes: ['disk'], restOnPlan: false }, 'no-rest-on-plan', /does not include REST/],
  ]
  for (const [account, code, words] of rows) {
    await fetch(`${portal.hooks}/account`, { method: 'POST', body: JSON.stringify(account) })
    await refused(portal.webhook, code, words)
  }
  await refused(`${portal.url}/rest/1/wrongcode1234/`, 'bad-credentials', /does not accept this webhook/)
  await refused('http://127.0.0.1:1/rest/1/abcdefgh1234/', 'offline', /cannot be reached/)
  t.match(await home.run(['status']), { code: 3 }, 'nothing is connected')
})
