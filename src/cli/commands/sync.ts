/** `sync`: looks through the whole drive for remote changes now, and sends what is queued; `--full` drops the history before. */
import { DriveError } from '../../base/errors.js'
import type { SyncAnswer } from '../../control/commands.js'
import { requireProfile } from '../../daemon/profile.js'
import { defineCommand, parseNumber } from '../command.js'
import type { ExitCode } from '../exit-code.js'
import { fullSyncLines } from '../full-sync-lines.js'
import { openDaemon } from '../session.js'
import { bytesInWords, countInWords } from '../words.js'

interface SyncOptions {
  readonly wait?: number
  readonly full?: boolean
  readonly dryRun?: boolean
  readonly yes?: boolean
}

const EXITS: Readonly<Record<SyncAnswer['outcome'], ExitCode>> = { started: 0, done: 0, 'time-up': 1, held: 4 }

export const syncCommand = defineCommand<SyncOptions>({
  name: 'sync',
  summary: 'looks through the whole drive for remote changes now',
  shape: (command) =>
    command
      .option('--wait <seconds>', 'return 0 when that is done and nothing is queued, 1 when time is up first', parseNumber)
      .option('--full', 'drop the history: what is only here is sent, what is only there is listed, whatever was deleted meanwhile')
      .option('--dry-run', 'with --full: only show what it would do')
      .option('--yes', 'with --full: also while the drive is paused, instead of resume'),
  run: async (session, { wait, full = false, dryRun = false, yes = false }) => {
    if (!full && (dryRun || yes)) throw new DriveError('usage', '--dry-run and --yes belong to "sync --full"')
    if (dryRun && wait !== undefined) throw new DriveError('usage', '--dry-run changes nothing, so there is nothing to wait for: leave out --wait')
    await requireProfile(session.paths)
    const daemon = await openDaemon(session)
    try {
      await daemon.request('status', {}) // told within two seconds when the daemon does not answer
      if (dryRun) {
        const { plan } = await daemon.request('fullSyncPlan', {}, Infinity)
        session.output.answer({ dryRun, plan }, () => ['Would drop the history and synchronize in full. Nothing was changed.', ...fullSyncLines(plan)])
        return 0
      }
      const answer = await daemon.request('sync', { full, resume: yes, ...(wait === undefined ? {} : { waitSeconds: wait }) }, Infinity)
      session.output.answer(answer, () => [words(answer), ...(answer.plan ? fullSyncLines(answer.plan) : [])])
      return EXITS[answer.outcome]
    } finally {
      await daemon.close()
    }
  },
})

function words(answer: SyncAnswer): string {
  const { outcome, heldDeletions, plan } = answer
  switch (outcome) {
    case 'started':
      return plan === undefined ? 'Looking through the drive now.' : 'The history is dropped; what differs is being sent and listed now.'
    case 'done':
      return 'Everything is in sync.'
    case 'time-up':
      if (plan === null) return 'Time is up before both sides were compared: nothing was changed. Give it more time, or leave out --wait.'
      return `Time is up: ${leftWords(answer)}; it goes on by itself.`
    case 'held':
      return `${countInWords(heldDeletions, 'deletion')} held back: look at them with "elastic-drive brake show", then "elastic-drive brake allow" or "elastic-drive brake undo".`
  }
}

function leftWords({ pendingUploads, pendingBytes, pendingDownloads }: SyncAnswer): string {
  const left = [
    ...(pendingUploads === 0 ? [] : [`${countInWords(pendingUploads, 'edit')} (${bytesInWords(pendingBytes)}) still to be sent`]),
    ...(pendingDownloads === 0 ? [] : [`${countInWords(pendingDownloads, 'file')} still to be fetched`]),
  ]
  return left.length === 0 ? 'the portal was not looked through yet' : left.join(', ')
}
