/** `demo`: a drive to try, with no account: its own portal, mounted, shown step by step, left up until Ctrl-C. */
import { DriveError, errorText } from '../../base/errors.js'
import { stopOnSignals } from '../../daemon/stop-signals.js'
import { defineCommand } from '../command.js'
import type { Output } from '../output.js'

interface DemoOptions {
  readonly once?: boolean
}

interface StepDone {
  readonly title: string
  readonly seen: string
}

export const demoCommand = defineCommand<DemoOptions>({
  name: 'demo',
  summary: 'a drive to try, with no account',
  shape: (command) => command.option('--once', 'take the tour and leave; exits 0 only when every step held'),
  run: async ({ terminal, output }, { once }) => {
    const [{ DemoStage }, { DEMO_STEPS }] = await Promise.all([import('../demo-stage.js'), import('../demo-tour.js')])
    const stop = stopOnSignals()
    const stage = await DemoStage.open(terminal.env)
    try {
      const steps: StepDone[] = []
      for (const [index, { title, run }] of DEMO_STEPS.entries()) {
        if (stop.signal.aborted) throw new DriveError('cancelled', 'the demo was left')
        steps.push({ title, seen: await runStep(title, () => run(stage)) })
        output.note(`${index + 1}/${DEMO_STEPS.length}  ${title}: ${steps.at(-1)?.seen ?? ''}`)
      }
      output.answer({ steps, folder: stage.folder, portal: stage.address.url }, () => 'Every step held.')
      if (once !== true) {
        invite(output, stage.folder)
        await stop.stopped
      }
    } finally {
      for (const problem of await stage.close()) output.note(`elastic-drive: ${problem}`)
      stop.release()
    }
    return 0
  },
})

async function runStep(title: string, run: () => Promise<string>): Promise<string> {
  try {
    return await run()
  } catch (error) {
    throw new DriveError('internal', `${title}: did not hold: ${errorText(error)}`, { cause: error })
  }
}

function invite(output: Output, folder: string): void {
  output.note(`
The drive stays at ${folder} until Ctrl-C. Try:
  ls -l ${folder}
  du -sh ${folder}            what of it is on this disk
  echo hello > "${folder}/hello.txt"
or open the folder in your file manager.`)
}
