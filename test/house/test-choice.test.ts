import t from 'tap'
import { choose, findTestFiles, laneOf, LANES, LONG, longestFirst } from '../../scripts/checks/test-choice.js'
import { skipWithout } from '../support/skip.js'

const FILES = ['base/names.test.ts', 'fs/names-escaped.test.ts', 'fs/nodes.test.ts', 'mount/git.test.ts'].map((name) => ({ name, path: name }))
const CHECKS = ['types', 'lint', 'layers']

function chosen(...words: readonly string[]): { checks: readonly string[]; files: readonly string[]; unknown: readonly string[] } {
  const choice = choose(words, CHECKS, FILES)
  return { ...choice, files: choice.files.map(({ name }) => name) }
}

await t.test('no words mean everything', (t) => {
  t.match(chosen(), { checks: CHECKS, files: FILES.map(({ name }) => name), unknown: [] })
  t.end()
})

await t.test('a word is a check, a folder, a file or a part of a file name', (t) => {
  t.strictSame(chosen('lint'), { checks: ['lint'], files: [], unknown: [] })
  for (const word of ['fs', 'fs/', 'test/fs', './test/fs/']) t.strictSame(chosen(word).files, ['fs/names-escaped.test.ts', 'fs/nodes.test.ts'], word)
  t.strictSame(chosen('names').files, ['base/names.test.ts', 'fs/names-escaped.test.ts'])
  t.strictSame(chosen('test/mount/git.test.ts', 'layers'), { checks: ['layers'], files: ['mount/git.test.ts'], unknown: [] })
  t.end()
})

await t.test('a word that means nothing is told, not passed over', (t) => {
  t.strictSame(chosen('nodes', 'nonsense').unknown, ['nonsense'])
  t.end()
})

await t.test('what measures the machine runs alone, what only waits beside the others, and every file named for that is there', async (t) => {
  const named = ['mount/git.test.ts', 'mount/idle.test.ts', 'mount/frozen.test.ts', 'file-manager/nautilus.test.ts'].map((name) => ({ name, path: name }))
  t.strictSame(named.map(laneOf), ['shared', 'waiting', 'alone', 'alone'])
  const there = (await findTestFiles()).map(({ name }) => name)
  t.strictSame([...Object.keys(LANES), ...LONG].filter((name) => !there.includes(name)), [])
})

await t.test('the longest begin first, so that the run does not end with one of them', (t) => {
  const files = ['base/names.test.ts', 'watch/hour.test.ts', 'watch/plans.test.ts'].map((name) => ({ name, path: name }))
  t.strictSame(longestFirst(files).map(({ name }) => name), ['watch/hour.test.ts', 'base/names.test.ts', 'watch/plans.test.ts'])
  t.end()
})

await t.test('a need of the machine is skipped only by its name', (t) => {
  const before = process.env.ELASTIC_DRIVE_SKIP
  t.teardown(() => {
    if (before === undefined) delete process.env.ELASTIC_DRIVE_SKIP
    else process.env.ELASTIC_DRIVE_SKIP = before
  })
  process.env.ELASTIC_DRIVE_SKIP = 'chromium'
  t.strictSame(skipWithout('fuse'), { skip: false })
  t.match(skipWithout('fuse', 'chromium').skip, /chromium/)
  delete process.env.ELASTIC_DRIVE_SKIP
  t.strictSame(skipWithout('fuse'), { skip: false })
  t.end()
})
