/**
 * `filter` of listings, operator by operator (E-18, bitrix24-rest.md 2.4): a bare string is a case-insensitive LIKE with
 * its wildcards alive, arrays mean IN, unknown fields and the operators `@ !@ =% %=` are dropped without a word.
 */
import { nameKey } from './names.js'
import { listOf, textOf } from './parameters.js'
import type { PortalTime } from './portal-time.js'
import type { Traits } from './traits.js'

export type FieldKind = 'text' | 'number' | 'date' | 'type'

/** The values of one row by column; dates in seconds, `TYPE` as the text. */
export type ColumnValues = (column: string) => string | number | null

export interface FilterRules {
  readonly columns: Readonly<Record<string, FieldKind>>
  readonly time: PortalTime
  readonly traits: Traits
}

export type RowTest = (values: ColumnValues) => boolean

const OPERATORS = ['!><', '!=%', '!%=', '><', '>=', '<=', '!=', '!%', '!@', '=%', '%=', '!', '=', '%', '<', '>', '@', '?'] as const
const DROPPED: readonly string[] = ['@', '!@', '=%', '%=', '!=%', '!%=', '?']

/** All conditions of a filter, to be met together. */
export function filterTest(filter: readonly (readonly [string, unknown])[], rules: FilterRules): RowTest {
  const tests = filter.flatMap(([key, value]) => {
    const test = condition(key, value, rules)
    return test === undefined ? [] : [test]
  })
  return (values) => tests.every((test) => test(values))
}

function condition(key: string, value: unknown, rules: FilterRules): RowTest | undefined {
  const operator = OPERATORS.find((each) => key.startsWith(each)) ?? ''
  const column = key.slice(operator.length).toUpperCase()
  const kind = Object.hasOwn(rules.columns, column) ? rules.columns[column] : undefined
  if (kind === undefined) return undefined
  const effective = rules.traits.listOperators === 'honoured' ? HONOURED[operator] ?? operator : operator
  if (DROPPED.includes(effective)) return undefined
  const wanted = listOf(value)
  const compare = comparison({ kind, operator: effective, rules })
  if (effective === '><' || effective === '!><') {
    const [low, high] = wanted ?? []
    const test: RowTest = (values) => compare('>=', values(column), low) && compare('<=', values(column), high)
    return effective === '><' ? test : (values) => !test(values)
  }
  const negative = effective.startsWith('!')
  const positive = negative ? effective.slice(1) : effective
  if (wanted !== undefined) {
    const anyOf: RowTest = (values) => wanted.some((each) => compare('=', values(column), each))
    return negative ? (values) => !anyOf(values) : anyOf
  }
  return negative ? (values) => !compare(positive, values(column), value) : (values) => compare(positive, values(column), value)
}

/** Where the docs' operators work: `@` is IN, `=%` and `%=` are LIKE. */
const HONOURED: Readonly<Record<string, string>> = { '@': '=', '!@': '!=', '=%': '', '%=': '', '!=%': '!', '!%=': '!' }

type Compare = (operator: string, actual: string | number | null, wanted: unknown) => boolean

function comparison(options: { kind: FieldKind; operator: string; rules: FilterRules }): Compare {
  const { kind, rules } = options
  if (kind === 'text') return (operator, actual, wanted) => compareText(operator, actual === null ? null : String(actual), textOf(wanted), rules.traits.nameCollation)
  return (operator, actual, wanted) => compareNumber(operator, typeof actual === 'number' ? actual : actual === null ? null : typeNumber(actual), numberOf(kind, wanted, rules))
}

function numberOf(kind: FieldKind, wanted: unknown, rules: FilterRules): number {
  if (kind === 'date') return rules.time.seconds(textOf(wanted))
  if (kind === 'type') return typeNumber(textOf(wanted))
  const number = Number(textOf(wanted))
  return Number.isNaN(number) ? 0 : number
}

/** The database keeps 2 for folders and 3 for files; REST takes the words. */
function typeNumber(text: string): number {
  if (text === 'folder') return 2
  if (text === 'file') return 3
  const number = Number(text)
  return Number.isNaN(number) ? 0 : number
}

function compareNumber(operator: string, actual: number | null, wanted: number): boolean {
  if (actual === null) return wanted === 0 && (operator === '' || operator === '=' || operator === '%')
  switch (operator) {
    case '<':
      return actual < wanted
    case '<=':
      return actual <= wanted
    case '>':
      return actual > wanted
    case '>=':
      return actual >= wanted
    default:
      return actual === wanted
  }
}

function compareText(operator: string, actual: string | null, wanted: string, collation: Traits['nameCollation']): boolean {
  if (actual === null) return (wanted === '' || wanted === '0') && (operator === '' || operator === '=')
  const left = nameKey(actual, collation)
  const right = nameKey(wanted, collation)
  switch (operator) {
    case '':
      // LIKE keeps its wildcards; a text of digits alone is compared for equality.
      return /^\d+$/.test(wanted) ? left === right : like(wanted).test(actual)
    case '%':
      return left.includes(right)
    case '<':
      return left < right
    case '<=':
      return left <= right
    case '>':
      return left > right
    case '>=':
      return left >= right
    default:
      return left === right
  }
}

function like(pattern: string): RegExp {
  const source = pattern.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll('%', '.*').replaceAll('_', '.')
  return new RegExp(`^${source}$`, 'isu')
}
