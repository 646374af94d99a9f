import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, connect, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { goalText, meetsGoal, type Finding } from '../../scripts/benchmarks/finding.js'
import { againstExt4, interleave } from '../../scripts/benchmarks/interleave.js'
import { LatencyProxy } from '../../scripts/benchmarks/latency-proxy.js'
import { readOptions } from '../../scripts/benchmarks/options.js'
import { writeReadmeBlock } from '../../scripts/benchmarks/report.js'
import { digits, ratios, spreadOf, spreadText } from '../../scripts/benchmarks/spread.js'
import { Tidy } from '../../scripts/benchmarks/tidy.js'

const ROWS = ['find-cold', 'find-warm']

void t.test('options of the bench', (t) => {
  t.match(readOptions([], ROWS, true), { quick: false, rows: undefined, users: ['root', 'ordinary'], withRclone: true, writeReadme: false })
  t.match(readOptions(['--quick', '--rows', 'find-warm,find-cold', '--user=ordinary', '--no-rclone'], ROWS, true), { quick: true, rows: ['find-warm', 'find-cold'], users: ['ordinary'], withRclone: false })
  t.match(readOptions([], ROWS, false), { users: ['ordinary'] }, 'an ordinary user measures himself')
  const refused = (words: readonly string[], why: RegExp, isRoot = true): void => {
    t.throws(() => readOptions(words, ROWS, isRoot), { message: why }, words.join(' '))
  }
  refused(['--fast'], /no option --fast/)
  refused(['--rows'], /wants a value/)
  refused(['--rows', 'find'], /no row is called find; there are find-cold, find-warm/)
  refused(['--user', 'me'], /not me/)
  refused(['--rows', 'find-cold', '--write-readme'], /wants every row/)
  refused(['--user', 'both'], /only root/, false)
  t.end()
})

void t.test('ratios are of what was measured side by side, with their median and range', (t) => {
  t.match(ratios([2, 8, 3], [1, 2, 3]), { median: 2, min: 1, max: 4 })
  t.equal(spreadOf([4, 1, 3, 2]).median, 2.5)
  t.equal(spreadText(ratios([2, 8, 3], [1, 2, 3])), '2.00 (1.00–4.00)')
  t.equal(spreadText(spreadOf([15])), '15.0')
  t.strictSame([0, 0.01234, 1.5, 99.94, 1234.5].map(digits), ['0', '0.0123', '1.50', '99.9', '1,235'])
  t.end()
})

void t.test('places take turns within each round, and the ratio says how many times as fast as ext4', async (t) => {
  const order: string[] = []
  const place = (name: string, seconds: number) => (round: number) => {
    order.push(`${name}${round}`)
    return Promise.resolve(seconds)
  }
  const rounds = await interleave(2, { ext4: place('ext4 ', 1), drive: place('drive ', 2), rclone: place('rclone ', 10) })
  t.strictSame(order, ['ext4 0', 'drive 0', 'rclone 0', 'ext4 1', 'drive 1', 'rclone 1'])
  t.match(againstExt4(rounds), { measured: { median: 0.5 }, rclone: { median: 0.1 } })
})

const finding = (measured: number, goal: Finding['goal']): Finding => ({ row: 'find-cold', user: 'root', work: 'find', measured: spreadOf([measured]), unit: '× ext4', goal, notes: ['ext4 1 s'] })

void t.test('a goal is met by the median, at least or at most', (t) => {
  t.equal(meetsGoal(finding(1, { atLeast: 1 })), true)
  t.equal(meetsGoal(finding(0.9, { atLeast: 1 })), false)
  t.equal(meetsGoal(finding(1.1, { atMost: 1 })), false)
  t.equal(meetsGoal(finding(Number.NaN, { atMost: 1 })), false, 'what could not be measured meets nothing')
  t.equal(meetsGoal(finding(1, { none: true })), undefined)
  t.equal(goalText(finding(1, { atLeast: 0.95 })), '≥ 0.950 × ext4')
  t.end()
})

