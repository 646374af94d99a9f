/**
 * `unmount`: asks the daemon to take the mount away and to end; clears what a dead daemon left; with --force also ends
 * one that does not answer. Whatever is unsent stays in the queue for the next mount.
 */
import { hasCode } from '../../base/errors.js'
import { requireProfile } from '../../daemon/profile.js'
import { defineCommand, parseNumber } from '../command.js'
import { unsentLines } from '../item-lines.js'
import { askDaemonIfAny, type Session } from '../session.js'
import { busyWords, takeMountAway, type Ending } from '../take-mount-away.js'
import { bytesInWords, countInWords } from '../words.js'

interface UnmountOptions {
  readonly wait?: number
  readonly force?: boolean
}


export const unmountCommand = defineCommand<UnmountOptions>({
  name: 'unmount',
  summary: 'takes the drive out of its folder; unsent edits are kept and go on at the next mount',
  shape: (command) =>
    command.option('--wait <seconds>', 'wait that long for unsent edits to be sent', parseNumber).option('--force', 'also with files open, and when the daemon does not answer'),
  run: async (session, { wait, force }) => {
    const folder = await mountedFolder(session)
    const ending = await takeMountAway(session, { folder, waitSeconds: wait ?? 0, force: force ?? false })
    session.output.answer(ending, () => words(ending, folder))
    if (ending.unmounted) return 0
    session.output.note(`elastic-drive: ${busyWords(ending, folder)}`)
    return 1
  },
})

/** A damaged record keeps nobody from unmounting: the daemon knows its folder too. */
async function mountedFolder(session: Session): Promise<string> {
  try {
    return (await requireProfile(session.paths)).folder
  } catch (error) {
    const status = hasCode(error, 'profile-damaged') ? await askDaemonIfAny(session, 'status', {}) : undefined
    if (status === undefined) throw error
    return status.folder
  }
}

function words({ unmounted, how, unsent, pendingUploads, pendingBytes }: Ending, folder: string): readonly string[] {
  const left = pendingUploads === 0 ? [] : [`${countInWords(pendingUploads, 'edit')} (${bytesInWords(pendingBytes)}) not sent yet; kept for the next mount:`, ...unsentLines(unsent)]
  const done = { asked: `Unmounted ${folder}.`, cleared: `Cleared the mount that a daemon left on ${folder}.`, killed: `Ended the daemon and cleared ${folder}.` }
  return [...left, ...(unmounted ? [done[how]] : [])]
}
