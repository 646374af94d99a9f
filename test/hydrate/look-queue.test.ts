/** Questions about files while a request waits for its turn: what goes together, and what is not asked at all. */
import t from 'tap'
import { FakeClock } from '../../src/base/clock.js'
import { DriveError } from '../../src/base/errors.js'
import { asRemoteId, type RemoteId } from '../../src/base/ids.js'
import type { Outcome, Priority, RemoteFile } from '../../src/drive/drive.js'
import { LookQueue } from '../../src/hydrate/look-queue.js'
import { MemoryDrive } from './memory-drive.js'
import { settled } from './settled.js'

const id = (number: number): RemoteId => asRemoteId(String(number))
const ids = (from: number, count: number): RemoteId[] => Array.from({ length: count }, (_, index) => id(from + index))
const model = new MemoryDrive(new Uint8Array(1)).file()

/** One request before the portal: its turn and its answer come when the test says so. */
interface Turn {
  readonly priority: Priority
  readonly signal: AbortSignal | undefined
  /** What it asked for, once its turn has come. */
  asked: readonly string[] | undefined
  readonly come: () => void
  readonly fail: (error: DriveError) => void
}

function scene(): { queue: LookQueue; turns: Turn[]; ahead: string[]; clock: FakeClock } {
  const turns: Turn[] = []
  const ahead: string[] = []
  const clock = new FakeClock()
  const getFiles = (take: () => readonly RemoteId[], { priority, signal }: { priority: Priority; signal?: AbortSignal }): Promise<readonly Outcome<RemoteFile>[]> =>
    new Promise((resolve, reject) => {
      const turn: Turn = {
        priority,
        signal,
        asked: undefined,
        come: () => {
          const taken = take()
          turn.asked = taken
          resolve(taken.map((each): Outcome<RemoteFile> => (each === id(404) ? { ok: false, error: new DriveError('not-found', 'gone') } : { ok: true, value: { ...model, id: each } })))
        },
        fail: reject,
      }
      signal?.addEventListener('abort', () => {
        reject(new DriveError('cancelled', 'the request was cancelled'))
      })
      turns.push(turn)
    })
  return { queue: new LookQueue({ drive: { getFiles }, clock, onAhead: (each) => ahead.push(each) }), turns, ahead, clock }
}

await t.test('those who wait for the same turn go together, each with an answer of its own', async (t) => {
  const { queue, turns } = scene()
  const answers = Promise.allSettled([1, 2, 404, 2].map((number) => queue.ask(id(number), { priority: 'interactive' })))
  t.equal(turns.length, 1)
  turns[0]!.come()
  t.match(await answers, [{ value: { id: '1' } }, { value: { id: '2' } }, { reason: { code: 'not-found' } }, { value: { id: '2' } }])
  t.same(turns[0]!.asked, ['1', '2', '404'], 'a file is asked about once')
  t.equal(turns.length, 1)
  await queue.stop()
})

await t.test('what is read ahead goes along behind those who wait, fifty in all, and the rest follows by itself', async (t) => {
  const { queue, turns, ahead } = scene()
  queue.lookAhead(ids(100, 60))
  const answer = queue.ask(id(1), { priority: 'interactive' })
  t.same(turns.map(({ priority }) => priority), ['listing', 'interactive'])
  turns[1]!.come()
  await answer
  t.same(turns[1]!.asked, ['1', ...ids(100, 49)])
  t.equal(turns[0]!.signal?.aborted, false, 'it has eleven left')
  turns[0]!.come()
  await settled(() => ahead.length === 60)
  t.same(turns[0]!.asked, ids(149, 11))
  t.equal(turns.length, 2)
  await queue.stop()
})

await t.test('a request for what has gone with another is taken back', async (t) => {
  const { queue, turns, ahead } = scene()
  queue.lookAhead(ids(100, 10))
  const answer = queue.ask(id(103), { priority: 'interactive' })
  turns[1]!.come()
  await answer
  await settled(() => ahead.length === 9)
  t.same(ahead, ids(100, 10).filter((each) => each !== id(103)), 'what somebody asked for is his')
  t.equal(turns[0]!.signal?.aborted, true)
  const next = queue.ask(id(5), { priority: 'interactive' })
  turns[0]!.come() // it had its turn in the same moment
  t.same(turns[0]!.asked, [])
  turns[2]!.come()
  t.equal((await next).id, '5')
  await queue.stop()
})

await t.test('the patient wait for others of their kind, and never make somebody wait', async (t) => {
  const { queue, turns, clock } = scene()
  const patient = [1, 2, 3].map((number) => queue.ask(id(number), { priority: 'background' }, true))
  t.equal(turns.length, 0)
  const person = queue.ask(id(9), { priority: 'interactive' })
  turns[0]!.come()
  await person
  t.same(turns[0]!.asked, ['9'])
  queue.hurry(id(2))
  turns[1]!.come()
  await patient[1]
  t.same(turns[1]!.asked, ['2'], 'somebody waits for this one now')
  await clock.advance(2_000)
  turns[2]!.come()
  await Promise.all(patient)
  t.same([turns[2]!.priority, turns[2]!.asked], ['background', ['1', '3']])
  const many = ids(200, 50).map((each) => queue.ask(each, { priority: 'background' }, true))
  t.equal(turns.length, 4, 'a whole batch has nothing to wait for')
  turns[3]!.come()
  t.equal((await Promise.all(many)).length, 50)
  await queue.stop()
})

await t.test('who leaves before the turn is not asked for, and a request that nobody waits for is cut', async (t) => {
  const { queue, turns } = scene()
  const leaving = new AbortController()
  const left = t.rejects(queue.ask(id(1), { priority: 'interactive', signal: leaving.signal }), { code: 'cancelled' })
  leaving.abort()
  await left
  t.equal(turns[0]!.signal?.aborted, true)
  const both = [new AbortController(), new AbortController()]
  const waits = both.map(({ signal }, index) => t.rejects(queue.ask(id(index), { priority: 'interactive', signal }), { code: 'cancelled' }))
  both[0]!.abort()
  t.equal(turns.at(-1)!.signal?.aborted, false)
  both[1]!.abort()
  t.equal(turns.at(-1)!.signal?.aborted, true)
  await Promise.all(waits)
  await queue.stop()
})

await t.test('a failure before the turn is for those whom the request was to carry, and others go on', async (t) => {
  const { queue, turns } = scene()
  const background = t.rejects(queue.ask(id(1), { priority: 'background' }), { code: 'paused' })
  const person = queue.ask(id(2), { priority: 'interactive' })
  turns[0]!.fail(new DriveError('paused', 'synchronization is paused'))
  await background
  turns[1]!.come()
  t.equal((await person).id, '2')
  t.same(turns[1]!.asked, ['2'])
  await queue.stop()
})

await t.test('stop ends every wait', async (t) => {
  const { queue } = scene()
  const waits = [t.rejects(queue.ask(id(1), { priority: 'interactive' }), { code: 'cancelled' }), t.rejects(queue.ask(id(2), { priority: 'background' }, true), { code: 'cancelled' })]
  await queue.stop()
  await Promise.all(waits)
  await t.rejects(queue.ask(id(3), { priority: 'interactive' }), { code: 'cancelled' })
})
