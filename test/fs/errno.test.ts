// The table of errors as a whole; what a program sees of each stands in test/mount/semantics-errno.test.ts.
import { readdir, readFile } from 'node:fs/promises'
import { constants } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { ERROR_CODES } from '../../src/base/errors.js'
import { ERRNO, isTold, NEVER_TOLD } from '../../src/fs/errno.js'
import { planRetry, type AttemptFailure } from '../../src/rest/retry-plan.js'
import { TransportFailure } from '../../src/rest/transport.js'

const { errno } = constants

/** What these folders throw goes to programs as it is. */
/** No request of the kernel leads there. */
const ASKED_BY_COMMANDS: ReadonlySet<string> = new Set(['fs/conflict-resolver.ts'])
const BEHIND_THE_DOOR = ['fs', 'hydrate', 'watch']

await t.test('every code has an errno, and stands in one part of the table', (t) => {
  for (const code of ERROR_CODES) {
    t.ok(ERRNO[code] > 0, code)
    t.not(isTold(code), code in NEVER_TOLD, code)
  }
  t.end()
})

await t.test('[S-81] a code that no program is told is EIO, but for the end of a mount', (t) => {
  const others = ERROR_CODES.filter((code) => !isTold(code) && ERRNO[code] !== errno.EIO)
  t.same(others, ['cancelled'])
  t.equal(ERRNO.cancelled, errno.EINTR)
  t.end()
})

await t.test('[S-81] a code that no program is told is thrown nowhere behind the kernel\'s door', async (t) => {
  for (const folder of BEHIND_THE_DOOR) {
    for (const name of await readdir(join('src', folder))) {
      if (!name.endsWith('.ts') || ASKED_BY_COMMANDS.has(`${folder}/${name}`)) continue
      const thrown = [...(await readFile(join('src', folder, name), 'utf8')).matchAll(/new DriveError\('([a-z-]+)'/g)].map(([, code = '']) => code)
      t.same(thrown.filter((code) => code in NEVER_TOLD && code !== 'cancelled'), [], `${folder}/${name}`)
    }
  }
})

await t.test('[S-81] a request that changes nothing, as all that programs wait for, never ends as a lost answer', (t) => {
  const network = (['unreachable', 'broken', 'silent'] as const).map((kind): AttemptFailure => ({ from: 'network', failure: new TransportFailure(kind, 'ECONNRESET', true) }))
  const portal = (['never', 'renew', 'rate', 'operating', 'temporary'] as const).map((retry): AttemptFailure => ({ from: 'portal', kind: { code: 'portal-error', retry } }))
  for (const failure of [...network, ...portal]) {
    for (let attempts = 1; attempts <= 40; attempts += 1) {
      t.notMatch(planRetry({ failure, attempts, priority: 'interactive', idempotent: true }), { code: 'lost-answer' })
    }
  }
  t.end()
})
