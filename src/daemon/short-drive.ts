/** A drive for the short life of one command: no log, no stored address, closed by whoever asked for it. */
import type { Clock } from '../base/clock.js'
import { silentLog } from '../base/log.js'
import { systemRandom } from '../base/random.js'
import { createDrive, type OpenDrive } from '../drive/create-drive.js'
import type { ProfilePaths } from './paths.js'
import type { Settings } from './settings.js'

export interface ShortDrive {
  readonly webhook: string
  readonly paths: ProfilePaths
  readonly settings: Settings
  readonly clock: Clock
  readonly env: Readonly<Record<string, string | undefined>>
}

export function openShortDrive({ webhook, paths, settings, clock, env }: ShortDrive): OpenDrive {
  return createDrive({
    webhook,
    runtimeDirectory: paths.sharedRuntimeDirectory,
    clock,
    random: systemRandom,
    log: silentLog,
    stallDeadlineMs: () => settings.stallDeadline * 1_000,
    environment: env,
  })
}
