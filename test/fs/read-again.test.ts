import t from 'tap'
import { FakeClock } from '../../src/base/clock.js'
import { DriveError } from '../../src/base/errors.js'
import type { OpenFile } from '../../src/fs/handles.js'
import { ReadAgain } from '../../src/fs/read-again.js'

/** Only their identity counts. */
const [ONE, OTHER] = [{}, {}] as [OpenFile, OpenFile]

// [S-25]
await t.test('what a read failed with is given once more to who asks for the same byte at once, and then it is tried again', async (t) => {
  const clock = new FakeClock()
  const again = new ReadAgain(clock)
  let tries = 0
  const fails = (): Promise<never> => {
    tries += 1
    return Promise.reject(new DriveError('deadline', `try ${tries}`))
  }
  await t.rejects(again.run(ONE, 0, fails), { message: 'try 1' })
  await t.rejects(again.run(ONE, 0, fails), { message: 'try 1' }, 'the kernel asks for the page alone')
  await t.rejects(again.run(ONE, 0, fails), { message: 'try 2' }, 'the program tries again')
  await t.rejects(again.run(ONE, 4096, fails), { message: 'try 3' }, 'another place')
  await t.rejects(again.run(OTHER, 4096, fails), { message: 'try 4' }, 'another handle')
  await clock.advance(1_000)
  await t.rejects(again.run(OTHER, 4096, fails), { message: 'try 5' }, 'later')
  t.equal(await again.run(OTHER, 8192, () => Promise.resolve('bytes')), 'bytes')
})
