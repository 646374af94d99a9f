/** What opens the portal of a connected profile, from where it is kept, and where it is kept when it changes. */
import type { Log } from '../base/log.js'
import type { DriveAccess } from '../drive/create-drive.js'
import { fileGrants } from './grant-store.js'
import type { ProfilePaths } from './paths.js'
import type { Profile } from './profile.js'
import { fileSecrets } from './secrets.js'

/** `not-connected` when it is not stored any more, `profile-damaged`. */
export async function readAccess(paths: ProfilePaths, profile: Pick<Profile, 'access'>, log: Log): Promise<DriveAccess> {
  if (profile.access === 'application') {
    const grants = fileGrants(paths)
    return { grant: await grants.read(), grants }
  }
  const secrets = fileSecrets(paths)
  return {
    webhook: await secrets.readWebhook(),
    onMoved: (webhook) => {
      secrets.writeWebhook(webhook).catch((error: unknown) => {
        log.error({ error: String(error) }, 'the new address of the portal could not be stored')
      })
    },
  }
}
