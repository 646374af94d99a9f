import t from 'tap'
import { lastLine, outcomeLine } from '../../scripts/checks/check-outcome.js'
import { TapReader, type ProcessEnd, type TapOutcome } from '../../scripts/checks/tap-outcome.js'

const WELL: ProcessEnd = { status: 0, killedBy: null }

function read(tap: string, end: ProcessEnd = WELL): TapOutcome {
  const reader = new TapReader()
  reader.write(Buffer.from(tap))
  return reader.end(end)
}

await t.test('tests of the first level are counted, not their assertions', (t) => {
  const outcome = read(`TAP version 14
# Subtest: one
    ok 1 - a
    ok 2 - b
    1..2
ok 1 - one # time=3ms
ok 2 - two
ok 3 - three # SKIP needs fuse
not ok 4 - four # TODO not yet
1..4
`)
  t.strictSame(outcome, { passed: 2, failed: 0, skipped: 2, failures: [] })
  t.end()
})

await t.test('a failure is told by its innermost assertion with what tap says of it', (t) => {
  const outcome = read(
    `TAP version 14
# Subtest: outer
    # Subtest: inner
        not ok 1 - should be equal
          ---
          diff: |
            -1
            +2
          ...
        1..1
    not ok 1 - inner
    1..1
not ok 1 - outer
1..1
`,
    { status: 1, killedBy: null },
  )
  t.match(outcome, { passed: 0, failed: 1 })
  t.equal(outcome.failures.length, 1)
  t.match(outcome.failures[0], /outer > inner > should be equal\n {2}diff: -1\n {2}\+2/)
  t.end()
})

await t.test('a file that ends badly has failed even when every test passed', (t) => {
  const passing = 'TAP version 14\nok 1 - one\n1..1\n'
  t.match(read(passing, { status: 3, killedBy: null }), { passed: 1, failed: 1, failures: ['the file ended with exit code 3'] })
  t.match(read(passing, { status: null, killedBy: 'SIGSEGV' }), { passed: 1, failed: 1, failures: ['the file was ended by SIGSEGV'] })
  t.end()
})

await t.test('a file that tests nothing, or ends before its plan, has failed', (t) => {
  t.match(read(''), { passed: 0, failed: 1, failures: ['the file holds no test'] })
  t.match(read('TAP version 14\n1..0 # no tests found\n'), { passed: 0, failed: 1 })
  t.match(read('TAP version 14\nok 1 - one\n1..3\n'), { passed: 1, failed: 1 })
  t.end()
})

await t.test('the last line says what passed and failed, and what was skipped only where something was', (t) => {
  const outcome = { name: 'x', elapsedMs: 1_234, failures: [] }
  const outcomes = [
    { ...outcome, passed: 3, failed: 0, skipped: 0 },
    { ...outcome, passed: 4, failed: 2, skipped: 0 },
  ]
  t.equal(lastLine(outcomes), '7 passed, 2 failed')
  t.equal(lastLine([...outcomes, { ...outcome, passed: 0, failed: 0, skipped: 5 }]), '7 passed, 2 failed, 5 skipped')
  t.strictSame(outcomes.map(outcomeLine), ['ok      x  3 passed, 1.2 s', 'FAILED  x  2 of 6 failed, 1.2 s'])
  t.end()
})
