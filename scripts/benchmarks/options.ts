/** The command line of scripts/bench, read once. Pure. */

export type UserName = 'root' | 'ordinary'

export interface BenchOptions {
  readonly quick: boolean
  /** Undefined: every row. */
  readonly rows: readonly string[] | undefined
  readonly users: readonly UserName[]
  readonly withRclone: boolean
  readonly writeReadme: boolean
}

export class UsageError extends Error {}

export const USAGE = `usage: scripts/bench [--quick] [--rows NAME,…] [--user root|ordinary|both] [--no-rclone] [--write-readme]`

/** Throws UsageError. `isRoot` says who runs it: an ordinary user measures himself only. */
export function readOptions(words: readonly string[], rowNames: readonly string[], isRoot: boolean): BenchOptions {
  let [quick, withRclone, writeReadme] = [false, true, false]
  let rows: readonly string[] | undefined
  let users: readonly UserName[] = isRoot ? ['root', 'ordinary'] : ['ordinary']
  const queue = [...words]
  const valueOf = (option: string, inline: string | undefined): string => {
    const value = inline ?? queue.shift()
    if (value === undefined || value === '') throw new UsageError(`${option} wants a value`)
    return value
  }
  for (let word = queue.shift(); word !== undefined; word = queue.shift()) {
    const [option = '', inline] = /^(--[^=]+)=(.*)$/s.exec(word)?.slice(1) ?? [word]
    if (option === '--quick') quick = true
    else if (option === '--no-rclone') withRclone = false
    else if (option === '--write-readme') writeReadme = true
    else if (option === '--rows') rows = readRows(valueOf(option, inline), rowNames)
    else if (option === '--user') users = readUsers(valueOf(option, inline), isRoot)
    else throw new UsageError(`there is no option ${word}`)
  }
  if (writeReadme && rows !== undefined) throw new UsageError('--write-readme wants every row, so it does not go with --rows')
  return { quick, rows, users, withRclone, writeReadme }
}

function readRows(list: string, rowNames: readonly string[]): readonly string[] {
  const names = list.split(',').filter((name) => name !== '')
  const unknown = names.filter((name) => !rowNames.includes(name))
  if (names.length === 0 || unknown.length > 0) throw new UsageError(`no row is called ${unknown.join(', ')}; there are ${rowNames.join(', ')}`)
  return names
}

function readUsers(name: string, isRoot: boolean): readonly UserName[] {
  if (name !== 'root' && name !== 'ordinary' && name !== 'both') throw new UsageError(`--user is root, ordinary or both, not ${name}`)
  if (!isRoot && name !== 'ordinary') throw new UsageError(`only root can measure as root: --user ordinary, or sudo`)
  return name === 'both' ? ['root', 'ordinary'] : [name]
}
