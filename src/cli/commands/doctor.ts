/** `doctor`: looks at everything the drive needs here and says what to do about what is missing. */
import { errorCode, errorText, type ErrorCode } from '../../base/errors.js'
import { redact } from '../../base/redact.js'
import { defineCommand, notBuilt } from '../command.js'
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
    if (live === true) throw notBuilt('"doctor --live"')
    const { HEALTH_CHECKS } = await import('../../daemon/health-checks.js')
    const checks = [...HEALTH_CHECKS, { name: 'daemon', run: () => daemonWord(session) }]
    const findings: Finding[] = []
    for (const { name, run } of checks) findings.push(await look(name, () => run(session)))
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
