/** `sync`: looks through the whole drive for remote changes now, and sends what is queued. */
import type { SyncAnswer } from '../../control/commands.js'
import { requireProfile } from '../../daemon/profile.js'
import { defineCommand, parseNumber } from '../command.js'
import type { ExitCode } from '../exit-code.js'
import { openDaemon } from '../session.js'
import { bytesInWords, countInWords } from '../words.js'

interface SyncOptions {
  readonly wait?: number
  readonly full?: boolean
}

const EXITS: Readonly<Record<SyncAnswer['outcome'], ExitCode>> = { started: 0, done: 0, 'time-up': 1, held: 4 }

export const syncCommand = defineCommand<SyncOptions>({
  name: 'sync',
  summary: 'looks through the whole drive for remote changes now',
  shape: (command) =>
    command
      .option('--wait <seconds>', 'return 0 when that is done and nothing is queued, 1 when time is up first', parseNumber)
      .option('--full', 'drop the history and start from a full snapshot'),
  run: async (session, { wait, full }) => {
    await requireProfile(session.paths)
    const daemon = await openDaemon(session)
    try {
      await daemon.request('status', {}) // told within two seconds when the daemon does not answer
      const answer = await daemon.request('sync', { full: full ?? false, ...(wait === undefined ? {} : { waitSeconds: wait }) }, Infinity)
      session.output.answer(answer, () => words(answer))
      return EXITS[answer.outcome]
    } finally {
      await daemon.close()
    }
  },
})

function words({ outcome, pendingUploads, pendingBytes, heldDeletions }: SyncAnswer): string {
  switch (outcome) {
    case 'started':
      return 'Looking through the drive now.'
    case 'done':
      return 'Everything is in sync.'
    case 'time-up':
      return `Time is up: ${countInWords(pendingUploads, 'edit')} (${bytesInWords(pendingBytes)}) still to be sent; it goes on by itself.`
    case 'held':
      return `${countInWords(heldDeletions, 'deletion')} held back: look at them with "elastic-drive brake show", then "elastic-drive brake allow" or "elastic-drive brake undo".`
  }
}
