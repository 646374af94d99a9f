/** A drive for the short life of one command: no log, closed by whoever asked for it. */
import type { Clock } from '../base/clock.js'
import { silentLog } from '../base/log.js'
import { systemRandom } from '../base/random.js'
import { createDrive, type DriveAccess, type OpenDrive } from '../drive/create-drive.js'
import type { ProfilePaths, Surroundings } from './paths.js'
import type { Profile } from './profile.js'
import { readAccess } from './profile-access.js'
import { readSettings, type Settings } from './settings.js'

export interface ShortDrive {
  readonly access: DriveAccess
  readonly paths: ProfilePaths
  readonly settings: Settings
  readonly clock: Clock
  readonly env: Readonly<Record<string, string | undefined>>
}

export function openShortDrive({ access, paths, settings, clock, env }: ShortDrive): OpenDrive {
  return createDrive({
    ...access,
    runtimeDirectory: paths.sharedRuntimeDirectory,
    clock,
    random: systemRandom,
    log: silentLog,
    stallDeadlineMs: () => settings.stallDeadline * 1_000,
    environment: env,
  })
}

/** The drive of a connected profile, for as long as `use` needs it. */
export async function withProfileDrive<T>(
  { paths, surroundings, clock }: { readonly paths: ProfilePaths; readonly surroundings: Surroundings; readonly clock: Clock },
  profile: Pick<Profile, 'access'>,
  use: (opened: OpenDrive) => Promise<T>,
): Promise<T> {
  const access = await readAccess(paths, profile, silentLog)
  const opened = openShortDrive({ access, paths, settings: await readSettings(paths), clock, env: surroundings.env })
  try {
    return await use(opened)
  } finally {
    await opened.close()
  }
}
