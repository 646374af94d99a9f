import { readdir, writeFile } from 'node:fs/promises'
import t from 'tap'
import { ERROR_CODES } from '../../src/base/errors.js'
import { EXIT_CODES } from '../../src/cli/exit-code.js'
import { Home } from './run-program.js'

await t.test('exit codes are those of the contract', (t) => {
  const others = ERROR_CODES.filter((code) => EXIT_CODES[code] !== 1)
  t.same(Object.fromEntries(others.map((code) => [code, EXIT_CODES[code]])), {
    usage: 2,
    'not-connected': 3,
    'not-mounted': 3,
    paused: 3,
    'would-lose-data': 4,
    'folder-not-empty': 4,
  })
  t.end()
})

await t.test('wrong usage exits 2 with one sentence, and with --json also says so in JSON', async (t) => {
  const home = await Home.make(t)
  const rows = [
    [],
    ['frobnicate'],
    ['status', '--frobnicate'],
    ['pin'],
    ['conflicts', 'ours', 'a'],
    ['conflicts', 'mine'],
    ['storages', 'burn', 'x'],
    ['storages', 'connect'],
    ['folders', 'hide', 'a'],
    ['folders', 'deselect'],
    ['rescue'],
    ['settings', 'a', 'b', 'c'],
    ['mount', '--engine', 'kernel'],
    ['sync', '--wait', 'soon'],
    ['unmount', '--wait', '-1'],
    ['portal', '--port', '70000'],
    ['portal', '--plan', 'free'],
    ['--profile', '../x', 'status'],
    ['status', '--profile', 'a.b'],
    ['settings', 'cacheLimit', 'much'],
    ['settings', 'nope'],
    ['connect', 'not a webhook'],
    ['connect', 'http://acme.bitrix24.com/rest/1/abcdefgh/'],
    ['connect', '-'],
  ]
  await Promise.all(
    rows.map(async (words) => {
      const { code, stderr, json } = await home.run([...words, '--json'])
      t.equal(code, 2, words.join(' '))
      t.match(stderr, /^elastic-drive: [^\n]+\n$/, words.join(' '))
      t.match(json, { error: { code: 'usage', message: String } }, words.join(' '))
    }),
  )
  t.same(await readdir(home.directory), [], 'and changes nothing')
})

await t.test('help is no failure', async (t) => {
  const home = await Home.make(t)
  for (const words of [['help'], ['--help'], ['mount', '--help'], ['help', 'connect']]) {
    const { code, stdout, stderr } = await home.run(words)
    t.equal(code, 0, words.join(' '))
    t.match(stdout, /^Usage: elastic-drive/)
    t.equal(stderr, '')
  }
})

await t.test('what needs a connected account exits 3 without one', async (t) => {
  const home = await Home.make(t)
  for (const words of [['status'], ['status', 'x'], ['mount'], ['unmount'], ['disconnect'], ['disconnect', '--yes'], ['sync'], ['brake', 'show'], ['pin', 'x'], ['free', 'x'], ['conflicts'], ['conflicts', 'mine', 'x'], ['folders'], ['folders', 'select', 'x'], ['storages'], ['storages', 'connect', 'x']]) {
    const { code, stderr, stdout } = await home.run(words)
    t.equal(code, 3, words.join(' '))
    t.match(stderr, /^elastic-drive: .*elastic-drive connect/)
    t.equal(stdout, '')
  }
  for (const word of ['pause', 'resume']) t.equal((await home.run([word])).code, 3)
  t.match((await home.run(['--json', 'status'])).json, { connection: 'disconnected', mounted: false, error: { code: 'not-connected' } })
})

await t.test('a command of the contract that is not built says so and exits 1', async (t) => {
  const home = await Home.make(t)
  const words = ['elastic', 'activity', 'versions', 'restore', 'link', 'web', 'open']
  await Promise.all(
    words.map(async (word) => {
      const { code, stderr, json } = await home.run([word, 'some', '--thing', '--json'])
      t.equal(code, 1, word)
      t.equal(stderr, `elastic-drive: "elastic-drive ${word}" is not built yet\n`)
      t.match(json, { error: { code: 'unsupported' } })
    }),
  )
  t.match(await home.run(['connect', '--full', 'https://a.bitrix24.com/rest/1/abcdefgh/']), { code: 1, stderr: /not built yet/ })
})

await t.test('settings are shown, set, and refused by name', async (t) => {
  const home = await Home.make(t)
  t.match(await home.run(['settings']), { code: 0, stdout: /^cacheLimit +10GB$/m })
  t.match(await home.run(['settings', 'cacheLimit', '64MB', '--json']), { code: 0, json: { cacheLimit: 64_000_000 } })
  t.match(await home.run(['settings', 'cacheLimit']), { code: 0, stdout: '64MB\n' })
  t.match(await home.run(['settings', '--json']), { code: 0, json: { cacheLimit: 64_000_000, stallDeadline: 30, downloadLimit: null, engine: 'native' } })
  t.match(await home.run(['settings', 'cacheLimit', '--profile', 'other']), { code: 0, stdout: '10GB\n' }, 'each profile has its own')
})

await t.test('a person who has no webhook is told how to make one, and what was typed is not shown again', async (t) => {
  const home = await Home.make(t)
  t.match(await home.run(['connect']), { code: 2, stderr: /Inbound webhook/ })
  const { code, stdout, stderr } = await home.run(['connect'], 'http://acme.bitrix24.com/rest/1/s3cretcode/\n')
  t.equal(code, 2)
  t.notMatch(stdout + stderr, /s3cretcode/)
})

await t.test('a reader that has seen enough is no failure', async (t) => {
  const home = await Home.make(t)
  const child = home.start(['help'])
  child.stdout?.destroy()
  const code = await new Promise((resolve) => child.on('close', resolve))
  t.equal(code, 0)
})

await t.test('rescue with nothing to rescue is done, and never writes into a folder that has something', async (t) => {
  const home = await Home.make(t)
  t.match(await home.run(['rescue', 'out', '--json']), { code: 0, json: { files: [], failed: [] } })
  await writeFile(home.path('out', 'mine'), '')
  t.match(await home.run(['rescue', 'out']), { code: 4, stderr: /not empty/ })
})
