/** `brake`: what the mass-deletion brake holds, and what a person decides about it. */
import { Argument } from 'commander'
import type { BrakeHold } from '../../control/commands.js'
import { requireProfile } from '../../daemon/profile.js'
import { defineCommand } from '../command.js'
import type { ExitCode } from '../exit-code.js'
import { itemLines } from '../item-lines.js'
import { askDaemon, type Session } from '../session.js'
import { countInWords } from '../words.js'

const DECISION_TIMEOUT_MS = 10 * 60_000 // items may come back from the portal's trash one by one

export const brakeCommand = defineCommand({
  name: 'brake',
  summary: 'what the mass-deletion brake holds; "allow" deletes it after all, "undo" brings it back',
  shape: (command) => command.addArgument(new Argument('<decision>', 'what to do').choices(['show', 'allow', 'undo'])),
  run: async (session, _options, [decision]) => {
    await requireProfile(session.paths)
    if (decision === 'allow') return await allow(session)
    return decision === 'undo' ? await undo(session) : await show(session)
  },
})

async function show(session: Session): Promise<ExitCode> {
  const answer = await askDaemon(session, 'brakeShow', {})
  session.output.answer(answer, () => (answer.holds.length === 0 ? 'The brake holds nothing.' : [...answer.holds.flatMap(holdLines), 'Delete them after all with "elastic-drive brake allow", or bring them back with "elastic-drive brake undo".']))
  return 0
}

async function allow(session: Session): Promise<ExitCode> {
  const answer = await askDaemon(session, 'brakeAllow', {}, DECISION_TIMEOUT_MS)
  session.output.answer(answer, () => (answer.allowed === 0 ? 'The brake holds nothing.' : `${countInWords(answer.allowed, 'deletion')} allowed.`))
  return 0
}

async function undo(session: Session): Promise<ExitCode> {
  const answer = await askDaemon(session, 'brakeUndo', {}, DECISION_TIMEOUT_MS)
  session.output.answer(answer, () => (answer.restored + answer.failed.length === 0 ? 'The brake holds nothing.' : `${countInWords(answer.restored, 'item')} brought back.`))
  for (const { path, error } of answer.failed) session.output.note(`elastic-drive: ${path}: ${error.message}`)
  return answer.failed.length === 0 ? 0 : 1
}

function holdLines({ deletedOn, items, storageItems, since, paths }: BrakeHold): readonly string[] {
  const where = deletedOn === 'here' ? 'deleted here, still on the portal' : 'deleted on the portal, still here'
  return [`${countInWords(items, 'item')} of ${storageItems} ${where} (since ${since}):`, ...itemLines(paths)]
}
