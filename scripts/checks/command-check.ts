/** Checks that are a command of their own: what it printed is the failure when it exits other than 0. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { singleOutcome, type Outcome } from './check-outcome.js'

export interface CommandCheck {
  readonly name: string
  readonly command: readonly [program: string, ...args: string[]]
  /** Runs beside the tests. */
  readonly isSlow?: boolean
}

/** The checks beside the tests, in the order they are told. */
export function commandChecks(): readonly CommandCheck[] {
  const bin = 'node_modules/.bin'
  const native: CommandCheck[] = existsSync('native/build') ? [{ name: 'native', command: ['native/build'] }] : []
  return [
    { name: 'packages', command: ['scripts/install-packages', '--check', 'run', 'test'] },
    ...native,
    { name: 'types', command: [`${bin}/tsc`, '-p', 'tsconfig.json', '--pretty', 'false'] },
    { name: 'layers', command: [process.execPath, 'build/scripts/checks/check-layers.js', 'src'] },
    { name: 'checklist', command: [process.execPath, 'build/scripts/checks/check-checklist.js'] },
    { name: 'semantics', command: [process.execPath, 'build/scripts/checks/check-semantics.js'] },
    { name: 'rows', command: [process.execPath, 'build/scripts/checks/check-rows.js'] },
    // No cache: the rules look at types, so a file can go wrong without being changed.
    { name: 'lint', command: [`${bin}/eslint`, '--max-warnings=0', 'src', 'test', 'scripts'], isSlow: true },
  ]
}

export async function runCommandCheck({ name, command: [program, ...args] }: CommandCheck, signal: AbortSignal): Promise<Outcome> {
  const startMs = performance.now()
  const failure = await new Promise<string | undefined>((resolve) => {
    const printed: Buffer[] = []
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], signal })
    child.stdout.on('data', (chunk: Buffer) => printed.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => printed.push(chunk))
    child.on('error', (error) => {
      resolve(`${program}: ${error.message}`)
    })
    child.on('close', (status, killedBy) => {
      const how = killedBy === null ? `exit code ${status ?? 'unknown'}` : `ended by ${killedBy}`
      resolve(status === 0 ? undefined : `${Buffer.concat(printed).toString().trim()}\n(${program}: ${how})`)
    })
  })
  return singleOutcome(name, performance.now() - startMs, failure)
}
