/** Commands of the contract that no code stands behind yet: known by name, refused in one sentence. */
import { defineCommand, notBuilt, type CommandMaker } from '../command.js'

const NAMES: readonly (readonly [name: string, summary: string])[] = [
  ['elastic', 'switches between the elastic and the full folder'],
  ['activity', 'what happened lately'],
  ['versions', 'versions of a file'],
  ['restore', 'goes back to a version of a file'],
  ['link', 'a public link to a file'],
  ['web', 'opens a file on the web'],
  ['open', 'opens the folder'],
]

export const UNBUILT_COMMANDS: readonly CommandMaker[] = NAMES.map(([name, summary]) =>
  defineCommand({
    name,
    summary: `${summary} (not built yet)`,
    shape: (command) => command.argument('[words...]').allowUnknownOption(),
    run: () => Promise.reject(notBuilt(`"elastic-drive ${name}"`)),
  }),
)
