/** `folders`: which folders of the drive synchronize, and the choice of those that do (R5). */
import { Argument } from 'commander'
import { DriveError } from '../../base/errors.js'
import { isFailedPath, type FolderResult, type FolderStatus } from '../../control/commands.js'
import { requireProfile } from '../../daemon/profile.js'
import { defineCommand } from '../command.js'
import type { ExitCode } from '../exit-code.js'
import { unsentLines } from '../item-lines.js'
import { localPath } from '../local-path.js'
import { askDaemon, openDaemon, type Session } from '../session.js'
import { bytesInWords, countInWords, tableLines } from '../words.js'
import { worstExit } from './pin.js'

const LISTING_TIMEOUT_MS = 60_000
const NO_LIMIT_MS = Infinity // clearing a large folder away takes its time; a daemon that is gone is noticed by its connection

const REASONS: Readonly<Record<NonNullable<FolderStatus['why']>, string>> = {
  excluded: 'never synchronizes',
  deselected: 'deselected',
  'shown-elsewhere': 'shown under another name',
}

export const foldersCommand = defineCommand({
  name: 'folders',
  summary: 'which folders synchronize; "select" and "deselect" choose them',
  shape: (command) => command.addArgument(new Argument('[choice]', 'what to do').choices(['select', 'deselect'])).argument('[path...]', 'folders of the drive'),
  run: async (session, _options, [choice, ...given]) => {
    if (choice !== undefined && given.length === 0) throw new DriveError('usage', `say which folders: "elastic-drive folders ${choice} PATH…"`)
    const { folder } = await requireProfile(session.paths)
    if (choice === undefined) return await list(session)
    const paths = await Promise.all(given.map((path) => localPath(path, session.terminal.workingDirectory, folder)))
    return await choose(session, choice === 'select' ? 'selectFolders' : 'deselectFolders', paths)
  },
})

async function list(session: Session): Promise<ExitCode> {
  const answer = await askDaemon(session, 'folders', {}, LISTING_TIMEOUT_MS)
  session.output.answer(answer, () => (answer.folders.length === 0 ? 'The drive has no folders.' : tableLines(answer.folders.map(folderCells))))
  return 0
}

function folderCells({ why, kind, knownFiles, knownBytes, path }: FolderStatus): readonly string[] {
  const known = knownFiles === null || knownBytes === null ? '' : `${countInWords(knownFiles, 'file')}, ${bytesInWords(knownBytes)}`
  return [why === null ? 'synchronizes' : REASONS[why], kind, known, path]
}

async function choose(session: Session, command: 'selectFolders' | 'deselectFolders', paths: readonly string[]): Promise<ExitCode> {
  const daemon = await openDaemon(session)
  try {
    await daemon.request('status', {}) // told within two seconds when the daemon does not answer
    const answer = await daemon.request(command, { paths }, NO_LIMIT_MS)
    session.output.answer(answer, () => answer.results.flatMap((result) => (isFailedPath(result) ? [] : [words(result)])))
    const failed = answer.results.filter((result) => isFailedPath(result))
    for (const { path, error, unsent = [] } of failed) {
      session.output.note(`elastic-drive: ${path}: ${error.message}`)
      for (const line of unsentLines(unsent)) session.output.note(line)
    }
    return worstExit(failed)
  } finally {
    await daemon.close()
  }
}

function words({ path, synchronizes, bytes }: Exclude<FolderResult, { error: unknown }>): string {
  return synchronizes ? `${path} synchronizes.` : `${path} does not synchronize any more; ${bytesInWords(bytes)} given back. On the portal nothing was changed.`
}
