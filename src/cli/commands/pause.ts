/** `pause` and `resume`: the user's own offline (R10). */
import { defineCommand } from '../command.js'
import { askDaemon } from '../session.js'

export const pauseCommand = defineCommand({
  name: 'pause',
  summary: 'stops sending and fetching changes until "resume"',
  run: async (session) => {
    const answer = await askDaemon(session, 'pause', {})
    session.output.answer(answer, () => 'Paused. What is here stays usable, edits are kept: "elastic-drive resume" sends them.')
    return 0
  },
})

export const resumeCommand = defineCommand({
  name: 'resume',
  summary: 'goes on after "pause"',
  run: async (session) => {
    const answer = await askDaemon(session, 'resume', {})
    session.output.answer(answer, () => (answer.connection === 'online' ? 'Resumed.' : 'Resumed, but the portal cannot be reached now: it is tried again by itself.'))
    return 0
  },
})
