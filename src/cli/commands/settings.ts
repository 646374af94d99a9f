/** `settings`: prints all, prints one, or sets one and tells the running daemon. */
import { errorText } from '../../base/errors.js'
import { prepareDirectories } from '../../daemon/paths.js'
import { allowedValues, formatSetting, parseSetting, readSettings, SETTING_KEYS, settingKey, writeSetting, type Settings } from '../../daemon/settings.js'
import { defineCommand } from '../command.js'
import { askDaemonIfAny, type Session } from '../session.js'
import { tableLines } from '../words.js'

export const settingsCommand = defineCommand({
  name: 'settings',
  summary: 'shows the settings, or one, or sets one',
  shape: (command) =>
    command
      .argument('[key]', 'one setting')
      .argument('[value]', 'its new value; "default" takes it back')
      .addHelpText('after', () => `\nSettings:\n${SETTING_KEYS.map((key) => `  ${key}: ${allowedValues(key)}`).join('\n')}`),
  run: async (session, _options, [keyText, value]) => {
    const { output, paths } = session
    if (keyText === undefined) {
      const settings = await readSettings(paths)
      output.answer(settings, () => tableLines(SETTING_KEYS.map((key) => [key, formatSetting(key, settings[key])])))
      return 0
    }
    const key = settingKey(keyText)
    const settings = value === undefined ? await readSettings(paths) : await change(session, key, value)
    output.answer({ [key]: settings[key] }, () => formatSetting(key, settings[key]))
    return 0
  },
})

async function change(session: Session, key: keyof Settings, value: string): Promise<Settings> {
  parseSetting(key, value) // refused before anything is made
  await prepareDirectories(session.paths, session.surroundings.uid)
  const settings = await writeSetting(session.paths, key, value)
  try {
    await askDaemonIfAny(session, 'settingsChanged', {})
  } catch (error) {
    session.output.note(`The setting is stored, but the running daemon did not take it: ${errorText(error)}`)
  }
  return settings
}
