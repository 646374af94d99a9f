/** `rescue`: copies every unsent edit out under its real name, with or without daemon, portal or sound database. */
import { resolve } from 'node:path'
import { defineCommand } from '../command.js'
import { bytesInWords, countInWords } from '../words.js'

export const rescueCommand = defineCommand({
  name: 'rescue',
  summary: 'copies every unsent edit into an empty or new folder, portal reachable or not',
  shape: (command) => command.argument('<dir>', 'where the copies go'),
  run: async ({ paths, output, terminal }, _options, [directory = '']) => {
    const target = resolve(terminal.workingDirectory, directory)
    const { rescueInto } = await import('../../daemon/rescue.js') // the database is loaded only where it is read
    const rescue = await rescueInto(paths, target)
    output.answer(rescue, () => [
      ...rescue.files.map(({ path, savedAs, bytes }) => `${path ?? '(name unknown)'} -> ${savedAs} (${bytesInWords(bytes)})`),
      rescue.files.length === 0 && rescue.failed.length === 0 ? 'Nothing is unsent.' : `Copied ${countInWords(rescue.files.length, 'unsent edit')} to ${target}.`,
    ])
    for (const { path, reason } of rescue.failed) output.note(`elastic-drive: ${path} could not be copied: ${reason}`)
    return rescue.failed.length === 0 ? 0 : 1
  },
})
