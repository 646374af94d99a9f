/**
 * Faults of every kind for a part of all requests, chosen by a seed and ordered from the portal beforehand: the number of
 * requests between two faults is drawn so that each request meets one with the same chance.
 */
import type { Dice } from './model-dice.js'
import type { Playground } from './playground.js'

type Order = Readonly<Record<string, unknown>>

const AT_ONCE = 50

/** What can befall any request; `stallDeadline` is shorter than the longest stall. */
const ON_THE_WIRE: readonly ((dice: Dice) => Order)[] = [
  () => ({ kind: 'status', status: 500 }),
  () => ({ kind: 'status', status: 502 }),
  () => ({ kind: 'status', status: 503, error: 'SERVICE_UNAVAILABLE' }), // QUERY_LIMIT_EXCEEDED rightly holds the client to two requests a second: limits.test.ts
  () => ({ kind: 'status', status: 504 }),
  (dice) => ({ kind: 'html', status: dice.pick([500, 502, 503, 504]) }),
  () => ({ kind: 'reset' }),
  (dice) => ({ kind: 'stall', ms: dice.pick([200, 1_000, 4_000]), bytes: dice.below(30_000) }),
  (dice) => ({ kind: 'truncate', bytes: dice.below(dice.chance(0.5) ? 200 : 30_000) }),
  () => ({ kind: 'lost-answer' }),
  (dice) => ({ kind: 'slow', bytesPerSecond: 100_000 + dice.below(300_000) }),
]
const IN_ANSWERS: readonly ((dice: Dice) => Order)[] = [() => ({ kind: 'empty' }), (dice) => ({ kind: 'half', total: dice.pick(['kept', 'short']) }), () => ({ kind: 'result-false' }), (dice) => ({ kind: 'range-mode', mode: dice.pick(['A', 'B', 'C', 'D']) })]

/** Orders them for so many requests; for answers that are lists, answers that are none, and downloads each on their own count. */
export async function orderFaults(ground: Playground, options: { readonly dice: Dice; readonly chance: number; readonly requests: number }): Promise<void> {
  const orders = [ON_THE_WIRE, ...IN_ANSWERS.map((kind) => [kind])].flatMap((kinds) => [...drawn(kinds, options)])
  for (let first = 0; first < orders.length; first += AT_ONCE) await Promise.all(orders.slice(first, first + AT_ONCE).map((order) => ground.fault({ method: '*', ...order })))
}

/** `after` counts the requests that meet no earlier fault; they may be ordered in any order. */
function* drawn(kinds: readonly ((dice: Dice) => Order)[], { dice, chance, requests }: { readonly dice: Dice; readonly chance: number; readonly requests: number }): Generator<Order> {
  let after = 0
  for (let request = 0; request < requests; request += 1) {
    if (dice.chance(chance)) yield { after, ...dice.pick(kinds)(dice) }
    else after += 1
  }
}
