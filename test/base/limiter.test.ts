// At most so many works at once, in the order they came.
import t from 'tap'
import { Limiter } from '../../src/base/limiter.js'

void t.test('no more works run at once than allowed, and a failing one makes room as well', async (t) => {
  const limiter = new Limiter(2)
  const ends: ((fails: boolean) => void)[] = []
  const started: number[] = []
  const work = (number: number): Promise<number> =>
    limiter.run(
      () =>
        new Promise((resolve, reject) => {
          started.push(number)
          ends.push((fails) => {
            if (fails) reject(new Error('failed'))
            else resolve(number)
          })
        }),
    )
  const [first, second, third, fourth] = [work(1), work(2), work(3), work(4)]
  await Promise.resolve()
  t.same(started, [1, 2])
  ends[1]?.(true)
  await t.rejects(second, { message: 'failed' })
  t.same(started, [1, 2, 3])
  ends[0]?.(false)
  t.equal(await first, 1)
  t.same(started, [1, 2, 3, 4])
  ends[2]?.(false)
  ends[3]?.(false)
  t.same(await Promise.all([third, fourth]), [3, 4])
  const later = work(5)
  ends[4]?.(false)
  t.equal(await later, 5, 'the places are free again')
})
