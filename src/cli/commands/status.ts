/** `status`: how the drive is, or how the named files and folders are. Answers without a daemon from what is stored. */
import { DriveError, hasCode } from '../../base/errors.js'
import { isFailedPath, type DriveStatus, type FailedPath, type ItemStatus, type PathStatus } from '../../control/commands.js'
import { isHalfDisconnected, readProfile, requireProfile, type Profile } from '../../daemon/profile.js'
import { readSettings } from '../../daemon/settings.js'
import { defineCommand } from '../command.js'
import { EXIT_CODES, type ExitCode } from '../exit-code.js'
import { localPath } from '../local-path.js'
import { askDaemon, askDaemonIfAny, type Session } from '../session.js'
import { bytesInWords, countInWords, tableLines } from '../words.js'
import { worstExit } from './pin.js'

/** Paths of a large folder may have to be looked up on the disk. */
const PATHS_TIMEOUT_MS = 60_000

const NOTICES_SHOWN = 5

export const statusCommand = defineCommand({
  name: 'status',
  summary: 'how the drive is, or how files and folders of it are',
  shape: (command) => command.argument('[path...]', 'files or folders of the drive'),
  run: async (session, _options, paths) => {
    if (paths.length > 0) return await showPaths(session, paths)
    const profile = await readProfile(session.paths)
    if (profile === undefined || (await isHalfDisconnected(session.paths))) return await showDisconnected(session)
    const status = (await askDaemonIfAny(session, 'status', {})) ?? (await storedStatus(session, profile))
    session.output.answer(status, () => statusLines(status))
    return 0
  },
})

/** The refusal of `requireProfile`, with the words a status reader looks for beside it. */
async function showDisconnected(session: Session): Promise<ExitCode> {
  try {
    await requireProfile(session.paths)
    return 0
  } catch (error) {
    if (!hasCode(error, 'not-connected') || !session.output.isJson) throw error
    const { code, message } = error
    session.output.note(`elastic-drive: ${message}`)
    session.output.answer({ profile: session.paths.profile, connection: 'disconnected', mounted: false, error: { code, message } }, () => '')
    return EXIT_CODES[code]
  }
}

async function storedStatus({ paths }: Session, profile: Profile): Promise<DriveStatus> {
  const { offlineStatus } = await import('../../daemon/offline-status.js') // the database is loaded only where it is read
  const stored = await offlineStatus(paths, await readSettings(paths))
  return {
    profile: paths.profile,
    portal: profile.portal,
    user: { id: profile.userId, name: profile.userName },
    connection: 'offline',
    folder: profile.folder,
    mounted: false,
    readOnly: false,
    engine: null,
    pid: null,
    ...stored,
    pendingDownloads: null,
    transfers: [],
    errors: [],
    notices: [],
    budget: null,
  }
}

async function showPaths(session: Session, given: readonly string[]): Promise<ExitCode> {
  const { folder } = await requireProfile(session.paths)
  const paths = await Promise.all(given.map((path) => localPath(path, session.terminal.workingDirectory, folder)))
  const answer = await askDaemon(session, 'pathStatus', { paths }, PATHS_TIMEOUT_MS)
  const failed = answer.paths.filter((path): path is FailedPath => isFailedPath(path))
  session.output.answer(answer, () => tableLines(answer.paths.flatMap((path: PathStatus) => (isFailedPath(path) ? [] : [itemCells(path)]))))
  for (const { path, error } of failed) session.output.note(`elastic-drive: ${path}: ${error.message}`)
  return worstExit(failed)
}

function itemCells(item: ItemStatus): readonly string[] {
  const size = item.kind === 'folder' ? '' : item.state === 'partial' ? `${bytesInWords(item.cachedBytes)} of ${bytesInWords(item.sizeBytes)}` : bytesInWords(item.sizeBytes)
  return [item.state, item.pinned ? 'pinned' : '', size, item.path]
}

function statusLines(status: DriveStatus): readonly string[] {
  const { cache } = status
  return [
    `${status.portal} as ${status.user.name}: ${status.connection}${status.readOnly ? ', read-only' : ''}`,
    `Folder   ${status.folder} (${status.mounted ? 'mounted' : 'not mounted: "elastic-drive mount"'})`,
    ...(status.engine === null ? [] : [`Engine   ${status.engine.name}: ${status.engine.why}; ${status.engine.passthrough.on ? '' : 'no '}passthrough: ${status.engine.passthrough.why}`]),
    `To send  ${status.pendingUploads === 0 ? 'nothing' : `${countInWords(status.pendingUploads, 'edit')}, ${bytesInWords(status.pendingBytes)}`}`,
    ...(status.pendingDownloads ? [`To fetch ${countInWords(status.pendingDownloads, 'file')}`] : []),
    ...(status.heldDeletions === 0 ? [] : [`Held     ${countInWords(status.heldDeletions, 'deletion')}: "elastic-drive brake show"`]),
    `Cache    ${bytesInWords(cache.usedBytes)} of ${bytesInWords(cache.limitBytes)}, pinned ${bytesInWords(cache.pinnedBytes)}, unsent ${bytesInWords(cache.dirtyBytes)}`,
    `Synced   ${status.lastSync ?? 'never'}`,
    ...(status.conflicts === 0 ? [] : [`Conflict ${countInWords(status.conflicts, 'copy', 'copies')} to decide about: "elastic-drive conflicts"`]),
    ...status.transfers.map(({ direction, path, doneBytes, totalBytes }) => `${direction === 'upload' ? 'Sending ' : 'Fetching'} ${path} (${bytesInWords(doneBytes)} of ${bytesInWords(totalBytes)})`),
    ...status.notices.slice(-NOTICES_SHOWN).map(({ at, path, message }) => `Notice   ${path === null ? '' : `${path}: `}${message} (${at})`),
    ...status.errors.map(({ path, message, nextTry }) => `Problem  ${path === null ? '' : `${path}: `}${message}${nextTry === null ? '' : ` (again at ${nextTry})`}`),
  ]
}

/** For `doctor`: the daemon's word, or why there is none. */
export async function daemonWord(session: Session): Promise<string> {
  const status = await askDaemonIfAny(session, 'status', {})
  if (status === undefined) throw new DriveError('not-mounted', 'not running: "elastic-drive mount" starts it')
  return `running (pid ${status.pid ?? 'unknown'}), ${status.connection}`
}
