/** Which test files there are, which of them and of the checks the words on the command line mean, and which run alone. */
import { readdir } from 'node:fs/promises'

export interface TestFile {
  /** Below `test/`, as written: `store/store.test.ts`. */
  readonly name: string
  /** The compiled file. */
  readonly path: string
}

/**
 * `alone`: what measures time or memory of the machine, or the screen, with nothing beside it. `waiting`: what mostly waits for
 * time to pass, one after another beside the others. `shared`: the rest.
 */
export type Lane = 'shared' | 'waiting' | 'alone'

const FOLDERS_THAT_RUN_ALONE: ReadonlySet<string> = new Set(['file-manager'])
export const LANES: Readonly<Record<string, Lane>> = {
  'engine/endurance.test.ts': 'alone',
  'engine/feature-switches.test.ts': 'alone',
  'engine/idle.test.ts': 'waiting',
  'mount/endurance.test.ts': 'alone',
  'mount/frozen.test.ts': 'alone',
  'drive/live.test.ts': 'waiting',
  'mount/editing.test.ts': 'waiting',
  'mount/idle.test.ts': 'waiting',
  'mount/killed.test.ts': 'waiting',
  'mount/limits.test.ts': 'waiting',
  'mount/lost-answers.test.ts': 'waiting',
  'mount/oauth.test.ts': 'waiting',
  'mount/two-actors.test.ts': 'waiting',
}

/** A minute or more each: begun first, so that the run does not end with one of them. */
export const LONG: ReadonlySet<string> = new Set([
  'traits/every-trait.test.ts', 'mount/lost-answers.test.ts', 'watch/hour.test.ts', 'mount/killed.test.ts', 'mount/large-files.test.ts', 'engine/native-harness.test.ts', 'mount/editing.test.ts',
  'mount/oauth.test.ts', 'mount/clear-errors.test.ts', 'mount/storages.test.ts',
])

/** As they were, but for the longest. */
export function longestFirst(files: readonly TestFile[]): readonly TestFile[] {
  return [...files.filter(({ name }) => LONG.has(name)), ...files.filter(({ name }) => !LONG.has(name))]
}

export async function findTestFiles(): Promise<readonly TestFile[]> {
  const names = (await readdir('test', { recursive: true })).filter((name) => name.endsWith('.test.ts')).sort()
  return names.map((name) => ({ name, path: `build/test/${name.replace(/\.ts$/, '.js')}` }))
}

export function laneOf({ name }: TestFile): Lane {
  return FOLDERS_THAT_RUN_ALONE.has(name.split('/')[0] ?? '') ? 'alone' : (LANES[name] ?? 'shared')
}

export interface Choice {
  readonly checks: readonly string[]
  readonly files: readonly TestFile[]
  /** Words that mean nothing here. */
  readonly unknown: readonly string[]
}

/** A word is a check, else a folder of tests, else a part of a test file's name; no words mean everything. */
export function choose(words: readonly string[], checks: readonly string[], files: readonly TestFile[]): Choice {
  if (words.length === 0) return { checks, files, unknown: [] }
  const matching = (word: string): readonly TestFile[] => {
    const plain = word.replace(/^(\.\/)?test\//, '').replace(/\/$/, '')
    const inFolder = files.filter(({ name }) => name.startsWith(`${plain}/`))
    return inFolder.length > 0 ? inFolder : files.filter(({ name }) => name.includes(plain))
  }
  const others = words.filter((word) => !checks.includes(word))
  const chosen = new Set(others.flatMap(matching))
  return {
    checks: checks.filter((check) => words.includes(check)),
    files: files.filter((file) => chosen.has(file)),
    unknown: others.filter((word) => matching(word).length === 0),
  }
}
