/**
 * `doctor`: looks at everything the drive needs here and says what to do about what is missing. With --live it tries the
 * portal as well, in a scratch folder of the account's own drive.
 */
import { errorCode, errorText, type ErrorCode } from '../../base/errors.js'
import { redact } from '../../base/redact.js'
import type { Check } from '../../daemon/health-checks.js'
import { stopOnSignals } from '../../daemon/stop-signals.js'
import { defineCommand } from '../command.js'
import type { ExitCode } from '../exit-code.js'
import type { Session } from '../session.js'
import { tableLines } from '../words.js'
import { daemonWord } from './status.js'

interface DoctorOptions {
  readonly live?: boolean
}

interface Finding {
  readonly name: string
  readonly ok: boolean
  readonly code: ErrorCode | null
  readonly message: string
}

export const doctorCommand = defineCommand<DoctorOptions>({
  name: 'doctor',
  summary: 'checks what the drive needs on this computer',
  shape: (command) => command.option('--live', 'also try doubtful facts of the protocol in a scratch folder of your drive'),
  run: async (session, { live }) => {
    if (live === true) return tryPortal(session)
    const { HEALTH_CHECKS } = await import('../../daemon/health-checks.js')
    const checks: readonly Check[] = [...HEALTH_CHECKS, { name: 'daemon', run: () => daemonWord(session) }]
    const findings: Finding[] = []
    for (const check of checks) {
      if ((await check.applies?.(session)) !== false) findings.push(await look(check.name, () => check.run(session)))
    }
    session.output.answer({ checks: findings }, () => tableLines(findings.map(({ name, ok, message }) => [ok ? 'ok' : 'FAILED', name, message])))
    // A drive that is not mounted now is no fault.
    return findings.every(({ ok, code }) => ok || code === 'not-mounted') ? 0 : 1
  },
})

async function look(name: string, run: () => Promise<string>): Promise<Finding> {
  try {
    return { name, ok: true, code: null, message: await run() }
  } catch (error) {
    return { name, ok: false, code: errorCode(error), message: redact(errorText(error)) }
  }
}

const NOTES_EVERY = 6

async function tryPortal(session: Session): Promise<ExitCode> {
  const { runLiveCheck } = await import('../../daemon/live-doctor.js')
  const { output } = session
  const stop = stopOnSignals() // the scratch folder is trashed also when somebody has seen enough
  try {
    const report = await runLiveCheck(session, {
      signal: stop.signal,
      onProgress: (done, count) => {
        if (done % NOTES_EVERY === 0) output.note(`trying the portal: ${done} of ${count}`)
      },
    })
    output.answer(report, () => [
      `What held on ${report.portal}, remembered for it. The folder "${report.folder}" of your drive was made for this and lies in the trash now.`,
      ...tableLines([
        ...report.found.map(({ trait, item, value, problem, about }) => [trait, item, value === null ? '?' : JSON.stringify(value), problem === null ? about : `${about} (${redact(problem)})`]),
        ...report.untried.map(({ trait, item, why }) => [trait, item, '-', `not tried: ${why}`]),
      ]),
    ])
    return 0
  } finally {
    stop.release()
  }
}
