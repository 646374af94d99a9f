/** `conflicts`: which files were kept twice because both sides changed them, and what a person decides about them (R12). */
import { Argument } from 'commander'
import { DriveError } from '../../base/errors.js'
import { isFailedPath, type ConflictChoice, type ConflictStatus, type FailedPath } from '../../control/commands.js'
import { requireProfile } from '../../daemon/profile.js'
import { defineCommand } from '../command.js'
import type { ExitCode } from '../exit-code.js'
import { localPath } from '../local-path.js'
import { askDaemon, openDaemon, type Session } from '../session.js'
import { worstExit } from './pin.js'

const CHOICES: readonly ConflictChoice[] = ['mine', 'theirs', 'both']

/** A copy's bytes may have to be fetched; a daemon that is gone is noticed by its connection. */
const NO_LIMIT_MS = Infinity

const WHY_WORDS: Readonly<Record<ConflictStatus['why'], string>> = {
  'edited-on-both-sides': 'edited on both sides',
  'name-taken': 'both sides wanted the name',
  'torn-by-power-loss': 'a power loss may have torn the edit',
  'version-slipped-in': 'saved by somebody in the moment of our saving',
}

const KEPT_WORDS: Readonly<Record<ConflictChoice, string>> = {
  mine: 'what this computer had is kept',
  theirs: 'what the others have is kept',
  both: 'both files stay',
}

export const conflictsCommand = defineCommand({
  name: 'conflicts',
  summary: 'files that were kept twice, and which of the two to keep',
  shape: (command) =>
    command
      .addArgument(new Argument('[keep]', 'whose content to keep').choices(CHOICES))
      .argument('[path...]', 'conflict copies or the files beside them'),
  run: async (session, _options, [keep, ...paths]) => {
    const choice = CHOICES.find((known) => known === keep)
    if (choice === undefined) return await list(session)
    if (paths.length === 0) throw new DriveError('usage', `say which files: "elastic-drive conflicts ${choice} PATH"`)
    return await resolve(session, choice, paths)
  },
})

async function list(session: Session): Promise<ExitCode> {
  await requireProfile(session.paths)
  const answer = await askDaemon(session, 'conflicts', {})
  session.output.answer(answer, () => (answer.conflicts.length === 0 ? 'No conflicts.' : [...answer.conflicts.flatMap(conflictLines), 'Decide with "elastic-drive conflicts mine|theirs|both PATH".']))
  return 0
}

function conflictLines({ copy, original, copyHolds, why, since }: ConflictStatus): readonly string[] {
  const [here, there] = copyHolds === 'mine' ? [copy, original] : [original, copy]
  return [`${WHY_WORDS[why]}, ${since}`, `  mine    ${here ?? 'cannot be seen from here'}`, `  theirs  ${there ?? 'cannot be seen from here'}`]
}

async function resolve(session: Session, keep: ConflictChoice, given: readonly string[]): Promise<ExitCode> {
  const { folder } = await requireProfile(session.paths)
  const paths = await Promise.all(given.map((path) => localPath(path, session.terminal.workingDirectory, folder)))
  const daemon = await openDaemon(session)
  try {
    await daemon.request('status', {}) // told within two seconds when the daemon does not answer
    const answer = await daemon.request('resolveConflicts', { paths, keep }, NO_LIMIT_MS)
    const failed = answer.results.filter((result): result is FailedPath => isFailedPath(result))
    session.output.answer(answer, () => answer.results.flatMap((result) => (isFailedPath(result) ? [] : [`${result.path}: ${KEPT_WORDS[result.kept]}.`])))
    for (const { path, error } of failed) session.output.note(`elastic-drive: ${path}: ${error.message}`)
    return worstExit(failed)
  } finally {
    await daemon.close()
  }
}
