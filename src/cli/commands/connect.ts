/**
 * `connect`: takes a webhook from the argument, from standard input or from a prompt, or tokens by `--oauth`, and connects
 * the profile with it. The secret lives only in this short process and in the secret store.
 */
import { text } from 'node:stream/consumers'
import { DriveError, errorText } from '../../base/errors.js'
import { namePatterns } from '../../base/names.js'
import type { Brought, Connected } from '../../daemon/connect.js'
import { DEFAULT_PROFILE } from '../../daemon/paths.js'
import { fileSecrets } from '../../daemon/secrets.js'
import { readSettings } from '../../daemon/settings.js'
import { Webhook } from '../../rest/webhook.js'
import { defineCommand, notBuilt, parsePort } from '../command.js'
import { signInByOAuth, type OAuthOptions } from '../connect-oauth.js'
import type { Terminal } from '../output.js'
import { Prompter } from '../prompter.js'
import { adoptionLines, summarizeAdoption } from '../adoption-summary.js'
import { askDaemonIfAny, type Session } from '../session.js'

interface ConnectOptions extends Omit<OAuthOptions, 'oauth'> {
  readonly oauth?: string
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
      .option('--oauth <portal>', 'by a local application of this portal instead of a webhook')
      .option('--paste', 'with --oauth: paste the code instead of being sent back to this computer')
      .option('--port <n>', 'with --oauth: port of the redirect address on the application\'s card', parsePort)
      .option('--application <file>', 'with --oauth: a file with client_id and client_secret; "-" reads them from standard input')
      .option('--oauth-server <address>', 'with --oauth: the authorization server, where it is not the vendor\'s')
      .option('--no-browser', 'with --oauth: only print the address')
      .option('--dry-run', 'check everything, change nothing')
      .option('--yes', 'answer yes to every question'),
  run: async (session, options, [word]) => {
    if (options.full === true) throw notBuilt('The full folder ("connect --full")')
    const access = await bring(session, options, word)
    const settings = await readSettings(session.paths)
    // What speaks to a portal, and the database, are loaded only here.
    const { connectProfile } = await import('../../daemon/connect.js')
    const { openShortDrive } = await import('../../daemon/short-drive.js')
    const { fileGrants, memoryGrants } = await import('../../daemon/grant-store.js')
    const connected = await connectProfile(
      {
        paths: session.paths,
        surroundings: session.surroundings,
        secrets: fileSecrets(session.paths),
        clock: session.clock,
        grants: fileGrants(session.paths),
        memoryGrants,
        isLocalOnlyName: namePatterns(settings.localOnlyNames),
        openDrive: (opened) => openShortDrive({ access: opened, paths: session.paths, settings, clock: session.clock, env: session.terminal.env }),
      },
      { access, folder: options.folder, dryRun: options.dryRun ?? false },
    )
    if (connected.mounted && !connected.needsRemount && options.dryRun !== true) await tellDaemon(session)
    answer(session, connected, options.dryRun ?? false)
    return 0
  },
})

async function bringWebhook({ terminal }: Session, word: string | undefined): Promise<Brought> {
  const given = word === '-' ? await text(terminal.stdin) : (word ?? (await prompt(terminal)))
  if (given.trim() === '') throw new DriveError('usage', 'no webhook was given: paste the whole address, it looks like https://PORTAL/rest/USER/CODE/')
  return { kind: 'webhook', webhook: Webhook.parse(given) }
}

async function prompt(terminal: Terminal): Promise<string> {
  const prompter = new Prompter(terminal)
  try {
    return await prompter.ask(`${HOW_TO_MAKE_A_WEBHOOK}\nWebhook (not shown): `)
  } finally {
    prompter.close()
  }
}

async function bring(session: Session, options: ConnectOptions, word: string | undefined): Promise<Brought> {
  const { oauth } = options
  if (oauth === undefined) return await bringWebhook(session, word)
  if (word !== undefined) throw new DriveError('usage', 'a webhook and --oauth are two ways to connect: choose one')
  return { kind: 'application', grant: await signInByOAuth(session, { ...options, oauth }) }
}

/** What waited for a new access goes on now; a daemon that does not answer finds it by itself. */
async function tellDaemon(session: Session): Promise<void> {
  try {
    await askDaemonIfAny(session, 'sync', { full: false })
  } catch (error) {
    session.output.note(`elastic-drive: the mounted drive goes on by itself soon (${errorText(error)})`)
  }
}

function answer({ output, paths }: Session, { profile, reconnected, mounted, needsRemount, adoption }: Connected, dryRun: boolean): void {
  const plan = adoption === undefined ? null : summarizeAdoption(profile.folder, adoption)
  const value = {
    profile: paths.profile,
    portal: profile.portal,
    user: { id: profile.userId, name: profile.userName },
    storage: profile.storageId,
    folder: profile.folder,
    mode: profile.mode,
    reconnected,
    dryRun,
    plan,
  }
  output.answer(value, () => {
    const who = `${profile.portal} as ${profile.userName}`
    const planned = plan === null ? [] : adoptionLines(plan)
    if (dryRun) return [`Would connect to ${who} with the folder ${profile.folder}. Nothing was changed.`, ...planned]
    const option = paths.profile === DEFAULT_PROFILE ? '' : ` --profile ${paths.profile}`
    const next = mounted && !needsRemount ? 'The mounted drive goes on.' : `Next: ${mounted ? `elastic-drive unmount${option}, then ` : ''}elastic-drive mount${option}`
    return [`${reconnected ? 'Reconnected' : 'Connected'} to ${who}: ${profile.folder}. ${next}`, ...planned]
  })
}
