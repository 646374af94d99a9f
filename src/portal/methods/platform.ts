/**
 * Methods of the platform that need no scope (bitrix24-rest.md 1.6): who am I, what time is it, what may I call.
 */
import type { Method, MethodTable } from '../desk.js'
import { textOf } from '../parameters.js'
import { OWNER_ID } from '../seeds/seed.js'

const profile: Method = {
  scope: null,
  parameters: [],
  run(call, desk) {
    const user = desk.tree.seed.users.find(({ id }) => id === call.caller.userId)
    return {
      result: {
        ID: String(call.caller.userId),
        ADMIN: call.caller.userId === OWNER_ID && desk.account.state.isAdmin,
        NAME: user?.name ?? '',
        LAST_NAME: user?.lastName ?? '',
        PERSONAL_GENDER: '',
        TIME_ZONE: '',
        TIME_ZONE_OFFSET: 0,
      },
    }
  },
}

const serverTime: Method = {
  scope: null,
  parameters: [],
  run: (_call, desk) => ({ result: desk.time.iso(desk.time.nowSec()) }),
}

const scope: Method = {
  scope: null,
  parameters: ['full'],
  run: ({ caller }) => ({ result: caller.scopes }),
}

/** `methods` and `method.get` speak about the table they stand in. */
export function platformMethods(table: () => MethodTable): MethodTable {
  const methods: Method = {
    scope: null,
    parameters: ['scope', 'full'],
    run(call) {
      const wanted = textOf(call.parameters.scope)
      const allowed = (method: Method): boolean => (wanted === '' ? method.scope === null || call.caller.scopes.includes(method.scope) : method.scope === wanted)
      return { result: Object.entries(table()).filter(([, method]) => allowed(method)).map(([name]) => name) }
    },
  }
  const methodGet: Method = {
    scope: null,
    parameters: ['name'],
    run(call, desk) {
      const name = textOf(call.parameters.name).toLowerCase()
      const found = Object.entries(table()).find(([each]) => each.toLowerCase() === name)?.[1]
      const isExisting = found !== undefined && (found.needsHistory !== true || desk.traits().fileHistory) && found.hiddenBy?.(desk.traits()) !== true
      return { result: { isExisting, isAvailable: isExisting && (found.scope === null || call.caller.scopes.includes(found.scope)) } }
    },
  }
  return { profile, 'server.time': serverTime, scope, methods, 'method.get': methodGet }
}
