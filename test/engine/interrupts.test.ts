/** Which pending signals end a process, as /proc shows them. */
import t from 'tap'
import { hasFatalSignal, isBeingKilled } from '../../src/engine/interrupts.js'

const TERM = 1n << 14n
const KILL = 1n << 8n
const CHLD = 1n << 16n
const USR1 = 1n << 9n

function status(fields: { thread?: bigint; shared?: bigint; blocked?: bigint; ignored?: bigint; caught?: bigint }): string {
  const line = (name: string, set = 0n): string => `${name}:\t${set.toString(16).padStart(16, '0')}\n`
  const { thread, shared, blocked, ignored, caught } = fields
  return `Name:\tcat\nState:\tS (sleeping)\n${line('SigPnd', thread)}${line('ShdPnd', shared)}${line('SigBlk', blocked)}${line('SigIgn', ignored)}${line('SigCgt', caught)}`
}

void t.test('only a pending signal that ends the process counts', (t) => {
  const cases: readonly (readonly [string, string, boolean])[] = [
    ['none', status({}), false],
    ['SIGKILL on the thread', status({ thread: KILL }), true],
    ['SIGKILL for all', status({ shared: KILL, blocked: KILL }), true],
    ['SIGTERM without a handler', status({ shared: TERM }), true],
    ['SIGTERM with a handler', status({ shared: TERM, caught: TERM }), false],
    ['SIGTERM ignored', status({ shared: TERM, ignored: TERM }), false],
    ['SIGTERM blocked', status({ shared: TERM, blocked: TERM }), false],
    ['SIGCHLD', status({ shared: CHLD }), false],
    ['SIGUSR1 with a handler, then SIGTERM without', status({ thread: USR1, shared: TERM, caught: USR1 }), true],
    ['an unreadable status', '', false],
  ]
  for (const [name, text, expected] of cases) t.equal(hasFatalSignal(text), expected, name)
  t.end()
})

void t.test('a process that cannot be seen counts as being killed, a running one does not', (t) => {
  t.equal(isBeingKilled(0), true)
  t.equal(isBeingKilled(2 ** 22 + 1), true)
  t.equal(isBeingKilled(process.pid), false)
  t.end()
})
