/**
 * `connect`: takes a webhook from the argument, from standard input or from a prompt, and connects the profile with it. The
 * webhook lives only in this short process and in the secret store.
 */
import { createInterface } from 'node:readline/promises'
import { text } from 'node:stream/consumers'
import { Writable } from 'node:stream'
import { DriveError } from '../../base/errors.js'
import { connectProfile, type Connected } from '../../daemon/connect.js'
import { DEFAULT_PROFILE } from '../../daemon/paths.js'
import { fileSecrets } from '../../daemon/secrets.js'
import { readSettings } from '../../daemon/settings.js'
import { Webhook } from '../../rest/webhook.js'
import { defineCommand, notBuilt } from '../command.js'
import type { Terminal } from '../output.js'
import type { Session } from '../session.js'

interface ConnectOptions {
  readonly folder?: string
  readonly full?: boolean
  readonly dryRun?: boolean
}

const HOW_TO_MAKE_A_WEBHOOK = `A webhook lets this computer work with your drive. To make one:
  1. Open your Bitrix24 on the web, then Applications > Developer resources > Other > Inbound webhook.
  2. Give it the permission "Drive (disk)" and save it.
  3. Copy its address; it looks like https://PORTAL/rest/USER/CODE/ and is as secret as a password.`

export const connectCommand = defineCommand<ConnectOptions>({
  name: 'connect',
  summary: 'connects a Bitrix24 account and prepares its folder',
  shape: (command) =>
    command
      .argument('[webhook]', 'address of an inbound webhook; "-" reads it from standard input')
      .option('--folder <dir>', 'where the drive appears (default: ~/Bitrix24)')
      .option('--full', 'keep every file on this disk instead of the elastic folder')
      .option('--dry-run', 'check everything, change nothing')
      .option('--yes', 'answer yes to every question'),
  run: async (session, options, [word]) => {
    if (options.full === true) throw notBuilt('The full folder ("connect --full")')
    const webhook = Webhook.parse(await webhookText(session, word))
    const settings = await readSettings(session.paths)
    const { openShortDrive } = await import('../../daemon/short-drive.js') // what speaks to a portal is loaded only here
    const connected = await connectProfile(
      {
        paths: session.paths,
        surroundings: session.surroundings,
        secrets: fileSecrets(session.paths),
        clock: session.clock,
        openDrive: (opened) => openShortDrive({ webhook: opened.reveal(), paths: session.paths, settings, clock: session.clock, env: session.terminal.env }),
      },
      { webhook, folder: options.folder, dryRun: options.dryRun ?? false },
    )
    answer(session, connected, options.dryRun ?? false)
    return 0
  },
})

async function webhookText({ terminal }: Session, word: string | undefined): Promise<string> {
  const given = word === '-' ? await text(terminal.stdin) : (word ?? (await prompt(terminal)))
  if (given.trim() === '') throw new DriveError('usage', 'no webhook was given: paste the whole address, it looks like https://PORTAL/rest/USER/CODE/')
  return given
}

/** Asks for one line; what is pasted is not shown, because a terminal keeps it. */
async function prompt({ stdin, stderr }: Terminal): Promise<string> {
  stderr.write(`${HOW_TO_MAKE_A_WEBHOOK}\nWebhook (not shown): `)
  const nowhere = new Writable({
    write: (_chunk, _encoding, done) => {
      done()
    },
  })
  const lines = createInterface({ input: stdin, output: nowhere, terminal: 'isTTY' in stdin && stdin.isTTY === true })
  try {
    return await new Promise<string>((resolve) => {
      lines.once('line', resolve)
      lines.once('close', () => {
        resolve('')
      })
    })
  } finally {
    lines.close()
    stderr.write('\n')
  }
}

function answer({ output, paths }: Session, { profile, reconnected, mounted }: Connected, dryRun: boolean): void {
  const value = {
    profile: paths.profile,
    portal: profile.portal,
    user: { id: profile.userId, name: profile.userName },
    storage: profile.storageId,
    folder: profile.folder,
    mode: profile.mode,
    reconnected,
    dryRun,
  }
  output.answer(value, () => {
    const who = `${profile.portal} as ${profile.userName}`
    if (dryRun) return `Would connect to ${who} with the folder ${profile.folder}. Nothing was changed.`
    const option = paths.profile === DEFAULT_PROFILE ? '' : ` --profile ${paths.profile}`
    // A running daemon keeps the webhook that it was started with.
    const next = `Next: ${mounted ? `elastic-drive unmount${option}, then ` : ''}elastic-drive mount${option}`
    return `${reconnected ? 'Reconnected' : 'Connected'} to ${who}: ${profile.folder}. ${next}`
  })
}
