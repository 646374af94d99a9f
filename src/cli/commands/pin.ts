/** `pin`, `unpin` and `free`: what is always kept on this disk, and what gives its space back (R13). */
import { isFailedPath, type FailedPath, type PathDone } from '../../control/commands.js'
import { requireProfile } from '../../daemon/profile.js'
import { defineCommand, type CommandMaker } from '../command.js'
import { EXIT_CODES, type ExitCode } from '../exit-code.js'
import { localPath } from '../local-path.js'
import { openDaemon } from '../session.js'
import { bytesInWords } from '../words.js'

interface PathsCommand {
  readonly name: 'pin' | 'unpin' | 'free'
  readonly summary: string
  readonly words: (done: PathDone) => string
}

/** Freeing a large folder takes its time; a daemon that is gone is noticed by its connection. */
const NO_LIMIT_MS = Infinity

function pathsCommand({ name, summary, words }: PathsCommand): CommandMaker {
  return defineCommand({
    name,
    summary,
    shape: (command) => command.argument('<path...>', 'files or folders of the drive'),
    run: async (session, _options, given) => {
      const { folder } = await requireProfile(session.paths)
      const paths = await Promise.all(given.map((path) => localPath(path, session.terminal.workingDirectory, folder)))
      const daemon = await openDaemon(session)
      try {
        await daemon.request('status', {}) // told within two seconds when the daemon does not answer
        const answer = await daemon.request(name, { paths }, NO_LIMIT_MS)
        const failed = answer.results.filter((result): result is FailedPath => isFailedPath(result))
        session.output.answer(answer, () => answer.results.flatMap((result) => (isFailedPath(result) ? [] : [words(result)])))
        for (const { path, error } of failed) session.output.note(`elastic-drive: ${path}: ${error.message}`)
        return worstExit(failed)
      } finally {
        await daemon.close()
      }
    },
  })
}

/** The most telling code: a refusal that saves data before a plain failure. */
export function worstExit(failed: readonly FailedPath[]): ExitCode {
  return failed.reduce<ExitCode>((worst, { error }) => {
    const code = EXIT_CODES[error.code]
    return code > worst ? code : worst
  }, 0)
}

export const pinCommand = pathsCommand({
  name: 'pin',
  summary: 'always keeps these files and folders on this disk',
  words: ({ path, bytes }) => (bytes === 0 ? `${path} is kept here.` : `${path} is kept here; ${bytesInWords(bytes)} to fetch.`),
})

export const unpinCommand = pathsCommand({
  name: 'unpin',
  summary: 'lets these files and folders give their space back when it is needed',
  words: ({ path }) => `${path} may give its space back.`,
})

export const freeCommand = pathsCommand({
  name: 'free',
  summary: 'gives the space of these files back now; they stay listed',
  words: ({ path, bytes }) => `${path} gave ${bytesInWords(bytes)} back.`,
})
