/**
 * Starts a client on what a power loss left, lets it come to rest with its portal, and says what is wrong then: an edit that fsync
 * had answered for is not there, the portal's newest version is none that a program ever finished, a name that no program
 * used is no conflict copy, or this computer shows other bytes than the portal has.
 */
import { join } from 'node:path'
import { WholeClient } from '../support/whole-client.js'
import { sha256Of, type Expectation } from './marks.js'

const CONFLICT = / \(conflict .+\)/

export async function faultsAfter(directory: string, expected: ReadonlyMap<string, Expectation>): Promise<readonly string[]> {
  const endings: (() => unknown)[] = []
  const place = { directory: join(directory, 'home'), portalDirectory: join(directory, 'portal'), bootId: 'after the power loss', uploadDelay: 0 }
  try {
    const client = await WholeClient.start({ teardown: (end: () => unknown) => endings.push(end) }, { plan: 'self-hosted' }, place)
    await client.settle()
    return [...(await client.failures()), ...(await faultsOf(client, expected))]
  } finally {
    for (const end of endings.reverse()) await end()
  }
}

async function faultsOf(client: WholeClient, expected: ReadonlyMap<string, Expectation>): Promise<readonly string[]> {
  const faults: string[] = []
  const files = [...(await client.tree()).values()].filter(({ type }) => type === 'file')
  const newest = new Map<string, string>()
  for (const { path, id, version } of files) {
    const sha256 = sha256Of(await client.remote(id))
    newest.set(path, sha256)
    if (CONFLICT.test(path)) continue
    const known = expected.get(path)
    if (known === undefined) faults.push(`the portal has ${path}, which nobody made`)
    // What is left of a new file that nobody synced has its name, as on any disk: there is no good version below it.
    else if (!known.states.includes(sha256) && (known.hadVersion || version !== 1)) faults.push(`the newest version of ${path} is none that a program finished`)
    if (sha256Of(await client.read(path)) !== sha256) faults.push(`${path} is not here what it is on the portal`)
  }
  for (const [name, { states, synced }] of expected) {
    if (synced === undefined) continue
    const found = states.lastIndexOf(newest.get(name) ?? '')
    if (found < synced) faults.push(`${name} was synced as state ${synced} and is on the portal as ${found}`)
  }
  return faults
}
