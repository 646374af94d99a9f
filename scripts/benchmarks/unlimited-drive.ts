/** A mounted drive of the bench's person on a portal of its own that has no limits: for rows about what is here already. */
import { timed, type Bench } from './bench.js'
import { Drive } from './drive.js'
import { Portal } from './portal.js'

export interface UnlimitedSetup {
  /** Of the drive's folders. */
  readonly name: string
  readonly seed: string
  readonly latencyMs?: number
  readonly settings?: Readonly<Record<string, string>>
}

export async function unlimitedDrive(bench: Bench, { name, seed, latencyMs = 0, settings = {} }: UnlimitedSetup): Promise<{ drive: Drive; portal: Portal }> {
  const portal = await Portal.start({ seed, plan: 'self-hosted' }, bench.tidy)
  const drive = new Drive({ ...bench, portal, name })
  await drive.connect(settings)
  await drive.mount()
  await drive.learnThereIsNoLimit()
  await portal.setLatency(latencyMs)
  return { drive, portal }
}

/** The files of the drive as its person finds them, sorted. */
export async function filesOfDrive(bench: Bench, folder: string): Promise<readonly string[]> {
  const { stdout } = await timed(bench, 'person', 'find', [folder, '-type', 'f'])
  return stdout.trim().split('\n').sort()
}
