/** `storages`: the other storages of the portal (Company, groups), and which of them are shown as folders of the drive (R6). */
import { Argument } from 'commander'
import { DriveError } from '../../base/errors.js'
import type { StorageConnected, StoragesAnswer } from '../../control/commands.js'
import { requireProfile } from '../../daemon/profile.js'
import { defineCommand } from '../command.js'
import { EXIT_CODES, type ExitCode } from '../exit-code.js'
import { unsentLines } from '../item-lines.js'
import { askDaemon, type Session } from '../session.js'
import { countInWords, tableLines } from '../words.js'

interface StoragesOptions {
  readonly all?: boolean
}

const ANSWER_TIMEOUT_MS = 120_000 // a busy portal makes even a person wait

const KIND_WORDS: Readonly<Record<string, string>> = { common: 'company', group: 'group', user: 'person' }

export const storagesCommand = defineCommand<StoragesOptions>({
  name: 'storages',
  summary: 'the other drives of the portal; "connect NAME" shows one, or a folder of one, in the drive, "disconnect NAME" takes it from view',
  shape: (command) =>
    command
      .addArgument(new Argument('[action]', 'what to do').choices(['connect', 'disconnect']))
      .argument('[name...]', 'a storage, or a folder of it: Company, Company/Reports')
      .option('--all', "list other people's drives too"),
  run: async (session, { all }, [action, ...words]) => {
    const name = words.join(' ')
    if (action !== undefined && name === '') throw new DriveError('usage', `say which: "elastic-drive storages ${action} NAME"`)
    await requireProfile(session.paths)
    if (action === undefined) return await list(session, all === true)
    return action === 'connect' ? await connect(session, name) : await disconnect(session, name)
  },
})

async function list(session: Session, all: boolean): Promise<ExitCode> {
  const answer = await askDaemon(session, 'storages', { all }, ANSWER_TIMEOUT_MS)
  session.output.answer(answer, () => [...tableLines(rowsOf(answer)), ...peopleLines(answer)])
  return 0
}

function rowsOf({ storages, folders }: StoragesAnswer): readonly (readonly string[])[] {
  const all = [...storages.map(({ kind, ...rest }) => ({ kind: KIND_WORDS[kind] ?? kind, ...rest })), ...folders.map((folder) => ({ kind: 'folder', ...folder }))]
  return all.map(({ name, kind, path, by }) => [name, kind, path === null ? 'not connected' : `${path}${by === 'portal' ? ' (connected on the web)' : ''}`])
}

function peopleLines({ storages, folders, people }: StoragesAnswer): readonly string[] {
  const nothing = storages.length + folders.length === 0 ? ['There are no other storages that you may read.'] : []
  return people === 0 ? nothing : [...nothing, `And ${countInWords(people, "other person's drive", "other people's drives")}: "elastic-drive storages --all" lists them.`]
}

async function connect(session: Session, name: string): Promise<ExitCode> {
  const answer = await askDaemon(session, 'connectStorage', { name }, ANSWER_TIMEOUT_MS)
  session.output.answer(answer, () => connectedWords(answer))
  return 0
}

function connectedWords({ name, path, by, already }: StorageConnected): string {
  const where = path ?? 'a folder of the drive'
  if (by === 'portal') return `${name} is shown already as ${where}.`
  return already ? `${name} is connected already, as ${where}.` : `${name} is shown as ${where}.`
}

async function disconnect(session: Session, name: string): Promise<ExitCode> {
  const { output } = session
  const answer = await askDaemon(session, 'disconnectStorage', { name }, ANSWER_TIMEOUT_MS)
  if (answer.disconnected) {
    output.answer(answer, () => `${answer.name} is not shown any more; nothing of it was changed on the portal.`)
    return 0
  }
  const code = 'would-lose-data'
  const message = `${countInWords(answer.unsent.length, 'edit')} in "${answer.name}" not sent yet: send them with "elastic-drive sync --wait 60", and move away what has a name that only programs use, then disconnect it`
  for (const line of ['Not sent yet:', ...unsentLines(answer.unsent)]) output.note(line)
  output.note(`elastic-drive: ${message}`)
  output.answer({ error: { code, message }, unsent: answer.unsent }, () => '')
  return EXIT_CODES[code]
}
