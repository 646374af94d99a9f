/**
 * Where the webhook, which is a full secret, is kept between runs. Only short-lived `connect` and the daemon itself ever
 * hold it; it is in no argument list and no environment. The file store is what works everywhere.
 */
import { chmod, rm } from 'node:fs/promises'
import { DriveError } from '../base/errors.js'
import { Webhook } from '../rest/webhook.js'
import type { ProfilePaths } from './paths.js'
import { readFileIfAny, writeFileAtomic } from './record-file.js'

export interface SecretStore {
  /** The whole webhook address; `not-connected` when none is stored, `profile-damaged`. */
  readWebhook(): Promise<string>
  writeWebhook(webhook: string): Promise<void>
  removeWebhook(): Promise<void>
}

/** 'profile-damaged': a part of an address is none, and would be taken for what a person has just typed. */
function refuseDamaged(text: string, { webhookPath }: ProfilePaths): void {
  try {
    Webhook.parse(text)
  } catch (error) {
    throw new DriveError('profile-damaged', `the file ${webhookPath} is damaged: connect again with "elastic-drive connect", nothing that was not sent yet is lost by that`, { cause: error })
  }
}

/** A 0600 file in the profile's 0700 configuration directory. */
export function fileSecrets(paths: ProfilePaths): SecretStore {
  return {
    readWebhook: async () => {
      const text = (await readFileIfAny(paths.webhookPath))?.trim()
      if (text === undefined || text === '') {
        throw new DriveError('not-connected', 'the webhook of this profile is not stored any more: connect again with "elastic-drive connect"')
      }
      refuseDamaged(text, paths)
      // A restored backup may have opened it up.
      await chmod(paths.webhookPath, 0o600)
      return text
    },
    writeWebhook: (webhook) => writeFileAtomic(paths.webhookPath, `${webhook}\n`),
    removeWebhook: () => rm(paths.webhookPath, { force: true }),
  }
}
