/**
 * `disconnect`: ends the connection of a profile. Names what is unsent and asks first; then what is here whole stays in the
 * folder as ordinary files. What an interrupted one has left is finished without a question.
 */
import { DriveError, hasCode } from '../../base/errors.js'
import type { UnsentItem } from '../../control/commands.js'
import type { Disconnected } from '../../daemon/disconnect.js'
import { readDisconnection } from '../../daemon/disconnection.js'
import { requireProfile, type Profile } from '../../daemon/profile.js'
import { fileSecrets } from '../../daemon/secrets.js'
import { defineCommand } from '../command.js'
import { EXIT_CODES, type ExitCode } from '../exit-code.js'
import { unsentLines } from '../item-lines.js'
import { Prompter } from '../prompter.js'
import type { Session } from '../session.js'
import { busyWords, takeMountAway } from '../take-mount-away.js'
import { bytesInWords, countInWords } from '../words.js'

interface DisconnectOptions {
  readonly yes?: boolean
}

export const disconnectCommand = defineCommand<DisconnectOptions>({
  name: 'disconnect',
  summary: 'ends the connection: what is downloaded and what is unsent stays in the folder as ordinary files',
  shape: (command) => command.option('--yes', 'also with edits that were not sent'),
  run: async (session, { yes }) => {
    const begun = await readDisconnection(session.paths)
    if (begun !== undefined) return await finish(session, begun.profile, [])
    const profile = await requireProfile(session.paths)
    const unsent = await readUnsent(session, profile)
    if (yes !== true && unsent.length > 0 && !(await confirms(session, unsent, profile))) return refuse(session, unsent, profile)
    if (!(await unmountIfMounted(session, profile))) return 1
    // Whoever saved since then was not asked.
    const now = await readUnsent(session, profile)
    const asked = new Set(unsent.map(({ path }) => path))
    const since = now.filter(({ path }) => !asked.has(path))
    if (yes !== true && since.length > 0) return refuse(session, since, profile)
    return await finish(session, profile, now)
  },
})

async function readUnsent({ paths }: Session, { folder }: Profile): Promise<readonly UnsentItem[]> {
  const { readUnsentItems } = await import('../../daemon/unsent-items.js') // the database is loaded only where it is read
  return await readUnsentItems(paths, folder)
}

/** Only at a terminal: what is piped in is no answer to a question. */
async function confirms({ terminal, output }: Session, unsent: readonly UnsentItem[], profile: Profile): Promise<boolean> {
  const { stdin } = terminal
  if (!('isTTY' in stdin) || stdin.isTTY !== true) return false
  for (const line of warningLines(unsent, profile)) output.note(line)
  const prompter = new Prompter(terminal)
  try {
    return /^y(es)?$/iu.test(await prompter.ask('Disconnect all the same? Type yes (not shown): '))
  } finally {
    prompter.close()
  }
}

function refuse({ output }: Session, unsent: readonly UnsentItem[], profile: Profile): ExitCode {
  const code = 'would-lose-data'
  const message = `${countInWords(unsent.length, 'edit')} not sent to ${profile.portal}: send them with "elastic-drive sync --wait 60", or disconnect with --yes`
  for (const line of warningLines(unsent, profile)) output.note(line)
  output.note(`elastic-drive: ${message}`)
  output.answer({ error: { code, message }, unsent }, () => '')
  return EXIT_CODES[code]
}

function warningLines(unsent: readonly UnsentItem[], { folder }: Profile): readonly string[] {
  return ['Not sent yet:', ...unsentLines(unsent), `Files with such edits would stay in ${folder}; renames, moves and deletions would be forgotten.`]
}

/** False when it is in use, which is told. */
async function unmountIfMounted(session: Session, profile: Profile): Promise<boolean> {
  try {
    const ending = await takeMountAway(session, { folder: profile.folder, waitSeconds: 0, force: false })
    if (ending.unmounted) return true
    session.output.failWith('busy', busyWords(ending, profile.folder).replace(', or use --force', ''))
    return false
  } catch (error) {
    if (hasCode(error, 'not-mounted')) return true
    throw error
  }
}

async function finish(session: Session, profile: Profile, unsent: readonly UnsentItem[]): Promise<ExitCode> {
  const { paths, clock, output } = session
  const { disconnectProfile } = await import('../../daemon/disconnect.js')
  const { fileGrants } = await import('../../daemon/grant-store.js')
  let done: Disconnected
  try {
    done = await disconnectProfile({ paths, clock, secrets: fileSecrets(paths), grants: fileGrants(paths) })
  } catch (error) {
    if (!hasCode(error, 'already-running')) throw error
    throw new DriveError('already-running', 'another process of this profile is at work: try again when it has ended', { cause: error })
  }
  const { folder, kept, aside } = done
  output.answer({ connection: 'disconnected', folder, kept, unsent, aside }, () => [
    `Disconnected. ${folder} is an ordinary folder now, with ${countInWords(kept.files, 'file')} (${bytesInWords(kept.bytes)}); the others are on ${profile.portal}.`,
    ...(unsent.length === 0 ? [] : [`${countInWords(unsent.length, 'edit')} were not sent; connecting again sends the files that are here.`]),
  ])
  for (const { path, savedAs } of aside) output.note(`elastic-drive: ${path} was taken: kept as ${savedAs}`)
  return 0
}
