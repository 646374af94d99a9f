/** `doctor --live`: tries the portal of a profile, in its own drive, and remembers what held. */
import { systemRandom } from '../base/random.js'
import { checkLive, UNTRIED, type Found } from '../drive/live/live-check.js'
import type { Untried } from '../drive/live/probe.js'
import type { CheckSurroundings } from './health-checks.js'
import { writePortalTraits } from './portal-traits.js'
import { requireProfile } from './profile.js'
import { withProfileDrive } from './short-drive.js'

export interface LiveReport {
  readonly portal: string
  /** Name of the scratch folder, which lies in the portal's trash now. */
  readonly folder: string
  readonly found: readonly Found[]
  readonly untried: readonly Untried[]
}

export async function runLiveCheck(within: CheckSurroundings, options: { readonly signal: AbortSignal; readonly onProgress: (done: number, count: number) => void }): Promise<LiveReport> {
  const { paths, clock } = within
  const profile = await requireProfile(paths)
  const { portal } = profile
  return withProfileDrive(within, profile, async ({ drive, rest }) => {
    const call = { priority: 'interactive', signal: options.signal } as const
    const { userId } = await drive.account(call)
    const { rootId } = await drive.ownStorage(userId, call)
    const findings = await checkLive({ rest, drive, clock, random: systemRandom, rootId, ...options })
    await writePortalTraits(paths, { portal, checkedAt: new Date(clock.nowMs()).toISOString(), findings })
    return { portal, ...findings, untried: UNTRIED }
  })
}
