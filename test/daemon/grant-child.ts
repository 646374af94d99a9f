/** Another process of a profile: opens its drive from what is stored, and asks who it is each time it is told to. */
import { tmpdir } from 'node:os'
import { systemClock } from '../../src/base/clock.js'
import { errorCode } from '../../src/base/errors.js'
import { silentLog } from '../../src/base/log.js'
import { profilePaths } from '../../src/daemon/paths.js'
import { readAccess } from '../../src/daemon/profile-access.js'
import { DEFAULT_SETTINGS } from '../../src/daemon/settings.js'
import { openShortDrive } from '../../src/daemon/short-drive.js'

const [home = ''] = process.argv.slice(2)
const paths = profilePaths('default', { env: { ELASTIC_DRIVE_HOME: home }, homeDirectory: home, temporaryDirectory: tmpdir(), uid: process.getuid?.() ?? 0, workingDirectory: home })
const access = await readAccess(paths, { access: 'application' }, silentLog)
const opened = openShortDrive({ access, paths, settings: DEFAULT_SETTINGS, clock: systemClock, env: {} })
await opened.rest.setPlan({ capacity: 1_000, perSecond: 1_000 }) // the test is not about the budget

process.on('message', (calls: number) => {
  const asked = Array.from({ length: calls }, () => opened.drive.account({ priority: 'interactive' }).then(({ userId }) => userId, errorCode))
  void Promise.all(asked).then((answers) => process.send?.(answers))
})
process.once('disconnect', () => void opened.close())
process.send?.('ready')
