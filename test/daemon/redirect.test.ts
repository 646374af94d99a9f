/** The listener for the one redirect of an authorization, and what is pasted instead. */
import { request } from 'node:http'
import t from 'tap'
import { systemClock, type Clock } from '../../src/base/clock.js'
import { RedirectListener, readPasted } from '../../src/daemon/redirect-listener.js'

const STATE = '0123456789abcdef0123456789abcdef'

await t.test('the right request is taken once, by whoever knows the state', async (t) => {
  const listener = await RedirectListener.open(STATE, 0)
  t.teardown(() => listener.close())
  t.match(listener.address, /^http:\/\/127\.0\.0\.1:\d+\/$/)
  const waiting = listener.wait(systemClock, 60_000)
  const status = async (query: string, method = 'GET'): Promise<number> => (await fetch(`${listener.address}${query}`, { method })).status
  for (const query of ['', '?code=evil', `?code=evil&state=${STATE.slice(1)}`, `?code=evil&state=${STATE}0`, `?code=&state=${STATE}`]) t.equal(await status(query), 400, query)
  t.equal(await status(`?code=evil&state=${STATE}`, 'POST'), 400)
  const right = await fetch(`${listener.address}?code=good&state=${STATE}&member_id=m`)
  t.equal(right.status, 200)
  t.notMatch(await right.text(), 'good', 'the page does not show the code')
  t.equal(right.headers.get('referrer-policy'), 'no-referrer')
  t.same(await waiting, { code: 'good', memberId: 'm' })
})

await t.test('a target that is no address is refused like any other, and the right one may still come', async (t) => {
  const listener = await RedirectListener.open(STATE, 0)
  t.teardown(() => listener.close())
  for (const target of ['//', '//[', 'http://[/?code=evil', `//?code=evil&state=${STATE.slice(1)}`]) t.equal(await statusOf(listener.address, target), 400, target)
  t.equal(await statusOf(listener.address, `/?code=good&state=${STATE}`), 200)
  t.same(await listener.wait(systemClock, 60_000), { code: 'good', memberId: undefined })
})

/** With the request's target as it stands: `fetch` would put it right. */
function statusOf(address: string, target: string): Promise<number | undefined> {
  const { hostname, port } = new URL(address)
  return new Promise((resolve, reject) => {
    request({ hostname, port, path: target }, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
      .once('error', reject)
      .end()
  })
}

await t.test('when nobody comes, it says so after the time it was given and nothing listens any more', async (t) => {
  const asked: number[] = []
  const over: Clock = {
    ...systemClock,
    setTimer: (delayMs, callback) => {
      asked.push(delayMs)
      return systemClock.setTimer(0, callback)
    },
  }
  const listener = await RedirectListener.open(STATE, 0)
  const { address } = listener
  await t.rejects(listener.wait(over, 600_000), { code: 'deadline', message: /within 10 minutes.*--paste/ })
  t.same(asked, [600_000])
  await listener.close()
  await t.rejects(fetch(address))
})

await t.test('a port in use is said with what to do', async (t) => {
  const listener = await RedirectListener.open(STATE, 0)
  t.teardown(() => listener.close())
  await t.rejects(RedirectListener.open(STATE, Number(new URL(listener.address).port)), { code: 'already-running', message: /in use.*--port/ })
})

await t.test('a code is read alone or out of the address with the right state, and nothing else is', (t) => {
  t.same(readPasted('  abcdef0123456789 \n', STATE), { code: 'abcdef0123456789', memberId: undefined })
  t.same(readPasted(`https://example.org/x?code=abc&state=${STATE}&member_id=m`, STATE), { code: 'abc', memberId: 'm' })
  for (const text of ['', 'short', 'two words here', 'https://example.org/', 'https://example.org/?code=abc', `https://example.org/?code=abc&state=${STATE}0`, `https://example.org/?state=${STATE}`]) {
    t.throws(() => readPasted(text, STATE), { code: 'usage' }, text)
  }
  t.end()
})
