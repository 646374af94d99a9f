/** `portal`: runs the embedded portal until it is told to end. Its first line of output is JSON, with or without --json. */
import { resolve } from 'node:path'
import { InvalidArgumentError, Option } from 'commander'
import { hasCode, DriveError } from '../../base/errors.js'
import type { PortalOptions } from '../../portal/portal.js'
import { stopOnSignals } from '../../daemon/stop-signals.js'
import { defineCommand, parseNumber, parsePort } from '../command.js'

interface PortalCommandOptions {
  readonly port: number
  readonly data?: string
  readonly seed: string
  readonly latency: number
  readonly plan: NonNullable<PortalOptions['plan']>
  readonly tls?: boolean
  readonly trait?: Readonly<Record<string, string | number | boolean>>
}

export const portalCommand = defineCommand<PortalCommandOptions>({
  name: 'portal',
  summary: 'runs the embedded portal, a Bitrix24 to try things on',
  shape: (command) =>
    command
      .option('--port <n>', 'port on loopback; 0 is any free one', parsePort, 0)
      .option('--data <dir>', 'keep its files there, also over a restart')
      .option('--seed <seed>', 'demo, empty, links or tree:FOLDERSxFILES[xBYTES]', 'empty')
      .option('--latency <ms>', 'wait before each answer', parseNumber, 0)
      .addOption(new Option('--plan <plan>', 'whose limits to keep').choices(['basic', 'enterprise', 'self-hosted']).default('basic'))
      .option('--tls', 'serve https with a certificate of its own')
      .option('--trait <name=value>', 'a doubtful fact of the protocol, told the other way; may be repeated', parseTrait),
  run: async ({ terminal, output }, options) => {
    const { startPortal } = await import('../../portal/portal.js')
    // From here on a signal ends the portal cleanly, also one that comes while it starts.
    const stop = stopOnSignals()
    try {
      const portal = await startPortal({
        port: options.port,
        seed: options.seed,
        latencyMs: options.latency,
        plan: options.plan,
        tls: options.tls ?? false,
        traits: options.trait ?? {},
        ...(options.data === undefined ? {} : { dataDir: resolve(terminal.workingDirectory, options.data) }),
      })
      try {
        const { url, webhook, hooks, storageId, certificatePath } = portal
        output.line(JSON.stringify({ url, webhook, hooks, storage: storageId, pid: process.pid, ...(certificatePath === undefined ? {} : { certificate: certificatePath }) }))
        await stop.stopped
      } finally {
        await portal.close()
      }
    } catch (error) {
      if (hasCode(error, 'already-running') && options.port !== 0) {
        throw new DriveError('already-running', `the portal cannot start: port ${options.port} or its data directory is in use; choose another`, { cause: error })
      }
      throw error
    } finally {
      stop.release()
    }
    return 0
  },
})

/** `rangeMode=B`, `fileHistory=false`: the value is JSON where it is that, and a text otherwise. The portal knows the names. */
function parseTrait(text: string, before: Readonly<Record<string, string | number | boolean>> = {}): Readonly<Record<string, string | number | boolean>> {
  const [, name, value] = /^(\w+)=(.*)$/su.exec(text) ?? []
  if (name === undefined || value === undefined) throw new InvalidArgumentError('It must be NAME=VALUE.')
  return { ...before, [name]: /^(?:true|false|\d+)$/u.test(value) ? (JSON.parse(value) as number | boolean) : value }
}