void t.test('only what stands between the markers of the README is replaced', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'elastic-readme-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const path = join(folder, 'README.md')
  const options = readOptions(['--quick'], ROWS, true)
  await writeFile(path, 'before\n<!-- measured by scripts/bench: begin -->\nof an earlier run\n<!-- measured by scripts/bench: end -->\nafter\n')
  await writeReadmeBlock(path, options, [finding(0.5, { atLeast: 1 })])
  const text = await readFile(path, 'utf8')
  t.match(text, /^before\n<!--[^]*\| find \| ≥ 1\.00 × ext4 \| \*\*0\.500 × ext4, missed\*\* \|[^]*-->\nafter\n$/)
  t.notMatch(text, /earlier run/)
  await writeFile(path, 'no markers')
  await t.rejects(writeReadmeBlock(path, options, []), /lacks the lines/)
})

void t.test('the README has the markers', async (t) => {
  t.match(await readFile('README.md', 'utf8'), /<!-- measured by scripts\/bench: begin -->[^]*<!-- measured by scripts\/bench: end -->/)
})

void t.test('tidying goes backwards, goes on after a failure, and a scope is tidied once', async (t) => {
  const steps: string[] = []
  const whole = new Tidy()
  whole.teardown(() => steps.push('folder'))
  const scope = whole.scope()
  scope.teardown(() => steps.push('portal'))
  scope.teardown(() => Promise.resolve(steps.push('mount')))
  await scope.end()
  t.strictSame(steps, ['mount', 'portal'])
  await whole.end()
  t.strictSame(steps, ['mount', 'portal', 'folder'])
})

void t.test('the proxy holds each way back for half of its latency and keeps the order of bytes', async (t) => {
  const echo = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket))
  await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve))
  const tidy = new Tidy()
  t.teardown(async () => {
    await tidy.end()
    echo.close()
  })
  const proxy = await LatencyProxy.start((echo.address() as AddressInfo).port, tidy)
  proxy.latencyMs = 100
  const startMs = performance.now()
  const socket = connect({ port: proxy.port, host: '127.0.0.1' })
  const sent = Array.from({ length: 2000 }, (_, index) => `line ${index}\n`).join('')
  socket.end(sent)
  const back: Buffer[] = []
  for await (const chunk of socket) back.push(chunk as Buffer)
  t.equal(Buffer.concat(back).toString(), sent)
  t.ok(performance.now() - startMs >= 95, 'the round trip took the latency')
})

void t.test('the latency proxy lets a sender wait for a reader that does not come on, and loses nothing', async (t) => {
  const tidy = new Tidy()
  t.teardown(() => tidy.end())
  const sentBytes = 64 * 2 ** 20
  const piece = Buffer.alloc(65_536, 'x')
  let givenBytes = 0
  const giver = createServer((socket) => {
    const give = (): void => {
      while (givenBytes < sentBytes) {
        givenBytes += piece.length
        if (!socket.write(piece)) return
      }
      socket.end()
    }
    socket.on('drain', give)
    socket.on('error', () => undefined)
    give()
  })
  await new Promise<void>((resolve) => giver.listen(0, '127.0.0.1', resolve))
  t.teardown(() => giver.close())
  const warnings: Error[] = []
  const onWarning = (warning: Error): void => {
    warnings.push(warning)
  }
  process.on('warning', onWarning)
  t.teardown(() => process.off('warning', onWarning))
  const proxy = await LatencyProxy.start((giver.address() as AddressInfo).port, tidy)
  proxy.latencyMs = 20
  const socket = connect({ port: proxy.port, host: '127.0.0.1' })
  socket.pause()
  for (let before = -1; before !== givenBytes; ) {
    before = givenBytes
    await delay(200) // nothing tells that nothing more will come
  }
  t.ok(givenBytes < sentBytes / 2, 'the sender waits')
  let gotBytes = 0
  for await (const chunk of socket) gotBytes += (chunk as Buffer).length
  t.equal(gotBytes, sentBytes)
  t.strictSame(warnings, [], 'without a listener for each piece')
})
