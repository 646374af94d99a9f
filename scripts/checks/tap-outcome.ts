/**
 * Reads the TAP of one test file. What counts is a test of the file's own level (a named sentence about behaviour), not
 * each assertion inside; what failed is told by the innermost assertion.
 */
import { inspect } from 'node:util'
import { Parser, type FinalResults, type Result } from 'tap-parser'

export interface TapOutcome {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  readonly failures: readonly string[]
}

/** How the process of the file came to its end. */
export interface ProcessEnd {
  readonly status: number | null
  readonly killedBy: NodeJS.Signals | null
}

export class TapReader {
  readonly #parser: Parser
  #passed = 0
  #failed = 0
  #skipped = 0
  readonly #failures: string[] = []
  #results: FinalResults | undefined

  constructor() {
    this.#parser = new Parser((results) => {
      this.#results = results
    })
    this.#parser.on('assert', (result: Result) => {
      this.#count(result)
    })
    this.#watch(this.#parser)
  }

  write(chunk: Uint8Array): void {
    this.#parser.write(chunk)
  }

  /** The counts, once the process has ended; a file that ended badly or tests nothing has failed even if no test did. */
  end(process: ProcessEnd): TapOutcome {
    this.#parser.end()
    const fault = this.#failed > 0 ? undefined : this.#fault(process)
    if (fault !== undefined) {
      this.#failed += 1
      this.#failures.push(fault)
    }
    return { passed: this.#passed, failed: this.#failed, skipped: this.#skipped, failures: this.#failures }
  }

  #fault({ status, killedBy }: ProcessEnd): string | undefined {
    if (killedBy !== null) return `the file was ended by ${killedBy}`
    if (status !== 0) return `the file ended with exit code ${status ?? 'unknown'}`
    if (this.#passed + this.#skipped === 0) return 'the file holds no test'
    if (this.#results?.ok !== true) return 'the file ended before all its tests had'
    return undefined
  }

  #count({ ok, skip, todo }: Result): void {
    if (skip !== false || todo !== false) this.#skipped += 1
    else if (ok) this.#passed += 1
    else this.#failed += 1
  }

  #watch(parser: Parser): void {
    parser.on('child', (child: Parser) => {
      this.#watch(child)
    })
    parser.on('assert', (result: Result) => {
      const isLeaf = !result.closingTestPoint
      if (!result.ok && result.todo === false && result.skip === false && isLeaf) this.#failures.push(describe(result))
    })
  }
}

// What tap says of itself rather than of the failure.
const NOT_TOLD = new Set(['tapCaller', 'generatedMessage', 'duration_ms', 'at'])

function describe(result: Result): string {
  const diagnostics: unknown = result.diag
  const told = Object.entries(typeof diagnostics === 'object' && diagnostics !== null ? diagnostics : {})
    .filter(([key]) => !NOT_TOLD.has(key))
    .map(([key, value]: [string, unknown]) => `${key}: ${typeof value === 'string' ? value.trimEnd() : inspect(value, { depth: 4 })}`)
  return [result.fullname, ...told.map(indent)].join('\n')
}

export function indent(text: string): string {
  return text.replace(/^(?=.)/gm, '  ')
}
